/** Of machines whose sessions are to be archived: are they? */
import { ok, warn, type Check } from '../../shared/doctor/check.ts';
import { withheldWords } from '../../shared/archive-words.ts';
import { bytesWords, plural } from '../../shared/status-words.ts';
import type { ArchiveRow } from '../../shared/archive-document.ts';

export function judgeArchives(rows: readonly ArchiveRow[]): Check[] {
  return rows.filter(({ on, ended_at: endedAt }) => on && endedAt === null).map(judgeArchive);
}

function judgeArchive({ label, connected, agent, problem, older_agent: isOlder }: ArchiveRow): Check {
  if (problem !== null) return warn('archive', problem, 'make room on this disk, or: tt archive prune; events are taken first', label);
  if (isOlder) return warn('archive', 'its agent is too old to send session files', 'tt deploy brings it up to date', label);
  if (agent?.state === 'not_allowed') return warn('archive', 'its owner has not allowed it', 'there: archive = true in config.toml, then restart its agent', label);
  if (agent !== null && agent.problem !== null) return warn('archive', agent.problem, 'tt archive status; there: tt-agent doctor', label);
  if (agent === null || agent.waiting_files === null || connected !== true) return ok('archive', 'on; what waits there is not known now', label);
  const apart = agent.withheld_sessions === 0 ? '' : `; ${withheldWords(agent.withheld_sessions)}`;
  if (agent.waiting_files === 0) return ok('archive', `nothing waits there${apart}`, label);
  return ok('archive', `on; ${plural(agent.waiting_files, 'file')} with ${bytesWords(agent.waiting_bytes ?? 0)} wait`, label);
}
