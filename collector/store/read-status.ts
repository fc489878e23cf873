/** What the status needs of the store. Each number comes from an index; nothing scans the events. */
import type { Database } from './database.ts';

export interface MachineCounts {
  /** Greatest timestamp among its events, epoch ms. */
  lastEventAtMs: number | null;
  eventsToday: number;
  /** Verdicts `refused` since the database exists, without those that are wanted (`forgotten`). */
  refused: number;
  /** Dead letters that came, or came again, in the last 24 hours. */
  refusedLately: number;
  /** Open ones: bytes declared lost that nobody has accepted yet. */
  gaps: number;
  gapBytes: number;
  /** Each once, in order of the alphabet. */
  gapReasons: string[];
}

export const NO_COUNTS: MachineCounts = {
  lastEventAtMs: null, eventsToday: 0, refused: 0, refusedLately: 0, gaps: 0, gapBytes: 0, gapReasons: [],
};

const LATELY_MS = 86_400_000;

export interface StatusReader {
  /** `dayStartMs`: start of the local day. A machine that the database does not know has no counts. */
  counts(machineId: string, times: { nowMs: number; dayStartMs: number }): MachineCounts;
}

export function openStatusReader(database: Database): StatusReader {
  const counts = database.prepare<[number, number, string], Omit<MachineCounts, 'gapReasons'> & { machine: number }>(`
    SELECT m.machine,
      (SELECT max(at) FROM event_row WHERE machine = m.machine) AS lastEventAtMs,
      (SELECT count(*) FROM event_row WHERE machine = m.machine AND at >= ?) AS eventsToday,
      (SELECT coalesce(sum(count), 0) FROM refused_count WHERE machine = m.machine AND code <> 'forgotten') AS refused,
      (SELECT count(*) FROM dead_letter WHERE machine = m.machine AND received_at > ?) AS refusedLately,
      (SELECT count(*) FROM gap WHERE machine = m.machine AND accepted_at IS NULL) AS gaps,
      (SELECT coalesce(sum(to_offset - from_offset), 0) FROM gap WHERE machine = m.machine AND accepted_at IS NULL) AS gapBytes
    FROM machine_key m WHERE m.machine_id = ?`);
  const reasons = database.prepare<[number], { reason: string }>(
    'SELECT DISTINCT reason FROM gap WHERE machine = ? AND accepted_at IS NULL ORDER BY reason',
  );
  return {
    counts(machineId, { nowMs, dayStartMs }) {
      const found = counts.get(dayStartMs, nowMs - LATELY_MS, machineId);
      if (found === undefined) return NO_COUNTS;
      const { machine, ...rest } = found;
      return { ...rest, gapReasons: rest.gaps === 0 ? [] : reasons.all(machine).map(({ reason }) => reason) };
    },
  };
}
