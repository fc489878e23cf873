/**
 * Which engine watches which directory. chokidar takes the roots and the few
 * directories in which something happens: it knows the quirks of each system,
 * but reads a directory again at each change and costs about 130 KB for each.
 * All others, and those that are large or busy, get a plain `fs.watch`.
 */
import type { DirectoryWatcher, WatchEvents } from './watcher.ts';

export interface DirectoryFacts {
  /** A root, or changed within the last week. */
  isActive: boolean;
  entries: number;
}

export interface Watch {
  add(directory: string, facts: DirectoryFacts): void;
  remove(directory: string): void;
  close(): Promise<void>;
}

export interface WatchDeps {
  /** Null: no such engine (a test, or a system without it). */
  chokidar: ((events: WatchEvents) => DirectoryWatcher) | null;
  plain: ((events: WatchEvents) => DirectoryWatcher) | null;
  monotonic(): number;
}

const CHOKIDAR_DIRECTORIES = 64;
/** Reading more again, before the change is told, would hold up the line that made it: 200 entries take 4 ms and more. */
const LARGE_ENTRIES = 50;
const BUSY_EVENTS = 50;
/** Entries read again for it: 400 a second are about 1 % of a core. */
const BUSY_READS = 2_000;
const BUSY_WINDOW_MS = 5_000;

export function createWatch(deps: WatchDeps, events: WatchEvents): Watch {
  const busy = new Map<string, { since: number; count: number }>();
  /** Directory → how many entries it had when it was added. */
  const byChokidar = new Map<string, number>();
  const plain = deps.plain?.(events);
  const chokidar = deps.chokidar?.({
    changed: (directory, name, isRename) => {
      if (isBusy(directory)) handOver(directory);
      events.changed(directory, name, isRename);
    },
    failed: (directory, error) => events.failed(directory, error),
  });

  function isBusy(directory: string): boolean {
    const now = deps.monotonic();
    const rate = busy.get(directory);
    if (rate === undefined || now - rate.since > BUSY_WINDOW_MS) {
      busy.set(directory, { since: now, count: 1 });
      return false;
    }
    rate.count += 1;
    return rate.count > BUSY_EVENTS || rate.count * (byChokidar.get(directory) ?? 0) > BUSY_READS;
  }

  /** The plain watch is set before chokidar's goes: nothing falls between. */
  function handOver(directory: string): void {
    if (plain === undefined || !byChokidar.has(directory)) return;
    plain.add(directory);
    byChokidar.delete(directory);
    chokidar?.remove(directory);
    busy.delete(directory);
  }

  function add(directory: string, facts: DirectoryFacts): void {
    const isKnown = byChokidar.has(directory);
    const fits = isKnown || byChokidar.size < CHOKIDAR_DIRECTORIES;
    if (chokidar !== undefined && facts.isActive && facts.entries <= LARGE_ENTRIES && fits) {
      byChokidar.set(directory, facts.entries);
      plain?.remove(directory);
      chokidar.add(directory);
      return;
    }
    plain?.add(directory);
    if (isKnown) {
      byChokidar.delete(directory);
      chokidar?.remove(directory);
    }
  }

  return {
    add,
    remove: (directory) => {
      busy.delete(directory);
      if (byChokidar.delete(directory)) chokidar?.remove(directory);
      else plain?.remove(directory);
    },
    close: async () => {
      await Promise.all([plain?.close(), chokidar?.close()]);
    },
  };
}
