/** What `tt doctor` asks a running collector about its machines. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { MachineReport } from '../../shared/machine-document.ts';
import { timeProbe, type Probe } from '../../shared/probe.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';
import type { CollectorProbes } from '../ingest/probes.ts';

interface NamedMachine {
  machineId: MachineId;
  label: string;
}

const NOT_ASKED = {
  not_connected: 'its agent is not connected',
  older_agent: 'its agent is older and sends no probes: upgrade it, or run tt-agent doctor there',
} as const;

export async function probeMachine(
  { machineId, label }: NamedMachine,
  { ingest, probes }: { ingest: Pick<Ingest, 'askForProbe'>; probes: Pick<CollectorProbes, 'awaited'> },
  clock: Pick<Clock, 'now'>,
): Promise<Probe> {
  const id = randomUUID();
  const asked = { name: 'laptop', at: clock.now() };
  const answer = ingest.askForProbe(machineId, id);
  if (answer !== 'asked') return timeProbe({ id, machine: label, hops: [], goal: 'page', problem: NOT_ASKED[answer] });
  const hops = await probes.awaited(machineId, id);
  return timeProbe({ id, machine: label, hops: [asked, ...(hops ?? [])], goal: 'page' });
}

export function toReport({ machineId, label }: NamedMachine, { links }: { links: Pick<MachineLinks, 'get'> }): MachineReport {
  const link = links.get(machineId);
  const status = link?.status ?? null;
  const asOf = link?.statusAtMs ?? null;
  return {
    machine_id: machineId,
    label,
    as_of: asOf === null ? null : printTimestamp(asOf),
    problems: status && status.problems,
    bad_lines: status && status.bad_lines,
    unknown_entries: status && status.unknown_entries,
    kept_bytes: status && status.kept_bytes,
  };
}
