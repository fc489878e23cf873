/** What is known of the machines when sessions are shown: their names, and up to when their states hold. */
import type { MachineStatus } from '../../shared/status.ts';

export interface Fleet {
  nowMs: number;
  /** Label; the ID of a machine that was never enrolled here. */
  labelOf(machineId: string): string;
  /** Where ssh reaches it: of its tunnel; null: it has none, or no collector runs. */
  sshHostOf(machineId: string): string | null;
  /** When what this machine said last was known to be all; null: it is connected, so now. */
  knownAtMs(machineId: string | null): number | null;
  /** Until when it is known of a session there that it still waits: now, when it was heard of last, or its end; undefined: nothing was heard of it. */
  waitsUntilMs(machineId: string): number | undefined;
  /** Retired or revoked: nobody waits there any more. */
  hasEnded(machineId: string | null): boolean;
  /** ID of a label or of an ID; undefined: no such machine. */
  machineId(name: string): string | undefined;
  /** The least of `knownAtMs` of the machines that have not ended, at most now. */
  oldestKnownMs: number;
  /** This computer's machine; null: it is none. */
  hereId: string | null;
}

type Known = Pick<MachineStatus, 'machine_id' | 'label' | 'connected' | 'drained_at' | 'last_event_at' | 'ended_at' | 'tunnel'>;

export function createFleet(machines: readonly Known[], nowMs: number, hereId: string | null): Fleet {
  const byId = new Map(machines.map((machine) => [machine.machine_id, machine]));
  const knownAtMs = (machineId: string | null): number | null => {
    const machine = machineId === null ? undefined : byId.get(machineId);
    if (machine?.connected === true) return null;
    const times = [machine?.drained_at ?? null, machine?.last_event_at ?? null].flatMap((time) => (time === null ? [] : [Date.parse(time)]));
    return times.length === 0 ? null : Math.min(nowMs, Math.max(...times));
  };
  const counted = machines.filter(({ ended_at }) => ended_at === null);
  return {
    nowMs,
    labelOf: (machineId) => byId.get(machineId)?.label ?? machineId,
    sshHostOf: (machineId) => byId.get(machineId)?.tunnel?.host ?? null,
    knownAtMs,
    waitsUntilMs(machineId) {
      const machine = byId.get(machineId);
      const knownMs = machine?.connected === true ? nowMs : knownAtMs(machineId);
      const endedMs = machine === undefined || machine.ended_at === null ? null : Date.parse(machine.ended_at);
      return knownMs === null && endedMs === null ? undefined : Math.min(knownMs ?? nowMs, endedMs ?? nowMs);
    },
    hasEnded: (machineId) => machineId !== null && (byId.get(machineId)?.ended_at ?? null) !== null,
    machineId: (name) => machines.find(({ machine_id, label }) => label === name || machine_id === name)?.machine_id,
    oldestKnownMs: Math.min(nowMs, ...counted.map(({ machine_id }) => knownAtMs(machine_id) ?? nowMs)),
    hereId,
  };
}
