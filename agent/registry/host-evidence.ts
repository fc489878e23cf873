/**
 * Does a process of the registry run, or did it run, on this host? A registry in
 * a shared home or a container's volume names processes of other hosts, whose
 * absence here proves nothing.
 */
import type { Processes } from '../processes.ts';
import type { RegistryRecord } from './registry-record.ts';

/** The registry notes its start some time after the process began; the boot time is known to a second. */
const EARLIEST_MS = -3_000;
const LATEST_MS = 10_000;

/**
 * True when the process runs here with the start that the registry gives, or when it names this
 * host's process IDs and its start fits this boot. (The name alone is not enough: cloned machines
 * often share it.) Limit: of two clones that were booted within seconds of each other and share a
 * home, one may take the other's processes for its own.
 */
export function ranOnThisHost(record: RegistryRecord, processes: Pick<Processes, 'isRunning' | 'pidDomain' | 'startedAtMs'>): boolean {
  const { pid, procStart, pidDomain, startedAtMs } = record;
  if (procStart === undefined) return false;
  const isOurs = pidDomain !== undefined && pidDomain === processes.pidDomain;
  if (pidDomain !== undefined && processes.pidDomain !== null && !isOurs) return false;
  if (processes.isRunning(pid, procStart) === true) return true;
  const began = processes.startedAtMs(procStart);
  if (!isOurs || startedAtMs === undefined || began === null) return false;
  return startedAtMs - began >= EARLIEST_MS && startedAtMs - began <= LATEST_MS;
}
