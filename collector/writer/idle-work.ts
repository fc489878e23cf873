/**
 * What the writer does when nothing waits for it: derives time that is behind,
 * in steps between which a batch passes, and moves the WAL into the database.
 */
import type { Clock } from '../../shared/clock.ts';

export interface IdleWork {
  /** Nothing waits: what there is to do begins after a while. */
  rest(): void;
  /** Something came. */
  stop(): void;
}

export interface IdleWorkDeps {
  /** Some milliseconds of it. True: there is more. */
  deriveTime(): boolean;
  checkpoint(): void;
  clock: Pick<Clock, 'after'>;
}

/** Between two frames of a backfill it is quiet for less: the CPU is theirs, and readers derive what is behind. */
const IDLE_DERIVE_MS = 300;
const IDLE_CHECKPOINT_MS = 2000;

export function createIdleWork({ deriveTime, checkpoint, clock }: IdleWorkDeps): IdleWork {
  let cancelDerive = (): void => {};
  let cancelCheckpoint = (): void => {};
  const armCheckpoint = (): void => {
    cancelCheckpoint();
    cancelCheckpoint = clock.after(IDLE_CHECKPOINT_MS, checkpoint);
  };
  const armDerive = (ms: number): void => {
    cancelDerive = clock.after(ms, () => {
      if (!deriveTime()) return;
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
  };
}
