/**
 * Notices that the machine slept, or this process was stopped: its own ticks
 * come late, or the wall clock moved without the monotonic one.
 */
import type { Clock } from '../../shared/clock.ts';

const TICK_MS = 5000;
/** Two ticks: an ordinary delay is far below, an NTP correction too. */
const JUMP_MS = 2 * TICK_MS;

/** Calls `onWake` within 5 s after waking up. Returns the way to stop. */
export function watchForWake(clock: Pick<Clock, 'now' | 'monotonic' | 'every'>, onWake: () => void): () => void {
  let wall = clock.now();
  let monotonic = clock.monotonic();
  return clock.every(TICK_MS, () => {
    const wallPassed = clock.now() - wall;
    const monotonicPassed = clock.monotonic() - monotonic;
    wall += wallPassed;
    monotonic += monotonicPassed;
    if (Math.abs(wallPassed - monotonicPassed) > JUMP_MS || monotonicPassed > TICK_MS + JUMP_MS) onWake();
  });
}
