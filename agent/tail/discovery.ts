/**
 * Two roads to every change, each enough alone: the watcher's hints, followed at
 * once and again after a moment, and a full look at all roots every 15 s (30 s
 * after a minute in which nothing changed, 5 s when watching is degraded; at once after the event loop was blocked, since the
 * system then drops hints without a word, and after the clock jumped).
 */
import { basename, join, sep } from 'node:path';
import type { SourceKind } from '../extraction.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import { RESCAN_CALM_MS, RESCAN_DEGRADED_MS, RESCAN_MS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { DirectoryWalk } from './directory-walk.ts';
import type { LookStart } from './drained-looks.ts';
import type { Relooks } from './relooks.ts';
import type { WatchEvents } from './watcher.ts';

export interface DiscoveryDeps {
  clock: Clock;
  log: Log;
  sources: readonly SourceKind[];
  walk: DirectoryWalk;
  relooks: Relooks;
  sourceOf(path: string): SourceKind | undefined;
  look(path: string, source: SourceKind): boolean;
  /** Grows with each look that finds something changed. */
  changes(): number;
  /** Files below a directory that is no longer there. */
  lookBelow(directory: string): void;
  renewWatch(directory: string): void;
  /** There may be something to read. */
  found(): void;
  lookEnded(look: LookStart & { number: number }): void;
}

export interface Discovery extends WatchEvents {
  /** Resolves when the first full look has ended. */
  start(): Promise<void>;
  /** A full look as soon as possible. */
  lookNow(): void;
  readonly lookNumber: number;
  readonly isFirstLook: boolean;
  readonly problems: readonly string[];
  close(): void;
}

const SLICE_MS = 4;
const HEARTBEAT_MS = 100;
/** Late by this much: the loop stood still for 100 to 200 ms, and the system's queue of hints may have run over. */
const BLOCKED_MS = 100;
const CLOCK_JUMP_MS = 2_000;
const AGAIN_MS = 100;
const FORCED_PAUSE_MS = 1_000;
/** Without a change for so long, the machine is calm. */
const CALM_AFTER_MS = 60_000;

export function createDiscovery(deps: DiscoveryDeps): Discovery {
  return new RootDiscovery(deps);
}

class RootDiscovery implements Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #cancels = new Set<() => void>();
  /** Directory → why it is not watched. */
  readonly #unwatched = new Map<string, string>();
  #lookNumber = 0;
  #lastEndedAt = 0;
  #changesSeen = 0;
  #changeSeenAt = 0;
  #isLooking = false;
  #isDue = false;
  #isClosed = false;
  #isDegraded = false;
  #firstLookEnded: () => void = () => {};

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#firstLookEnded = resolve;
      this.lookNow();
      this.#heartbeat();
    });
  }

  lookNow(): void {
    if (this.#isClosed) return;
    if (this.#isLooking) {
      this.#isDue = true;
      return;
    }
    const { clock, walk } = this.#deps;
    this.#isLooking = true;
    this.#isDue = false;
    this.#lookNumber += 1;
    const look = { number: this.#lookNumber, startedAt: clock.now(), startedMonotonic: clock.monotonic() };
    this.#renewWatches();
    this.#run(walk.walkAll(this.#deps.sources, look.number), () => {
      this.#isLooking = false;
      this.#isDegraded = this.#unwatched.size > 0;
      this.#lastEndedAt = clock.monotonic();
      this.#deps.lookEnded(look);
      // An engine that watches late may have missed what came between.
      if (look.number === 1) this.#later(AGAIN_MS, () => this.lookNow());
      this.#firstLookEnded();
    });
  }

  /** The limit may have been raised, or others may have gone below it. */
  #renewWatches(): void {
    const directories = [...this.#unwatched.keys()];
    this.#unwatched.clear();
    for (const directory of directories) {
      if (this.#deps.walk.directory(directory) !== undefined) this.#deps.renewWatch(directory);
    }
  }

  #later(ms: number, task: () => void): void {
    const cancel = this.#deps.clock.after(ms, () => {
      this.#cancels.delete(cancel);
      task();
    });
    this.#cancels.add(cancel);
  }

  /** Runs a walk in slices, so that a line that arrives meanwhile waits a few ms at most. */
  #run(steps: Iterator<undefined, void>, ended: () => void): void {
    if (this.#isClosed) return;
    const { clock } = this.#deps;
    const until = clock.monotonic() + SLICE_MS;
    while (steps.next().done !== true) {
      if (clock.monotonic() < until) continue;
      this.#deps.found();
      return this.#later(0, () => this.#run(steps, ended));
    }
    ended();
    this.#deps.found();
  }

  #heartbeat(): void {
    const { clock } = this.#deps;
    let beatAt = clock.monotonic();
    let wallAt = clock.now();
    this.#cancels.add(clock.every(HEARTBEAT_MS, () => {
      const beat = clock.monotonic();
      const wall = clock.now();
      const elapsed = beat - beatAt;
      const hasJumped = Math.abs(wall - wallAt - elapsed) > CLOCK_JUMP_MS;
      if (elapsed > HEARTBEAT_MS + BLOCKED_MS || hasJumped) this.#isDue = true;
      beatAt = beat;
      wallAt = wall;
      this.#lookIfDue(beat);
    }));
  }

  #lookIfDue(now: number): void {
    if (this.#isLooking) return;
    if (this.#deps.changes() !== this.#changesSeen) {
      this.#changesSeen = this.#deps.changes();
      this.#changeSeenAt = now;
    }
    const elapsed = now - this.#lastEndedAt;
    if (elapsed >= this.#period(now) || (this.#isDue && elapsed >= FORCED_PAUSE_MS)) this.lookNow();
  }

  #period(now: number): number {
    if (this.#isDegraded || this.#unwatched.size > 0) return RESCAN_DEGRADED_MS;
    return now - this.#changeSeenAt >= CALM_AFTER_MS ? RESCAN_CALM_MS : RESCAN_MS;
  }

  changed(directory: string, name: string | null, isRename: boolean): void {
    if (this.#isClosed) return;
    const { walk, relooks } = this.#deps;
    // The system names a watched directory itself when it is removed or renamed.
    if (name === null || (isRename && name === basename(directory))) this.#lookAtDirectory(directory, isRename);
    if (name === null) return;
    const path = join(directory, name);
    const isKnownDirectory = walk.directory(path)?.isWithinRoot === true;
    if (!isKnownDirectory && this.#isTowardsRoot(path)) return this.lookNow();
    if (walk.directory(directory)?.isWithinRoot !== true) return;
    const source = isKnownDirectory ? undefined : this.#deps.sourceOf(path);
    if (source !== undefined) {
      relooks.arm(path, source);
      if (this.#deps.look(path, source)) this.#deps.found();
    } else if (isRename) this.#lookInto(path, isKnownDirectory);
  }

  #lookAtDirectory(directory: string, isRename: boolean): void {
    if (this.#deps.walk.directory(directory)?.isWithinRoot !== true || this.#isTowardsRoot(directory)) return this.lookNow();
    this.#lookInto(directory, isRename);
  }

  /** Now, and again: a file may have come before the watch. */
  #lookInto(directory: string, renew: boolean): void {
    const { walk } = this.#deps;
    const wasKnown = walk.directory(directory) !== undefined;
    this.#run(walk.walk(directory, { renew }), () => {
      if (wasKnown && walk.directory(directory) === undefined) this.#deps.lookBelow(directory);
    });
    if (walk.directory(directory) === undefined) return;
    this.#later(AGAIN_MS, () => this.#run(walk.walk(directory, { renew: false }), () => {}));
  }

  #isTowardsRoot(path: string): boolean {
    return this.#deps.sources.some((source) => source.roots.some((root) => root === path || root.startsWith(path + sep)));
  }

  failed(directory: string, error: unknown): void {
    const code = systemCode(error);
    if (this.#isClosed || code === 'ENOENT' || code === 'ENOTDIR') return;
    if (!this.#isDegraded) this.#deps.log.warn({ directory, code }, 'cannot watch every directory: looking at all of them more often');
    this.#isDegraded = true;
    this.#unwatched.set(directory, code ?? messageOf(error));
    // A watcher that just broke may have swallowed something.
    this.#isDue = true;
  }

  get lookNumber(): number {
    return this.#lookNumber;
  }

  get isFirstLook(): boolean {
    return this.#lookNumber === 0 || (this.#lookNumber === 1 && this.#isLooking);
  }

  get problems(): readonly string[] {
    const [reason] = new Set(this.#unwatched.values());
    const isLimit = reason === 'ENOSPC' || reason === 'EMFILE';
    return reason === undefined ? [] : [
      `${isLimit ? 'watch limit reached' : `cannot watch (${reason})`}: rescanning every ${RESCAN_DEGRADED_MS / 1000} s`,
    ];
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#cancels) cancel();
    this.#deps.relooks.close();
    this.#firstLookEnded();
  }
}
