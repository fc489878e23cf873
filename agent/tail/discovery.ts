/**
 * Two roads to every change, each enough alone: the watcher's hints, followed at
 * once and again after a moment, and a full look at all roots every 15 s (5 s
 * when watching is degraded; at once after the event loop was blocked, since the
 * system then drops hints without a word, and after the clock jumped).
 */
import { join } from 'node:path';
import type { SourceKind } from '../extraction.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import { RESCAN_DEGRADED_MS, RESCAN_MS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { DirectoryWalk } from './directory-walk.ts';
import type { Relooks } from './relooks.ts';
import type { WatchEvents } from './watcher.ts';

export interface DiscoveryDeps {
  clock: Clock;
  log: Log;
  sources: readonly SourceKind[];
  walk: DirectoryWalk;
  relooks: Relooks;
  look(path: string, source: SourceKind): boolean;
  /** Files below a directory that is no longer there. */
  lookBelow(directory: string): void;
  renewWatch(directory: string): void;
  /** There may be something to read. */
  found(): void;
  lookEnded(look: { number: number; startedAt: number }): void;
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
const BLOCKED_MS = 100;
const CLOCK_JUMP_MS = 2_000;
const AGAIN_MS = 100;
const FORCED_PAUSE_MS = 1_000;

export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const { clock, walk, relooks, sources } = deps;
  const cancels = new Set<() => void>();
  const unwatched = new Map<string, string>();
  let lookNumber = 0;
  let lastEndedAt = 0;
  let isLooking = false;
  let isDue = false;
  let isClosed = false;
  let firstLook: (() => void) | undefined;

  function later(ms: number, task: () => void): void {
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      task();
    });
    cancels.add(cancel);
  }

  /** Runs a walk in slices, so that a line that arrives meanwhile waits a few ms at most. */
  function run(steps: Iterator<undefined, void>, ended: () => void): void {
    if (isClosed) return;
    const until = clock.monotonic() + SLICE_MS;
    for (;;) {
      if (steps.next().done === true) {
        ended();
        return deps.found();
      }
      if (clock.monotonic() < until) continue;
      deps.found();
      return later(0, () => run(steps, ended));
    }
  }

  function fullLook(): void {
    if (isClosed) return;
    if (isLooking) {
      isDue = true;
      return;
    }
    isLooking = true;
    isDue = false;
    lookNumber += 1;
    const look = { number: lookNumber, startedAt: clock.now() };
    for (const directory of unwatched.keys()) renew(directory);
    run(walk.walkAll(sources, lookNumber), () => {
      isLooking = false;
      lastEndedAt = clock.monotonic();
      deps.lookEnded(look);
      // An engine that watches late may have missed what came between.
      if (look.number === 1) later(AGAIN_MS, fullLook);
      else if (isDue) later(0, fullLook);
      firstLook?.();
    });
  }

  function renew(directory: string): void {
    unwatched.delete(directory);
    if (directory !== '' && walk.directory(directory) !== undefined) deps.renewWatch(directory);
  }

  function heartbeat(): void {
    let beatAt = clock.monotonic();
    let wallAt = clock.now();
    cancels.add(clock.every(HEARTBEAT_MS, () => {
      const beat = clock.monotonic();
      const wall = clock.now();
      const isBlocked = beat - beatAt > HEARTBEAT_MS + BLOCKED_MS;
      const hasJumped = Math.abs(wall - wallAt - (beat - beatAt)) > CLOCK_JUMP_MS;
      beatAt = beat;
      wallAt = wall;
      const period = unwatched.size > 0 ? RESCAN_DEGRADED_MS : RESCAN_MS;
      const sinceLast = beat - lastEndedAt;
      if (isLooking) return;
      if (sinceLast >= period || ((isBlocked || hasJumped) && sinceLast >= FORCED_PAUSE_MS)) fullLook();
      // Blocked shortly after a look: the next beat that may, looks.
      else if (isBlocked || hasJumped) lastEndedAt = beat - period + FORCED_PAUSE_MS;
    }));
  }

  function changed(directory: string, name: string | null, isRename: boolean): void {
    if (isClosed) return;
    const source = walk.directory(directory)?.source;
    if (name === null) {
      if (source !== undefined) lookInto(directory, source, false);
      return;
    }
    const path = join(directory, name);
    if (isTowardsRoot(path) && walk.directory(path)?.source === undefined) return fullLook();
    if (source === undefined) return;
    if (walk.directory(path) !== undefined) {
      if (isRename) lookInto(path, source, true);
      return;
    }
    if (source.matches(path)) {
      relooks.arm(path, source);
      if (deps.look(path, source)) deps.found();
      return;
    }
    if (isRename) lookInto(path, source, false);
  }

  /** Now, and again: a file may have come before the watch. */
  function lookInto(directory: string, source: SourceKind, renew: boolean): void {
    const wasKnown = walk.directory(directory) !== undefined;
    run(walk.walk(directory, source, { renew }), () => {
      if (wasKnown && walk.directory(directory) === undefined) deps.lookBelow(directory);
    });
    if (walk.directory(directory) === undefined) return;
    later(AGAIN_MS, () => run(walk.walk(directory, source, { renew: false }), () => {}));
  }

  function isTowardsRoot(path: string): boolean {
    return sources.some((source) => source.roots.some((root) => root === path || root.startsWith(`${path}/`)));
  }

  function failed(directory: string, error: unknown): void {
    const code = systemCode(error);
    if (isClosed || code === 'ENOENT' || code === 'ENOTDIR') return;
    if (unwatched.size === 0) deps.log.warn({ directory, code }, 'cannot watch every directory: looking at all of them more often');
    unwatched.set(directory, code ?? messageOf(error));
    // A watcher that just broke may have swallowed something.
    if (lookNumber > 0 && clock.monotonic() - lastEndedAt >= FORCED_PAUSE_MS) fullLook();
  }

  return {
    start: () => new Promise((resolve) => {
      firstLook = () => {
        firstLook = undefined;
        resolve();
      };
      fullLook();
      heartbeat();
    }),
    lookNow: fullLook,
    changed,
    failed,
    get lookNumber() {
      return lookNumber;
    },
    get isFirstLook() {
      return lookNumber === 0 || (lookNumber === 1 && isLooking);
    },
    get problems() {
      const [reason] = new Set(unwatched.values());
      const watching = reason === undefined ? [] : [
        `${reason === 'ENOSPC' || reason === 'EMFILE' ? 'watch limit reached' : `cannot watch (${reason})`}: rescanning every ${RESCAN_DEGRADED_MS / 1000} s`,
      ];
      return [...watching, ...walk.problems.values()];
    },
    close: () => {
      isClosed = true;
      for (const cancel of cancels) cancel();
      relooks.close();
      firstLook?.();
    },
  };
}

