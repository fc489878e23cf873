import type { Clock } from '../../shared/clock.ts';

/** Sends one frame at a time, so that what arrives meanwhile is looked at in between. */
export interface Pacing {
  pump(): void;
  /** Sends nothing for so long, which counts from the last call. */
  pause(ms: number): void;
  readonly isPaused: boolean;
  /** For good. */
  stop(): void;
}

/** `sendNext` sends at most one frame and returns true when there is more to do at once. */
export function createPacing(clock: Pick<Clock, 'after'>, sendNext: () => boolean, { ceilingMs }: { ceilingMs: number }): Pacing {
  let isStopped = false;
  let cancelNext: (() => void) | undefined;
  let cancelPause: (() => void) | undefined;

  function pump(): void {
    if (isStopped || cancelPause || cancelNext || !sendNext()) return;
    cancelNext = clock.after(0, () => {
      cancelNext = undefined;
      pump();
    });
  }

  return {
    pump,
    pause(ms) {
      cancelPause?.();
      cancelPause = clock.after(Math.min(Math.max(ms, 0), ceilingMs), () => {
        cancelPause = undefined;
        pump();
      });
    },
    get isPaused() {
      return cancelPause !== undefined;
    },
    stop() {
      isStopped = true;
      cancelNext?.();
      cancelPause?.();
      cancelNext = cancelPause = undefined;
    },
  };
}
