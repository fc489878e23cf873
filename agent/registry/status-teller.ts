/**
 * Says each status once, and the end of a process where it is known.
 *
 * Guarantee: what was appended is not appended again, over restarts too (as far
 * as the log's newest MiB reaches); what could not be appended is not taken for
 * said. `gone` is only said of a process that was seen on this host.
 */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { appendLine } from '../event-line.ts';
import type { Processes } from '../processes.ts';
import { ranOnThisHost } from './host-evidence.ts';
import type { RegistryRecord } from './registry-record.ts';
import { goneLine, statusLine, type GoneReason, type Told } from './status-line.ts';
import { keyOf, readToldStatuses, type TellingKey } from './told-statuses.ts';

export interface StatusTellerDeps {
  clock: Pick<Clock, 'now'>;
  processes: Pick<Processes, 'host' | 'isRunning' | 'pidDomain' | 'startedAtMs'>;
  machineId: MachineId;
  statusLog: string;
}

export interface StatusTeller {
  /** Appends a line if this is news. Throws what appending throws; the same record is then still news. */
  status(record: RegistryRecord): void;
  /** Processes that were seen on this host and do not run any more, whose end is not said yet. */
  ended(): TellingKey[];
  /**
   * Appends `gone`, once, if the process was seen on this host. Not while another process runs the
   * same session since before: it would read as the end of both. Throws what appending throws.
   */
  gone(key: TellingKey, reason: GoneReason): void;
  /** Whether this process still runs; null where that can not be known. */
  isRunning(key: TellingKey): boolean | null;
  /** Drops what can not become news any more: no file holds it, and its end is said or can not be seen. */
  forgetAllBut(held: ReadonlySet<TellingKey>): void;
}

export function createStatusTeller({ clock, processes, machineId, statusLog }: StatusTellerDeps): StatusTeller {
  const writer = { machineId, host: processes.host };
  const told = readToldStatuses(statusLog, processes.host);

  const isRunning = (key: TellingKey): boolean | null => {
    const known = told.get(key);
    if (known?.isVerified !== true || known.record.procStart === undefined) return null;
    return processes.isRunning(known.record.pid, known.record.procStart);
  };

  const isRunElsewhere = (key: TellingKey, { sessionId, statusAtMs }: RegistryRecord): boolean => [...told].some(([other, { record, isGone }]) =>
    other !== key && record.sessionId === sessionId && !isGone && record.statusAtMs <= statusAtMs && isRunning(other) === true);

  return {
    status(record) {
      const key = keyOf(record);
      const before = told.get(key);
      const isSameProcess = before?.isVerified === true && before.record.procStart === record.procStart;
      const isVerified = isSameProcess || ranOnThisHost(record, processes);
      if (before !== undefined && !isNews(record, before)) {
        before.isVerified = isVerified;
        if (isVerified) before.record.procStart = record.procStart;
        return;
      }
      appendLine(statusLog, statusLine(writer, record, isVerified));
      told.set(key, { record, isVerified, isGone: false });
    },
    ended: () => [...told].filter(([key, { isGone }]) => !isGone && isRunning(key) === false).map(([key]) => key),
    gone(key, reason) {
      const known = told.get(key);
      if (known === undefined || known.isGone || !known.isVerified || isRunElsewhere(key, known.record)) return;
      appendLine(statusLog, goneLine(writer, known.record, reason, clock.now()));
      known.isGone = true;
    },
    isRunning,
    forgetAllBut(held) {
      for (const [key, { isGone, isVerified }] of told) {
        if (!held.has(key) && (isGone || !isVerified)) told.delete(key);
      }
    },
  };
}

function isNews(record: RegistryRecord, { record: before, isGone }: Told): boolean {
  // What a dead process left behind is no news; a later status is.
  if (isGone) return record.statusAtMs > before.statusAtMs;
  if (record.status !== before.status || record.waitingFor !== before.waitingFor) return true;
  return record.isStatusTimed && record.statusAtMs !== before.statusAtMs;
}
