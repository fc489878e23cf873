/**
 * Says each status once, and the end of a process where it is known.
 *
 * Guarantee: what was appended is not appended again, over restarts too as far as
 * it is remembered (told-statuses.ts has the limit); what could not be appended is
 * not taken for said. `gone` is only said of a process that was seen on this host.
 */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { appendLine } from '../event-line.ts';
import type { Processes } from '../processes.ts';
import { ranOnThisHost } from './host-evidence.ts';
import type { RegistryRecord } from './registry-record.ts';
import { goneLine, statusLine, type GoneReason, type Told } from './status-line.ts';
import { openStatuses } from './open-statuses.ts';
import { keyOf, readToldStatuses, type TellingKey } from './told-statuses.ts';

export interface StatusTellerDeps {
  clock: Pick<Clock, 'now'>;
  processes: Pick<Processes, 'host' | 'isRunning' | 'pidDomain' | 'startedAtMs'>;
  machineId: MachineId;
  statusLog: string;
  /** Where is kept whose end is not told yet. */
  openStatusesFile: string;
}

export interface EndedSession {
  key: TellingKey;
  hasLeft: boolean;
}

export interface StatusTeller {
  /** Appends a line if this is news. Throws what appending throws; the same record is then still news. */
  status(record: RegistryRecord): void;
  /**
   * Of processes that were seen on this host, whose end is not said yet: which do not run any more,
   * and which went on with another session.
   */
  ended(): EndedSession[];
  /**
   * Appends `gone`, once, if the process was seen on this host. Not while another process runs the
   * same session since before: it would read as the end of both. Throws what appending throws.
   */
  gone(key: TellingKey, reason: GoneReason): void;
  /** Drops what can not become news any more: no file holds it, and its end is said or can not be seen. */
  forgetAllBut(held: ReadonlySet<TellingKey>): void;
  /** Notes whose end is not told yet, for a start at which the log does not tell any more. Throws what writing throws. */
  keepOpen(): void;
}

export function createStatusTeller({ clock, processes, machineId, statusLog, openStatusesFile }: StatusTellerDeps): StatusTeller {
  const writer = { machineId, host: processes.host };
  const open = openStatuses(openStatusesFile, processes.host);
  const told = readToldStatuses(statusLog, open.told, processes.host);

  const isRunning = (key: TellingKey): boolean | null => {
    const known = told.get(key);
    if (known?.isVerified !== true || known.record.procStart === undefined) return null;
    return processes.isRunning(known.record.pid, known.record.procStart);
  };

  const isRunElsewhere = (key: TellingKey, { sessionId, statusAtMs }: RegistryRecord): boolean => [...told].some(([other, { record, isGone }]) =>
    other !== key && record.sessionId === sessionId && !isGone && record.statusAtMs <= statusAtMs && isRunning(other) === true);

  const hasLeft = ({ sessionId, pid, procStart, statusAtMs }: RegistryRecord): boolean => [...told.values()].some(({ record }) =>
    record.pid === pid && record.procStart === procStart && record.sessionId !== sessionId && record.statusAtMs > statusAtMs);

  const gone = (key: TellingKey, reason: GoneReason): void => {
    const known = told.get(key);
    if (known === undefined || known.isGone || !known.isVerified || isRunElsewhere(key, known.record)) return;
    appendLine(statusLog, goneLine(writer, known.record, reason, clock.now()));
    known.isGone = true;
  };
  /** Sessions that this process left for the one it runs now, and processes that had its ID before. */
  const endBefore = ({ sessionId, pid, procStart }: RegistryRecord): void => {
    for (const [key, { record }] of told) {
      if (record.pid !== pid) continue;
      if (record.procStart !== procStart && isRunning(key) === false) gone(key, 'died');
      if (record.procStart === procStart && record.sessionId !== sessionId && isRunning(key) === true) gone(key, 'left');
    }
  };

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
      endBefore(record);
      appendLine(statusLog, statusLine(writer, record, isVerified));
      told.set(key, { record, isVerified, isGone: false });
    },
    ended() {
      const ended: EndedSession[] = [];
      for (const [key, { record, isGone, isVerified }] of told) {
        const running = isVerified && !isGone ? isRunning(key) : null;
        if (running === false) ended.push({ key, hasLeft: false });
        else if (running === true && hasLeft(record)) ended.push({ key, hasLeft: true });
      }
      return ended;
    },
    gone,
    forgetAllBut(held) {
      for (const [key, { isGone, isVerified }] of told) {
        if (!held.has(key) && (isGone || !isVerified)) told.delete(key);
      }
    },
    keepOpen() {
      open.keep([...told.values()].filter(({ isGone, isVerified }) => isVerified && !isGone).map(({ record }) => statusLine(writer, record, true)));
    },
  };
}

function isNews(record: RegistryRecord, { record: before, isGone }: Told): boolean {
  // What a dead process left behind is no news; a later status is.
  if (isGone) return record.statusAtMs > before.statusAtMs;
  if (record.status !== before.status || record.waitingFor !== before.waitingFor) return true;
  return record.isStatusTimed && record.statusAtMs !== before.statusAtMs;
}
