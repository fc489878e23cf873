import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { archivedMachines } from '../archive/session-entries.ts';
import type { ArchiveRow } from '../../shared/archive-document.ts';

/** Machines of which something is archived: all, or the one of this label or ID. Throws `machine_unknown`. */
export async function chosenMachines(
  rows: readonly Pick<ArchiveRow, 'machine_id' | 'label'>[], name: string | undefined, archiveDir: string,
): Promise<{ machine_id: string; label: string }[]> {
  const labels = new Map(rows.map(({ machine_id, label }) => [machine_id, label]));
  const machines = (await archivedMachines(archiveDir)).map((machineId) => ({ machine_id: String(machineId), label: labels.get(machineId) ?? machineId }));
  if (name === undefined) return machines;
  if (!rows.some(({ label }) => label === name) && !machines.some(({ machine_id }) => machine_id === name)) {
    throw new TtError('machine_unknown', `no machine is called ${JSON.stringify(name)}`, { hint: '`tt archive status` lists them', exitCode: EXIT_CODES.usage });
  }
  return machines.filter(({ machine_id, label }) => label === name || machine_id === name);
}
