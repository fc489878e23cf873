/**
 * Walks the roots: watches each directory before it reads it, looks at each
 * file, and notices directories that were removed and made anew (their watch is
 * dead and says nothing). A generator, so that the caller can cut it into slices
 * of time. Symbolic links to directories are not followed.
 */
import { dirname, sep } from 'node:path';
import type { SourceKind } from '../extraction.ts';
import type { FileAccess, FileStat } from './file-access.ts';
import { isAbsence, type Unreadable } from './unreadable.ts';
import type { Watch } from './watch.ts';

export interface KnownDirectory {
  dev: number;
  ino: number;
  birthMs: number | null;
  /** False: watched only because a root is to appear below it. */
  isWithinRoot: boolean;
  lookNumber: number;
  listing: Listing | undefined;
}

/** What a directory held when it was last read. */
interface Listing {
  entryCount: number;
  files: readonly FoundFile[];
  below: readonly string[];
  /** Its mtime then, since when (monotonic) that had been seen, and when it was read. */
  mtimeMs: number;
  mtimeSeenAt: number;
  readAt: number;
}

interface FoundFile {
  path: string;
  source: SourceKind;
}

export interface WalkDeps {
  files: FileAccess;
  watch: Watch;
  unreadable: Unreadable;
  /** Can there be a file to tail in this directory, or below it? */
  mayHold(directory: string): boolean;
  /** Which source tails this path. Several may share a root. */
  sourceOf(path: string): SourceKind | undefined;
  /** The same text, as the very string that others hold already: each path once in memory. */
  sharedPath(path: string): string;
  /** Looks at one file; the walk does not care what comes of it. */
  look(path: string, source: SourceKind): void;
  now(): number;
  monotonic(): number;
}

export interface WalkOptions {
  ignoredDirectories: ReadonlySet<string>;
}

export type RootState = 'present' | 'empty' | 'missing';

export interface DirectoryWalk {
  /** One full look at all sources. Steps are short; the value says nothing. */
  walkAll(sources: readonly SourceKind[], lookNumber: number): Generator<undefined, void>;
  /** One directory and what is below it. */
  walk(directory: string, options: { renew: boolean }): Generator<undefined, void>;
  directory(path: string): KnownDirectory | undefined;
  forget(path: string): void;
  rootState(root: string): RootState;
}

interface VisitOptions {
  renew: boolean;
  isRoot: boolean;
  /** Inodes of the directories met in this walk, and how many entries each has. */
  visited: Map<string, number>;
}

const FILES_PER_STEP = 16;
/** Names that come within one tick of the file system's clock leave the same mtime: it counts only once it is older. */
const MTIME_SETTLED_MS = 2_000;
const ACTIVE_MS = 7 * 24 * 60 * 60 * 1000;

export function createDirectoryWalk(deps: WalkDeps, options: WalkOptions): DirectoryWalk {
  return new RootWalk(deps, options);
}

class RootWalk implements DirectoryWalk {
  readonly #deps: WalkDeps;
  readonly #options: WalkOptions;
  readonly #directories = new Map<string, KnownDirectory>();
  readonly #roots = new Map<string, RootState>();
  #current = 0;

  constructor(deps: WalkDeps, options: WalkOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  *walkAll(sources: readonly SourceKind[], lookNumber: number): Generator<undefined, void> {
    this.#current = lookNumber;
    const visited = new Map<string, number>();
    for (const source of sources) {
      for (const root of source.roots) {
        const entries = yield* this.#visit(root, { renew: false, isRoot: true, visited });
        this.#roots.set(root, entries === undefined ? 'missing' : entries === 0 ? 'empty' : 'present');
        if (entries === undefined) this.#watchParent(root);
      }
    }
    for (const [path, known] of this.#directories) {
      if (known.lookNumber < lookNumber) this.forget(path);
    }
  }

  *walk(directory: string, { renew }: { renew: boolean }): Generator<undefined, void> {
    yield* this.#visit(directory, { renew, isRoot: false, visited: new Map() });
  }

  /** Returns how many entries the directory has; undefined when there is none. */
  *#visit(path: string, how: VisitOptions): Generator<undefined, number | undefined> {
    if (this.#options.ignoredDirectories.has(path) || !this.#deps.mayHold(path)) return 0;
    let listing: Listing;
    try {
      const stat = this.#deps.files.stat(path);
      if (!stat.isDirectory) return undefined;
      const inode = `${stat.dev}:${stat.ino}`;
      const met = how.visited.get(inode);
      if (met !== undefined) return met; // The same directory by another root: read once.
      how.visited.set(inode, 1);
      listing = this.#listWatched(path, stat, how);
      how.visited.set(inode, listing.entryCount);
      this.#deps.unreadable.clear(path);
    } catch (error) {
      return this.#failed(path, error);
    }
    let looked = 0;
    for (const file of listing.files) {
      this.#deps.look(file.path, file.source);
      looked += 1;
      if (looked % FILES_PER_STEP === 0) yield;
    }
    for (const child of listing.below) {
      yield;
      yield* this.#visit(child, { ...how, isRoot: false });
    }
    return listing.entryCount;
  }

  #failed(path: string, error: unknown): number | undefined {
    this.#deps.unreadable.note(path, error);
    if (isAbsence(error)) {
      this.forget(path);
      return undefined;
    }
    const known = this.#directories.get(path);
    if (known !== undefined) known.lookNumber = this.#current;
    return 1;
  }

  #listWatched(path: string, stat: FileStat, how: VisitOptions): Listing {
    const known = this.#directories.get(path);
    // ext4 reuses inodes at once: only the birth time tells a directory from its successor.
    const isSame = known !== undefined && known.isWithinRoot
      && known.ino === stat.ino && known.dev === stat.dev && known.birthMs === stat.birthMs;
    const directory: KnownDirectory = {
      dev: stat.dev, ino: stat.ino, birthMs: stat.birthMs, isWithinRoot: true, lookNumber: this.#current,
      listing: isSame && !how.renew ? known.listing : undefined,
    };
    const isToWatch = !isSame || how.renew;
    // Known is only what could be listed: one that could not is watched by the look that can.
    const entries = isToWatch ? this.#deps.files.readDirectory(path).length : 0;
    this.#directories.set(path, directory);
    if (isToWatch) {
      const isActive = how.isRoot || stat.mtimeMs > this.#deps.now() - ACTIVE_MS;
      // Only what was there at the first look goes to an engine that watches late.
      const mayWatchLate = known === undefined && this.#current <= 1 && !how.renew;
      this.#deps.watch.add(path, { isActive: mayWatchLate && isActive, entries });
    }
    if (directory.listing !== undefined && isStill(directory.listing, stat)) return directory.listing;
    directory.listing = this.#read(path, stat, directory.listing);
    return directory.listing;
  }

  #read(path: string, stat: FileStat, before: Listing | undefined): Listing {
    const entries = this.#deps.files.readDirectory(path);
    const below: string[] = [];
    const files: FoundFile[] = [];
    const known = before?.files ?? [];
    let at = 0;
    for (const entry of entries) {
      const child = path + sep + entry.name;
      if (entry.isDirectory) below.push(child);
      if (!entry.isFile && !entry.isSymbolicLink) continue;
      // Nearly all names are those of the last reading, in its order: what they are was asked then.
      if (known[at]?.path !== child && known[at + 1]?.path === child) at += 1;
      const same = known[at]?.path === child ? known[at] : this.#find(child);
      if (same === undefined) continue;
      if (same === known[at]) at += 1;
      files.push(same);
    }
    const readAt = this.#deps.monotonic();
    const mtimeSeenAt = before?.mtimeMs === stat.mtimeMs ? before.mtimeSeenAt : readAt;
    return { entryCount: entries.length, files, below, mtimeMs: stat.mtimeMs, mtimeSeenAt, readAt };
  }

  #find(path: string): FoundFile | undefined {
    const source = this.#deps.sourceOf(path);
    return source === undefined ? undefined : { path: this.#deps.sharedPath(path), source };
  }

  /** A root that is not there yet shows up first as a name in its nearest parent. */
  #watchParent(root: string): void {
    for (let parent = dirname(root); parent !== dirname(parent); parent = dirname(parent)) {
      const known = this.#directories.get(parent);
      if (known?.isWithinRoot === true) return;
      try {
        const stat = this.#deps.files.stat(parent);
        if (known === undefined || known.ino !== stat.ino || known.birthMs !== stat.birthMs) {
          this.#deps.watch.add(parent, { isActive: false, entries: 0 });
        }
        this.#directories.set(parent, { dev: stat.dev, ino: stat.ino, birthMs: stat.birthMs, isWithinRoot: false, lookNumber: this.#current, listing: undefined });
        return;
      } catch {
        continue; // Not there either: the next one up.
      }
    }
  }

  forget(path: string): void {
    if (this.#directories.delete(path)) this.#deps.watch.remove(path);
  }

  directory(path: string): KnownDirectory | undefined {
    return this.#directories.get(path);
  }

  rootState(root: string): RootState {
    return this.#roots.get(root) ?? 'missing';
  }
}

/** Names come and go only with a new mtime. */
function isStill(listing: Listing, stat: FileStat): boolean {
  return listing.mtimeMs === stat.mtimeMs && listing.readAt - listing.mtimeSeenAt >= MTIME_SETTLED_MS;
}
