/**
 * Machines whose agent broke the protocol stay out for a moment. One bad frame may
 * cost a tenth of a second before it is known as bad; sent again and again by a
 * program that does not wait, that would be felt by every other machine.
 */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';

const OUT_MS = 5000;

export interface Offenders {
  note(machineId: MachineId): void;
  isOut(machineId: MachineId): boolean;
}

/** Grows by one number per enrolled machine. */
export function createOffenders(clock: Pick<Clock, 'monotonic'>): Offenders {
  const outUntil = new Map<MachineId, number>();
  return {
    note: (machineId) => void outUntil.set(machineId, clock.monotonic() + OUT_MS),
    isOut: (machineId) => clock.monotonic() < (outUntil.get(machineId) ?? 0),
  };
}
