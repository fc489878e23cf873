/** Do the hooks still write, and what went wrong with them? */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ok, warn, type Check } from '../../shared/doctor/check.ts';
import type { Paths } from '../../shared/paths.ts';
import { durationWords, plural } from '../../shared/status-words.ts';
import { isLogName } from '../event-log/segments.ts';

export interface HookActivity {
  /** When the event log was last written to; null: never. */
  hooksAtMs: number | null;
  /** When Claude Code last wrote a session log; null: never. */
  claudeAtMs: number | null;
  /** Of hook.log: failures of the last week, and the latest. */
  failures: number;
  lastFailure: string | null;
}

const FAILURES_MS = 7 * 86_400_000;

export function readHookActivity(
  { eventLog, logDir }: Pick<Paths, 'eventLog' | 'logDir'>, claudeDirs: readonly string[], nowMs: number,
): HookActivity {
  const logs = list(dirname(eventLog)).filter((name) => isLogName(name, basename(eventLog, '.jsonl')));
  const failures = linesOf(join(logDir, 'hook.log')).filter((line) => Date.parse(line.slice(0, 24)) > nowMs - FAILURES_MS);
  return {
    hooksAtMs: newest(logs.map((name) => join(dirname(eventLog), name))),
    claudeAtMs: newest(claudeDirs.flatMap((directory) => sessionLogs(join(directory, 'projects')))),
    failures: failures.length,
    lastFailure: failures.at(-1) ?? null,
  };
}

function sessionLogs(projects: string): string[] {
  return list(projects).flatMap((project) => list(join(projects, project)).filter((name) => name.endsWith('.jsonl')).map((name) => join(projects, project, name)));
}

function newest(files: readonly string[]): number | null {
  let at: number | null = null;
  for (const file of files) {
    const changedAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    if (changedAt !== undefined && (at === null || changedAt > at)) at = Math.floor(changedAt);
  }
  return at;
}

/** Empty where there is none, or it can not be read: other checks say that. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
  } catch {
    return [];
  }
}

/** Somebody who works with sessions for so long changes a pane now and then. */
const SILENT_MS = 3 * 86_400_000;

export function judgeHookActivity({ hooksAtMs, claudeAtMs, failures, lastFailure }: HookActivity, { usesTmux }: { usesTmux: boolean }): Check[] {
  const failed = failures === 0 ? [] : [warn('hooks', `${plural(failures, 'hook')} failed within a week, the last: ${lastFailure ?? ''}`, 'hook.log in the log directory has them all')];
  if (!usesTmux || hooksAtMs === null || claudeAtMs === null) return failed;
  const silentMs = claudeAtMs - hooksAtMs;
  if (silentMs <= SILENT_MS) return [...failed, ok('hooks', 'the hooks write')];
  return [...failed, warn('hooks', `no hook wrote for ${durationWords(silentMs)} while sessions went on`, 'the check "tmux-hooks" tells whether they are loaded')];
}
