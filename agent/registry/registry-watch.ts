/**
 * Live state of Claude Code's sessions, without hooks: every process of its CLI
 * keeps `sessions/<pid>.json` in its config directory, takes it away on a clean
 * exit and leaves it behind when it is killed. Each change becomes a line of
 * `status.jsonl`, which is tailed and acknowledged like any other log.
 *
 * A change is told at once (by the watch), after a missed hint within 15 s (by
 * looking). Of changes in one millisecond only the last is in the file. The end
 * of a process is noticed within 2 s.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { RESCAN_MS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { DirectoryWatcher, WatchEvents } from '../tail/watcher.ts';
import { isRegistryName, readRegistryFile, stampOf } from './registry-file.ts';
import { parseRecord } from './registry-record.ts';
import { createStatusTeller, type StatusTellerDeps } from './status-teller.ts';
import { keyOf, type TellingKey } from './told-statuses.ts';

export interface RegistryWatchDeps extends StatusTellerDeps {
  clock: Pick<Clock, 'now' | 'every'>;
  log: Log;
  watch(events: WatchEvents): DirectoryWatcher;
}

export interface RegistryWatch {
  /** Looks at everything, now: after a sleep, whose end no watch tells. */
  lookNow(): void;
  /** In words; empty when all is well. */
  problems(): string[];
  close(): Promise<void>;
}

export const LIVENESS_MS = 2_000;
/** A file may change again within one tick of its file system's clock, and look the same. */
const RESTED_MS = 1_000;

interface SeenFile {
  /** Whom it told of last. */
  key: TellingKey | undefined;
  /** Undefined: must be read again, whatever its stamp says. */
  restedStamp: string | undefined;
}

/** Reads and tells what is there before it returns. */
export function openRegistryWatch(configDirs: readonly string[], deps: RegistryWatchDeps): RegistryWatch {
  const registry = new Registry(configDirs, deps);
  registry.look();
  return {
    lookNow: () => registry.look(),
    problems: () => registry.problems(),
    close: () => registry.close(),
  };
}

class Registry {
  readonly #roots: readonly string[];
  readonly #deps: RegistryWatchDeps;
  readonly #teller: ReturnType<typeof createStatusTeller>;
  readonly #watcher: DirectoryWatcher;
  readonly #stops: (() => void)[];
  /** Real path of each watched directory, and which one it is. */
  readonly #watched = new Map<string, string>();
  readonly #files = new Map<string, SeenFile>();
  readonly #malformed = new Set<string>();
  readonly #unreadable = new Set<string>();
  /** What can not be written, and why. */
  readonly #unwritten = new Map<string, string>();

  constructor(configDirs: readonly string[], deps: RegistryWatchDeps) {
    this.#roots = configDirs.map((directory) => join(directory, 'sessions'));
    this.#deps = deps;
    this.#teller = createStatusTeller(deps);
    this.#watcher = deps.watch({
      changed: (directory, name) => this.#changed(directory, name),
      failed: (directory, error) => this.#failed(directory, error),
    });
    this.#stops = [
      deps.clock.every(LIVENESS_MS, () => this.#poll()),
      deps.clock.every(RESCAN_MS, () => this.look()),
    ];
  }

  look(): void {
    this.#watchRoots();
    for (const directory of this.#watched.keys()) this.#scan(directory);
    this.#tellEnds();
    this.#teller.forgetAllBut(new Set([...this.#files.values()].flatMap(({ key }) => key ?? [])));
    this.#write('which sessions have not ended', () => this.#teller.keepOpen());
  }

  problems(): string[] {
    return [
      ...[...this.#unwritten].map(([what, problem]) => `cannot write ${what}: ${problem}`),
      ...[...this.#unreadable].map((directory) => `cannot watch ${directory}: looking every ${LIVENESS_MS / 1000} s`),
      ...(this.#malformed.size === 0 ? [] : [`${this.#malformed.size} files of Claude Code's session registry do not parse`]),
    ];
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#watcher.close();
  }

  #poll(): void {
    this.#watchRoots();
    const unsure = [...this.#files].filter(([, { restedStamp }]) => restedStamp === undefined).map(([path]) => path);
    for (const path of new Set([...unsure, ...this.#malformed])) this.#observe(path);
    this.#tellEnds();
  }

  /** A directory that is new, or was replaced by another one, is watched first and read then: nothing falls between. */
  #watchRoots(): void {
    const present = new Set<string>();
    for (const root of this.#roots) {
      const found = identify(root);
      if (found === undefined || present.has(found.path)) continue;
      present.add(found.path);
      if (this.#watched.get(found.path) === found.identity) continue;
      this.#watched.set(found.path, found.identity);
      this.#watcher.add(found.path);
      if (this.#watched.has(found.path)) this.#unreadable.delete(found.path);
      this.#scan(found.path);
    }
    for (const directory of this.#watched.keys()) {
      if (present.has(directory)) continue;
      this.#watched.delete(directory);
      this.#watcher.remove(directory);
      this.#scan(directory);
    }
  }

  #changed(directory: string, name: string | null): void {
    if (name === null) this.#scan(directory);
    else if (isRegistryName(name)) this.#observe(join(directory, name));
    // Its own name: the directory itself went, and a new one in its place would not be watched.
    else if (name === basename(directory)) this.#watched.delete(directory);
  }

  #failed(directory: string, error: unknown): void {
    // Forgotten, so that the next poll adds and reads it again.
    if (!this.#watched.delete(directory)) return;
    if (!this.#unreadable.has(directory)) this.#deps.log.warn({ directory, error: messageOf(error) }, 'cannot watch the session registry');
    this.#unreadable.add(directory);
  }

  #scan(directory: string): void {
    const names = namesIn(directory).filter(isRegistryName);
    for (const name of names) this.#observe(join(directory, name), { onlyIfChanged: true });
    const present = new Set(names);
    for (const path of this.#files.keys()) {
      if (dirname(path) === directory && !present.has(basename(path))) this.#observe(path);
    }
  }

  #observe(path: string, { onlyIfChanged = false } = {}): void {
    const seen = this.#files.get(path);
    if (onlyIfChanged && seen?.restedStamp !== undefined && seen.restedStamp === stampOf(path)) return;
    const file = readRegistryFile(path);
    if (file === undefined) {
      this.#files.delete(path);
      this.#malformed.delete(path);
      return;
    }
    const record = file.text === undefined ? 'malformed' : parseRecord(file.text);
    if (record === 'malformed') {
      this.#malformed.add(path);
      return;
    }
    this.#malformed.delete(path);
    const hasRested = this.#deps.clock.now() - file.modifiedAtMs > RESTED_MS;
    const restedStamp = hasRested ? file.stamp : undefined;
    if (record === 'none') {
      this.#files.set(path, { key: seen?.key, restedStamp });
      return;
    }
    const isTold = this.#append(() => this.#teller.status(record));
    this.#files.set(path, { key: keyOf(record), restedStamp: isTold ? restedStamp : undefined });
  }

  #tellEnds(): void {
    for (const { key, hasLeft } of this.#teller.ended()) {
      const leftFile = this.#tellLast(key);
      this.#append(() => this.#teller.gone(key, hasLeft ? 'left' : leftFile ? 'died' : 'exited'));
    }
  }

  /** A process that ended may have its last status in its file only: that comes before its end. False: it took its file away. */
  #tellLast(key: TellingKey): boolean {
    const path = this.#pathOf(key);
    if (path !== undefined) this.#observe(path);
    return this.#pathOf(key) !== undefined;
  }

  #pathOf(key: TellingKey): string | undefined {
    for (const [path, seen] of this.#files) if (seen.key === key) return path;
    return undefined;
  }

  #append(write: () => void): boolean {
    return this.#write('the status log', write);
  }

  #write(what: string, write: () => void): boolean {
    try {
      write();
      this.#unwritten.delete(what);
      return true;
    } catch (error) {
      const problem = messageOf(error);
      if (this.#unwritten.get(what) !== problem) this.#deps.log.warn({ error: problem }, `cannot write ${what}; trying again`);
      this.#unwritten.set(what, problem);
      return false;
    }
  }
}

function identify(root: string): { path: string; identity: string } | undefined {
  try {
    const path = realpathSync(root);
    const stats = statSync(path);
    return stats.isDirectory() ? { path, identity: `${stats.dev}:${stats.ino}:${stats.birthtimeMs}` } : undefined;
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // It went away, or is closed to us: what was known of its files is asked for one by one.
    return [];
  }
}
