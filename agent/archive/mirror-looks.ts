/** When the mirror looks at what: all of it at first and every minute, a session soon after it grew, all when that is not where it grew. */
import { existsSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { nameBelow, type KeptPlace, type MirrorTable } from './mirror-table.ts';
import { findFiles, findSession, isSkipped, type FilesFound } from './session-files.ts';

/** Transcripts tell at once that they grew; this finds the files beside them. */
const FULL_LOOK_MS = 60_000;
const SOON_MS = 1000;
/** A few ms. */
const STEP_FILES = 128;

export interface MirrorLooks {
  start(): void;
  stop(): void;
  grew(paths: readonly string[]): void;
  /** A full look, as soon as is sensible. */
  soon(): void;
  /** The first full look since `start` has ended. */
  readonly hasEnded: boolean;
  /** Files that the last full look could not take. */
  readonly skipped: number;
  close(): void;
}

export interface MirrorLooksDeps {
  clock: Clock;
  table: MirrorTable;
  roots: () => readonly string[];
  kept: () => Iterable<KeptPlace>;
  /** Something may be to do. */
  onLooked: () => void;
}

export function createMirrorLooks(deps: MirrorLooksDeps): MirrorLooks {
  return new SessionLooks(deps);
}

class SessionLooks implements MirrorLooks {
  hasEnded = false;
  skipped = 0;
  readonly #deps: MirrorLooksDeps;
  readonly #grown = new Set<string>();
  /** Paths that a full look was asked for already: the reading of a deleted log goes on for long. */
  readonly #left = new Set<string>();
  #lookNumber = 0;
  #cancelStep: (() => void) | undefined;
  #cancelSoon: (() => void) | undefined;
  #stopLooking: (() => void) | undefined;

  constructor(deps: MirrorLooksDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.stop();
    this.#stopLooking = this.#deps.clock.every(FULL_LOOK_MS, () => {
      this.#left.clear();
      this.#lookAtAll();
    });
    this.#lookAtAll();
  }

  stop(): void {
    this.#stopLooking?.();
    this.#cancelStep?.();
    this.#cancelSoon?.();
    this.#stopLooking = this.#cancelStep = this.#cancelSoon = undefined;
    this.#grown.clear();
    this.#left.clear();
    this.hasEnded = false;
  }

  grew(paths: readonly string[]): void {
    for (const path of paths) this.#grown.add(path);
    this.#cancelSoon ??= this.#deps.clock.after(SOON_MS, () => this.#lookAtGrown());
  }

  soon(): void {
    this.#cancelSoon?.();
    this.#cancelSoon = this.#deps.clock.after(SOON_MS, () => {
      this.#lookAtGrown();
      this.#lookAtAll();
    });
  }

  #lookAtAll(): void {
    if (this.#cancelStep !== undefined) return;
    this.#lookNumber += 1;
    this.#deps.table.clashes.clear();
    const roots = this.#deps.roots();
    this.#step(findAll(roots), roots, 0);
  }

  #step(files: FilesFound, roots: readonly string[], skippedBefore: number): void {
    const { clock, table } = this.#deps;
    let skipped = skippedBefore;
    this.#cancelStep = undefined;
    for (let count = 0; count < STEP_FILES; count += 1) {
      const { value, done = false } = files.next();
      if (done) {
        this.skipped = skipped;
        return this.#ended(roots);
      }
      if (value === undefined) continue;
      if (isSkipped(value)) skipped += 1;
      else table.found(value, this.#lookNumber);
    }
    this.#cancelStep = clock.after(0, () => this.#step(files, roots, skipped));
  }

  #ended(roots: readonly string[]): void {
    const { table, kept, onLooked } = this.#deps;
    table.lookEnded(this.#lookNumber, kept(), roots);
    if (!this.hasEnded) table.newestFirst();
    this.hasEnded = true;
    onLooked();
  }

  #lookAtGrown(): void {
    this.#cancelSoon = undefined;
    const roots = this.#deps.roots();
    const seen = new Set<string>();
    for (const path of this.#grown) {
      const root = roots.find((each) => path.startsWith(`${each}/`));
      const name = nameBelow(roots, path);
      if (name === undefined || root === undefined || seen.has(`${name.project}/${name.session}`)) continue;
      seen.add(`${name.project}/${name.session}`);
      for (const file of findSession(root, name)) {
        if (file !== undefined && !isSkipped(file)) this.#deps.table.found(file, this.#lookNumber);
      }
    }
    // Read by a name that it has no more: moved, it would wait for a minute.
    const left = [...this.#grown].filter((path) => !this.#left.has(path) && !existsSync(path));
    this.#grown.clear();
    for (const path of left) this.#left.add(path);
    if (left.length > 0) this.#lookAtAll();
    this.#deps.onLooked();
  }

  close(): void {
    this.stop();
  }
}

function* findAll(roots: readonly string[]): FilesFound {
  for (const root of roots) yield* findFiles(root);
}
