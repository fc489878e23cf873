/** Which files of a machine's sessions are nowhere but there. */
import { plural } from '../../shared/status-words.ts';
import type { ArchiveRow } from '../../shared/archive-document.ts';

/** For whoever takes the machine off, as one sentence and what to do first; undefined: all of them are in the archive here. */
export function unarchivedWords(row: ArchiveRow | undefined, host: string): string | undefined {
  const stay = `Claude Code's own logs stay on ${host}`;
  if (row?.on !== true || row.agent?.state !== 'on') {
    return `${stay}, and only there: tt has what happened, not those files. Copy .claude/projects first if the machine goes${row ? `, or have them archived here: tt archive on ${row.label}` : ''}`;
  }
  const { waiting_files: waiting, withheld_sessions: withheld, skipped_files: skipped, problem } = row.agent;
  const missing = [
    ...(waiting === null ? ['it is not known how many files'] : waiting > 0 ? [plural(waiting, 'file')] : []),
    ...(withheld > 0 ? [plural(withheld, 'session')] : []),
    ...(skipped > 0 ? [plural(skipped, 'skipped file')] : []),
  ];
  const why = row.problem ?? problem;
  if (missing.length === 0 && why === null) return undefined;
  return `${stay}, and of them ${missing.length === 0 ? 'perhaps some' : missing.join(', ')} only there${why === null ? '' : ` (${why})`}. Look first: tt archive`;
}
