/**
 * What the writer does when nothing waits for it: derives time that is behind,
 * in steps between which a batch passes, and moves the WAL into the database.
 * Where something always waits, time is derived all the same, a step every 5 s.
 */
import type { Clock } from '../../shared/clock.ts';

export interface IdleWork {
  /** Nothing waits: what there is to do begins after a while. */
  rest(): void;
  /** Something came. */
  stop(): void;
  /** Between two commits: a step, if none ran for long. */
  pass(): void;
}

export interface IdleWorkDeps {
  /** Some milliseconds of it. True: there is more. */
  deriveTime(): boolean;
  checkpoint(): void;
  clock: Pick<Clock, 'after' | 'monotonic'>;
}

/** Between two frames of a backfill it is quiet for less: the CPU is theirs, and readers derive what is behind. */
const IDLE_DERIVE_MS = 300;
/** Where it is never quiet, a step runs between two commits so often: what is behind must not grow for hours. */
const BUSY_DERIVE_MS = 5000;
const IDLE_CHECKPOINT_MS = 2000;

export function createIdleWork({ deriveTime, checkpoint, clock }: IdleWorkDeps): IdleWork {
  let cancelDerive = (): void => {};
  let cancelCheckpoint = (): void => {};
  const armCheckpoint = (): void => {
    cancelCheckpoint();
    cancelCheckpoint = clock.after(IDLE_CHECKPOINT_MS, checkpoint);
  };
  let derivedMs = clock.monotonic();
  const derive = (): boolean => {
    const isMore = deriveTime();
    derivedMs = clock.monotonic();
    return isMore;
  };
  const armDerive = (ms: number): void => {
    cancelDerive = clock.after(ms, () => {
      if (!derive()) return;
      armCheckpoint();
      armDerive(0);
    });
  };
  return {
    rest() {
      armCheckpoint();
      armDerive(IDLE_DERIVE_MS);
    },
    stop() {
      cancelCheckpoint();
      cancelDerive();
    },
    pass() {
      if (clock.monotonic() - derivedMs >= BUSY_DERIVE_MS) derive();
    },
  };
}
