/** How fast backlogs shrink, out of what the page has seen of them. Times are epoch ms. */
import type { MachineStatus } from '../../shared/status.ts';

/** Looked back so far: an agent tells of its backlog every five seconds. */
const WINDOW_MS = 60_000;
const LEAST_MS = 4000;

interface Sample {
  atMs: number;
  bytes: number;
}

export interface Drain {
  see(machines: readonly Pick<MachineStatus, 'machine_id' | 'backlog_bytes'>[], nowMs: number): void;
  /** Until nothing is left at this rate; null: not known, nothing left, or it does not shrink. */
  restMs(machineId: string): number | null;
}

export function createDrain(): Drain {
  const samples = new Map<string, Sample[]>();
  return {
    see(machines, nowMs) {
      for (const { machine_id: id, backlog_bytes: bytes } of machines) {
        const kept = (samples.get(id) ?? []).filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
        if (bytes === null || bytes === 0) samples.delete(id);
        else if (kept.at(-1)?.bytes !== bytes) samples.set(id, [...kept, { atMs: nowMs, bytes }]);
      }
    },
    restMs(machineId) {
      const kept = samples.get(machineId) ?? [];
      const [first, last] = [kept[0], kept.at(-1)];
      if (!first || !last || last.atMs - first.atMs < LEAST_MS || last.bytes >= first.bytes) return null;
      return (last.bytes * (last.atMs - first.atMs)) / (first.bytes - last.bytes);
    },
  };
}
