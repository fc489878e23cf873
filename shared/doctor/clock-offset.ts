import { fail, ok, warn, type Check } from './check.ts';

/** From here on the status marks a machine. */
const MARKED_MS = 2000;
/** From here on the order of events across machines is no longer what happened. */
const WRONG_MS = 60_000;

/** `offsetMs`: the machine's clock minus the collector's; `errorMs`: by how much that can be wrong. */
export function judgeClock(offsetMs: number, errorMs: number, machine: string | null = null): Check[] {
  const direction = offsetMs < 0 ? 'behind' : 'ahead of';
  const offset = `${Math.abs(offsetMs)} ms ${direction} the collector's clock${errorMs > 0 ? ` (± ${errorMs} ms)` : ''}`;
  const fix = `let the system keep its time, ${machine === null ? 'here' : 'there'} and on the laptop: timedatectl set-ntp true`;
  const surelyMs = Math.max(0, Math.abs(offsetMs) - errorMs);
  if (surelyMs > WRONG_MS) return [fail('clock', offset, fix, machine)];
  return surelyMs > MARKED_MS ? [warn('clock', offset, fix, machine)] : [ok('clock', offset, machine)];
}
