/** Does Claude Code run on this session or in its directory? Its own registry says so. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { systemCode, TtError } from '../../shared/errors.ts';
import { numberOf, parseEntry, textOf } from '../../shared/json-line.ts';
import type { Processes } from '../processes.ts';
import { realDirectory } from './places.ts';

type Known = Pick<Processes, 'isAlive' | 'isRunning' | 'pidDomain'>;

/** `directory`: real path. Throws `session_in_use`; what can not be told counts as in use. */
export function refuseInUse({ session, directory }: { session: string; directory: string }, configDirs: readonly string[], processes: Known): void {
  for (const configDir of configDirs) {
    const registry = join(configDir, 'sessions');
    for (const name of namesIn(registry)) {
      const path = join(registry, name);
      const text = readText(path);
      if (text === undefined) continue;
      const record = parseEntry(text);
      if (!record) {
        refuseUntold(path, processes);
        continue;
      }
      const [pid, cwd] = [numberOf(record, 'pid'), textOf(record, 'cwd')];
      const isSession = textOf(record, 'sessionId') === session;
      const isDirectory = cwd !== undefined && (realDirectory(cwd) ?? cwd) === directory;
      if ((!isSession && !isDirectory) || pid === undefined || !isRunning(pid, record, processes)) continue;
      throw new TtError('session_in_use', `Claude Code is running ${isSession ? 'this session' : `in ${directory}`} (process ${pid})`, {
        hint: `end it there, then do this again; if no such process runs, remove ${path}`, retryable: true,
      });
    }
  }
}

/** A record that is just being written, or is damaged: named by its process, it says nothing of where that runs. */
function refuseUntold(path: string, processes: Known): void {
  const pid = Number(basename(path, '.json'));
  if (!Number.isInteger(pid) || pid <= 0 || !processes.isAlive(pid)) return;
  throw new TtError('session_in_use', `it can not be told where Claude Code runs as process ${pid}`, {
    hint: `do this again in a moment; if that is no Claude Code, remove ${path}`, retryable: true,
  });
}

function isRunning(pid: number, record: NonNullable<ReturnType<typeof parseEntry>>, processes: Known): boolean {
  const [domain, start] = [textOf(record, 'pidDomain'), textOf(record, 'procStart')];
  // Of another host or container with the same files: from here it can not be told.
  if (domain !== undefined && processes.pidDomain !== null && domain !== processes.pidDomain) return true;
  return (start === undefined ? null : processes.isRunning(pid, start)) ?? processes.isAlive(pid);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}

/** Undefined: gone since. What may not be read tells nothing. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? undefined : '';
  }
}
