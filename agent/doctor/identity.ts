/** Who this machine is, whom it sends to, and whether another calls itself the same. */
import { existsSync } from 'node:fs';
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import type { Paths } from '../../shared/paths.ts';
import type { AgentStatus } from '../../shared/status.ts';
import { readIdentity, type MachineIdentity } from '../identity.ts';
import { readFormerMachines } from '../new-identity.ts';
import { readUplink } from '../uplink-file.ts';

export interface IdentityFacts {
  identity: MachineIdentity | undefined;
  hasKey: boolean;
  /** It joined a collector. */
  collectorId: string | null;
}

/** Throws what the files throw. */
export function readIdentityFacts({ machineFile, machineKeyFile, uplinkFile }: Pick<Paths, 'machineFile' | 'machineKeyFile' | 'uplinkFile'>): IdentityFacts {
  return { identity: readIdentity(machineFile), hasKey: existsSync(machineKeyFile), collectorId: readUplink(uplinkFile)?.collectorId ?? null };
}

export function judgeIdentity({ identity, hasKey, collectorId }: IdentityFacts): Check[] {
  const join = 'on the laptop: tt machines add LABEL; it prints the tt-agent join command to run here';
  if (!identity) return [fail('identity', 'this machine has no identity yet', join)];
  if (collectorId === null) return [fail('identity', `${identity.label} (${identity.machineId}) has not joined a collector`, join)];
  if (!hasKey) return [fail('identity', `the key of ${identity.label} is gone`, `on the laptop: tt machines add ${identity.label} --again; then join here with it`)];
  return [ok('identity', `${identity.label} (${identity.machineId}), of collector ${collectorId}`)];
}

export interface CloneFacts {
  label: string | null;
  problems: readonly string[];
  /** Machines that this one was copied from and has left behind. */
  formerMachines: number;
}

export function readCloneFacts({ formerMachinesFile }: Pick<Paths, 'formerMachinesFile'>, { label, problems }: Pick<AgentStatus, 'label' | 'problems'>): CloneFacts {
  return { label, problems, formerMachines: readFormerMachines(formerMachinesFile).size };
}

/** How the collector tells a second machine of the same name (docs/protocol.md, `clone_suspected`). */
const CLONE_SIGN = /two agents have the identity/;

export function judgeClones({ label, problems, formerMachines }: CloneFacts): Check[] {
  const sign = problems.find((problem) => CLONE_SIGN.test(problem));
  if (sign === undefined) return [ok('clone', formerMachines === 0 ? 'no other machine calls itself this one' : 'this machine was copied from another, and is one of its own now')];
  return [warn('clone', `another machine may be ${label ?? 'this one'}: ${sign}`, 'on the one that is the copy: tt-agent init --new-identity, then join it as a machine of its own')];
}
