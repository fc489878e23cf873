/** Machines that a collector knows already when it starts: a thousand calls of `join` would test nothing new. */
import { randomUUID } from 'node:crypto';
import { openCollectorIdentity } from '../../collector/enrolment/collector-identity.ts';
import { openMachineRegistry } from '../../collector/enrolment/machine-registry.ts';
import { writeFileAtomic } from '../../shared/atomic-file.ts';
import { createKeyPair } from '../../shared/protocol/tokens.ts';
import type { MachineHome } from '../support/machine-home.ts';
import { machineId, type JoinedMachine } from '../support/scripted-agent.ts';

/** Adds `count` machines to a collector that does not run. */
export async function enrolOffline(home: MachineHome, count: number, prefix = 'machine'): Promise<JoinedMachine[]> {
  const { collectorId, keys: collectorKeys } = await openCollectorIdentity(home.paths.collectorFile);
  const file = home.paths.machinesFile;
  const known = openMachineRegistry(file).list();
  const added = await Promise.all(Array.from({ length: count }, async (_, at): Promise<JoinedMachine> => ({
    machineId: machineId(randomUUID()), keys: await createKeyPair(), collectorId, collectorKey: collectorKeys.publicKey, label: `${prefix}-${at}`,
  })));
  const enrolled_at = new Date().toISOString();
  const machines = [
    ...known.map((machine) => ({
      machine_id: machine.machineId, label: machine.label, public_key: machine.publicKey,
      enrolled_at: machine.enrolledAt, retired_at: machine.retiredAt, revoked_at: machine.revokedAt,
    })),
    ...added.map((machine) => ({ machine_id: machine.machineId, label: machine.label, public_key: machine.keys.publicKey, enrolled_at })),
  ];
  writeFileAtomic(file, `${JSON.stringify({ version: 1, machines })}\n`);
  return added;
}
