/** Names of machines for commands that need neither the collector nor its database. */
import { readFileIfExists } from '../../shared/atomic-file.ts';
import type { Paths } from '../../shared/paths.ts';
import { parseMachineRows } from '../enrolment/machine-registry.ts';
import { readThisMachine } from '../sessions/this-machine.ts';

export interface MachineNames {
  /** Of its ID; what is not known is called as it is. */
  labelOf(machineId: string): string;
  machineIdOf(label: string): string | undefined;
  /** Of all that were neither retired nor revoked. */
  labels(): string[];
  /** How ssh reaches it; undefined: nobody knows. */
  hostOf(label: string): string | undefined;
  /** Of the machine that ssh reaches there, or that is so called. */
  labelOfHost(host: string): string | undefined;
  /** ID of this computer's own agent. */
  readonly here: string | null;
}

export function machineNames({ machinesFile, machineFile }: Pick<Paths, 'machinesFile' | 'machineFile'>): MachineNames {
  const text = readFileIfExists(machinesFile);
  const rows = text === undefined ? [] : parseMachineRows(text, machinesFile);
  const present = rows.filter((row) => row.retired_at === null && row.revoked_at === null);
  const labels = new Map<string, string>(rows.map(({ machine_id: id, label }) => [id, label]));
  return {
    labelOf: (machineId) => labels.get(machineId) ?? machineId,
    machineIdOf: (label) => rows.find((row) => row.label === label || row.machine_id === label)?.machine_id,
    labels: () => present.map(({ label }) => label),
    hostOf(label) {
      const row = rows.find((each) => each.label === label || each.machine_id === label);
      return row?.ssh_host ?? row?.sync_host ?? undefined;
    },
    labelOfHost: (host) => (present.find((row) => row.ssh_host === host || row.sync_host === host) ?? rows.find((row) => row.label === host))?.label,
    here: readThisMachine(machineFile),
  };
}
