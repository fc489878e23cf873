/** What the running collector knows of one machine, by whatever name it is asked for. */
import type { Clock } from '../../shared/clock.ts';
import type { MachineKnown } from '../../shared/machine-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { ConnectionHistory } from '../connection-history.ts';
import { toReport } from '../control/machine-checks.ts';
import type { EnrolledMachine, MachineRegistry } from '../enrolment/machine-registry.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';

const STRIP_MS = 24 * 3_600_000;

export interface MachineFacts {
  /** Label or ID → machine ID; undefined: there is none. */
  machineId(name: string): string | undefined;
  machine(name: string): MachineKnown | undefined;
}

export interface MachineFactsDeps {
  registry: Pick<MachineRegistry, 'list'>;
  links: Pick<MachineLinks, 'get'>;
  connections: Pick<ConnectionHistory, 'spans'>;
  clock: Pick<Clock, 'now'>;
}

export function createMachineFacts({ registry, links, connections, clock }: MachineFactsDeps): MachineFacts {
  const named = (name: string): EnrolledMachine | undefined => registry.list().find(({ label, machineId }) => label === name || machineId === name);
  const orNull = (ms: number | null | undefined): string | null => (ms === null || ms === undefined ? null : printTimestamp(ms));
  return {
    machineId: (name) => named(name)?.machineId,
    machine(name) {
      const machine = named(name);
      if (!machine) return undefined;
      const link = links.get(machine.machineId);
      const nowMs = clock.now();
      return {
        machine_id: machine.machineId, label: machine.label, enrolled_at: machine.enrolledAt, host: link?.host ?? null,
        connected_since: orNull(link?.connectedSinceMs), last_seen_at: orNull(link?.lastSeenMs),
        connections: connections.spans(machine.machineId, { fromMs: nowMs - STRIP_MS, toMs: nowMs, enrolledMs: Date.parse(machine.enrolledAt) }),
        report: toReport(machine, { links }),
      };
    },
  };
}
