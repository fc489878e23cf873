/**
 * Walks the roots: watches each directory before it reads it, looks at each
 * file, and notices directories that were removed and made anew (their watch is
 * dead and says nothing). A generator, so that the caller can cut it into slices
 * of time. Symbolic links to directories are not followed.
 */
import { dirname, join } from 'node:path';
import type { SourceKind } from '../extraction.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import type { DirectoryEntry, FileAccess, FileStat } from './file-access.ts';
import type { Watch } from './watch.ts';

export interface KnownDirectory {
  dev: number;
  ino: number;
  birthMs: number | null;
  /** Undefined: watched only because a root is to appear below it. */
  source: SourceKind | undefined;
  lookNumber: number;
}

export interface WalkDeps {
  files: FileAccess;
  watch: Watch;
  /** Looks at one file; the walk does not care what comes of it. */
  look(path: string, source: SourceKind): void;
  now(): number;
}

export interface WalkOptions {
  ignoredDirectories: ReadonlySet<string>;
}

export type RootState = 'present' | 'empty' | 'missing';

export interface DirectoryWalk {
  /** One full look at all sources. Steps are short; the value says nothing. */
  walkAll(sources: readonly SourceKind[], lookNumber: number): Generator<undefined, void>;
  /** One directory and what is below it. */
  walk(directory: string, source: SourceKind, options: { renew: boolean }): Generator<undefined, void>;
  directory(path: string): KnownDirectory | undefined;
  forget(path: string): void;
  rootState(root: string): RootState;
  /** Path → why it cannot be read, as of the last look at it. */
  readonly problems: ReadonlyMap<string, string>;
}

const ACTIVE_MS = 7 * 24 * 60 * 60 * 1000;

export function createDirectoryWalk(deps: WalkDeps, options: WalkOptions): DirectoryWalk {
  const { files, watch } = deps;
  const directories = new Map<string, KnownDirectory>();
  const roots = new Map<string, RootState>();
  const problems = new Map<string, string>();
  let current = 0;
  let visited = new Set<string>();

  function* walkAll(sources: readonly SourceKind[], lookNumber: number): Generator<undefined, void> {
    current = lookNumber;
    visited = new Set();
    for (const source of sources) {
      for (const root of source.roots) {
        const entries = yield* visit(root, source, { renew: false, isRoot: true });
        roots.set(root, entries === undefined ? 'missing' : entries === 0 ? 'empty' : 'present');
        if (entries === undefined) watchParent(root);
      }
    }
    for (const [path, known] of directories) {
      if (known.lookNumber < lookNumber) forget(path);
    }
  }

  function* walk(directory: string, source: SourceKind, { renew }: { renew: boolean }): Generator<undefined, void> {
    visited = new Set();
    yield* visit(directory, source, { renew, isRoot: false });
  }

  /** Returns how many entries the directory has; undefined when there is none. */
  function* visit(
    path: string, source: SourceKind, how: { renew: boolean; isRoot: boolean },
  ): Generator<undefined, number | undefined> {
    if (options.ignoredDirectories.has(path)) return 0;
    const below: string[] = [];
    let count = 0;
    try {
      const stat = files.stat(path);
      if (!stat.isDirectory) return undefined;
      const inode = `${stat.dev}:${stat.ino}`;
      if (visited.has(inode)) return 1; // The same directory by another root: read once.
      visited.add(inode);
      const entries = readWatched(path, source, stat, how);
      count = entries.length;
      problems.delete(path);
      for (const entry of entries) {
        const child = join(path, entry.name);
        if (entry.isDirectory) below.push(child);
        else if ((entry.isFile || entry.isSymbolicLink) && source.matches(child)) {
          deps.look(child, source);
          yield;
        }
      }
    } catch (error) {
      return failed(path, error);
    }
    for (const child of below) {
      yield;
      yield* visit(child, source, { renew: how.renew, isRoot: false });
    }
    return count;
  }

  function failed(path: string, error: unknown): number | undefined {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      forget(path);
      return undefined;
    }
    problems.set(path, `cannot read ${path}: ${code ?? messageOf(error)}`);
    const known = directories.get(path);
    if (known !== undefined) known.lookNumber = current;
    return 1;
  }

  function readWatched(
    path: string, source: SourceKind, stat: FileStat, how: { renew: boolean; isRoot: boolean },
  ): DirectoryEntry[] {
    const known = directories.get(path);
    // ext4 reuses inodes at once: only the birth time tells a directory from its successor.
    const isSame = known !== undefined && known.source !== undefined
      && known.ino === stat.ino && known.dev === stat.dev && known.birthMs === stat.birthMs;
    directories.set(path, { dev: stat.dev, ino: stat.ino, birthMs: stat.birthMs, source, lookNumber: current });
    if (isSame && !how.renew) return files.readDirectory(path);
    const isActive = how.isRoot || stat.mtimeMs > deps.now() - ACTIVE_MS;
    // Only what was there at the first look goes to an engine that watches late.
    const mayWatchLate = known === undefined && current <= 1 && !how.renew;
    watch.add(path, { isActive: mayWatchLate && isActive, entries: files.readDirectory(path).length });
    return files.readDirectory(path);
  }

  /** A root that is not there yet shows up first as a name in its nearest parent. */
  function watchParent(root: string): void {
    for (let parent = dirname(root); parent !== dirname(parent); parent = dirname(parent)) {
      const known = directories.get(parent);
      if (known?.source !== undefined) return;
      try {
        const stat = files.stat(parent);
        if (known === undefined || known.ino !== stat.ino || known.birthMs !== stat.birthMs) {
          watch.add(parent, { isActive: false, entries: 0 });
        }
        directories.set(parent, { dev: stat.dev, ino: stat.ino, birthMs: stat.birthMs, source: undefined, lookNumber: current });
        return;
      } catch {
        continue; // Not there either: the next one up.
      }
    }
  }

  function forget(path: string): void {
    if (!directories.delete(path)) return;
    problems.delete(path);
    watch.remove(path);
  }

  return {
    walkAll,
    walk,
    directory: (path) => directories.get(path),
    forget,
    rootState: (root) => roots.get(root) ?? 'missing',
    problems,
  };
}
