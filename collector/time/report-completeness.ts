/** How complete a period is, out of what is known of the machines and their gaps. */
import type { Completeness } from '../../shared/report-documents.ts';
import type { MachineStatus } from '../../shared/status.ts';
import { NOTABLE_OFFSET_MS } from '../../shared/status-words.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { periodCompleteness, type CountedGap, type CountedMachine } from '../completeness.ts';
import type { StoredGap } from '../store/gaps.ts';

export interface CompletenessFacts {
  nowMs: number;
  machines: readonly (Pick<MachineStatus, 'machine_id' | 'label' | 'complete_until' | 'clock_offset_ms' | 'ended_at'> & { enrolledAtMs: number })[];
  gaps: readonly StoredGap[];
}

type Gap = CountedGap & Pick<StoredGap, 'id' | 'path' | 'from' | 'to' | 'reason' | 'tFrom' | 'tTo'>;

/** Where no machine is enrolled, nothing tells how complete anything is. */
export function toCompleteness(period: { fromMs: number; toMs: number }, { nowMs, machines, gaps }: CompletenessFacts): Completeness {
  if (machines.length === 0) return { complete: false, until: null, missing: [], gaps: [], clock_offsets: [] };
  const labels = new Map(machines.map(({ machine_id, label }) => [machine_id, label]));
  const counted = machines.map((machine): CountedMachine => ({
    label: machine.label, enrolledAtMs: machine.enrolledAtMs, endedAtMs: msOrNull(machine.ended_at), completeUntilMs: msOrNull(machine.complete_until),
  }));
  const known = gaps.map((gap): Gap => ({
    ...gap, label: labels.get(gap.machineId) ?? gap.machineId, fromMs: msOrNull(gap.tFrom), toMs: msOrNull(gap.tTo), isAccepted: gap.acceptedAtMs !== null,
  }));
  const { complete, until, missing, gaps: open } = periodCompleteness(counted, known, period, nowMs);
  return {
    complete,
    until: until === null ? null : printTimestamp(until),
    missing: missing.map(({ label, since }) => ({ machine: label, since: since === null ? null : printTimestamp(since) })),
    gaps: open.map(({ id, label, path, from, to, tFrom, tTo, reason }) => ({ id, machine: label, path, bytes: to - from, from: tFrom, to: tTo, reason })),
    clock_offsets: machines.flatMap(({ label, clock_offset_ms: offset }) => (offset === null || Math.abs(offset) <= NOTABLE_OFFSET_MS ? [] : [{ machine: label, offset_ms: offset }])),
  };
}

function msOrNull(timestamp: string | null): number | null {
  return timestamp === null ? null : Date.parse(timestamp);
}
