/**
 * `drained_at`: the start of the latest full look all of whose complete lines,
 * as seen then, have since been acknowledged (design §7). An unterminated tail
 * is not waited for; bytes declared a gap are not waited for either. Of bytes that
 * went while they were on their way (departed.ts) it is not known which of both
 * they are: until it is, no look counts as drained.
 *
 * It is a time of the wall clock, which may be set back: then it is told in the
 * clock's new time, so it never lies in the future. Set forward, it stays as it was.
 */
import type { Clock } from '../../shared/clock.ts';
import type { Departed } from './departed.ts';
import { needsRead, scannedEnd, type TailedFile } from './tailed-file.ts';

export interface DrainedLooks {
  readonly drainedAt: number | null;
  lookEnded(started: LookStart, files: Iterable<TailedFile>): void;
  /** Something of this file was acknowledged, or read and found unterminated, or given up. */
  progressed(file: TailedFile): void;
  replaced(old: TailedFile, replacement: TailedFile | undefined): void;
  /** Acknowledged bytes turned out to be missing: nothing is known until the next look is drained. */
  restart(): void;
}

export interface LookStart {
  startedAt: number;
  startedMonotonic: number;
}

/** Less is the ordinary unrest of two clocks. */
const SET_BACK_MS = 1_000;

export function createDrainedLooks(clock: Pick<Clock, 'now' | 'monotonic'>, departed: Pick<Departed, 'isInDoubt'>): DrainedLooks {
  let drained: LookStart | undefined;
  /** One look at a time is waited for, to its end: newer ones would hardly ever be reached under load. */
  let waitedFor: LookStart | undefined;
  let outstanding: Map<TailedFile, number> | undefined;

  function isDrainedTo(file: TailedFile, target: number): boolean {
    // Its time changed, its size did not grow: only its bytes tell whether it still is what was acknowledged.
    if (file.presence === 'present' && file.size <= scannedEnd(file) && needsRead(file)) return false;
    if (file.positions.acknowledged.offset >= Math.min(target, file.gap?.from ?? target)) return true;
    // What a file that was cut does not hold any more is not waited for.
    return !file.positions.hasPending && file.problem === null && scannedEnd(file) >= Math.min(target, file.size);
  }

  function settle(): void {
    if (outstanding === undefined || outstanding.size > 0 || departed.isInDoubt) return;
    drained = waitedFor;
    outstanding = undefined;
  }

  function drainedAt(): number | null {
    if (drained === undefined) return null;
    const now = clock.now();
    const { startedAt, startedMonotonic } = drained;
    const inPresentTime = Math.floor(now - (clock.monotonic() - startedMonotonic));
    if (inPresentTime < startedAt - SET_BACK_MS) drained = { startedAt: inPresentTime, startedMonotonic };
    return Math.min(drained.startedAt, now);
  }

  return {
    get drainedAt() {
      return drainedAt();
    },
    lookEnded: (started, files) => {
      settle();
      const waiting = new Map<TailedFile, number>();
      for (const file of files) {
        // Without a source nothing reads it: it is no part of what there is to tell.
        if (file.presence !== 'unseen' && file.source !== undefined && !isDrainedTo(file, file.size)) waiting.set(file, file.size);
      }
      if (outstanding !== undefined && (waiting.size > 0 || departed.isInDoubt)) return;
      waitedFor = started;
      outstanding = waiting;
      settle();
    },
    progressed: (file) => {
      const target = outstanding?.get(file);
      if (target === undefined || !isDrainedTo(file, target)) return;
      outstanding?.delete(file);
      settle();
    },
    replaced: (old, replacement) => {
      if (outstanding?.delete(old) !== true) return;
      if (replacement !== undefined) outstanding.set(replacement, replacement.size);
      settle();
    },
    restart: () => {
      drained = undefined;
      outstanding = undefined;
    },
  };
}
