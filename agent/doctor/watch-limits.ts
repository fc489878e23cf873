/** How many directories the system lets one user watch (inotify), and how many there are. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readFileIfExists } from '../../shared/atomic-file.ts';
import { ok, warn, type Check } from '../../shared/doctor/check.ts';

export interface WatchLimits {
  /** Null: the system has no such limit. */
  watches: number | null;
  instances: number | null;
  /** Directories below what the agent reads, as far as they were counted. */
  directories: number;
}

/** More are not counted: the answer is clear by then. */
const COUNTED = 100_000;

export function readWatchLimits(roots: readonly string[], proc = '/proc/sys/fs/inotify'): WatchLimits {
  return { watches: readNumber(join(proc, 'max_user_watches')), instances: readNumber(join(proc, 'max_user_instances')), directories: countDirectories(roots) };
}

function readNumber(file: string): number | null {
  const text = readFileIfExists(file);
  return text === undefined || !/^\d+\s*$/.test(text) ? null : Number(text);
}

function countDirectories(roots: readonly string[]): number {
  const waiting = [...roots];
  let count = 0;
  for (let directory = waiting.pop(); directory !== undefined && count < COUNTED; directory = waiting.pop()) {
    try {
      const entries = readdirSync(directory, { withFileTypes: true });
      count += 1;
      for (const entry of entries) if (entry.isDirectory()) waiting.push(join(directory, entry.name));
    } catch {
      // What can not be read is not watched either.
    }
  }
  return count;
}

/** Share of the limit above which other programs of the same user, editors above all, leave too little. */
const USED_SHARE = 0.5;
const FEW_INSTANCES = 64;

export function judgeWatchLimits({ watches, instances, directories }: WatchLimits): Check[] {
  if (watches === null) return [ok('watches', `${directories} directories to watch; this system sets no limit`)];
  if (directories > watches * USED_SHARE) {
    return [warn('watches', `${directories} directories to watch, and ${watches} watches for all programs of this user: beyond them the agent looks every 5 s`, `echo fs.inotify.max_user_watches=${Math.max(524_288, watches * 4)} | sudo tee /etc/sysctl.d/60-tt.conf && sudo sysctl --system`)];
  }
  if (instances !== null && instances < FEW_INSTANCES) {
    return [warn('watches', `only ${instances} programs of this user may watch directories`, 'echo fs.inotify.max_user_instances=512 | sudo tee /etc/sysctl.d/60-tt.conf && sudo sysctl --system')];
  }
  return [ok('watches', `${directories} directories to watch, of ${watches} that may be`)];
}
