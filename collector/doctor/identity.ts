/** Who this collector is, whether it runs, and where this machine's own agent is. */
import { existsSync } from 'node:fs';
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import type { Paths } from '../../shared/paths.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import { readCollectorIdentity } from '../enrolment/collector-identity.ts';

/** Throws `identity_invalid`. */
export function judgeIdentity({ collectorFile, database }: Pick<Paths, 'collectorFile' | 'database'>): Check[] {
  const identity = readCollectorIdentity(collectorFile);
  if (identity) return [ok('identity', `collector ${identity.collectorId}`)];
  if (existsSync(database)) {
    return [fail('identity', `${collectorFile} is gone: no machine would know this collector again`, 'do not start it: tt collector restore FILE brings it back')];
  }
  return [warn('identity', 'no collector was ever started here', 'tt collector install, or tt collector run')];
}

export function judgeRunning({ running, version, ui_port: port }: CollectorStatus, programVersion: string): Check[] {
  if (!running) return [warn('collector', 'the collector does not run; machines keep what happens and send it later', 'tt collector install, or tt collector run')];
  if (version !== programVersion) {
    return [warn('collector', `the collector that runs is ${version}, this program ${programVersion}`, 'restart it: tt collector install')];
  }
  return [ok('collector', `running, version ${version}, page on port ${port ?? '?'}`)];
}

/** Its own checks are the agent's. */
export function judgeThisMachine({ machineFile }: Pick<Paths, 'machineFile'>): Check[] {
  return existsSync(machineFile) ? [ok('this-machine', 'this machine has an agent of its own, with checks of its own: tt-agent doctor')] : [];
}
