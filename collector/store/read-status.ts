/** What the status needs of the store. Each number comes from an index; nothing scans the events. */
import type { Database } from './database.ts';

export interface MachineCounts {
  /** Greatest timestamp among its events, epoch ms. */
  lastEventAtMs: number | null;
  eventsToday: number;
  /** Verdicts `refused` since the database exists. */
  refused: number;
  /** Open ones: bytes declared lost that nobody has accepted yet. */
  gaps: number;
}

export const NO_COUNTS: MachineCounts = { lastEventAtMs: null, eventsToday: 0, refused: 0, gaps: 0 };

export interface StatusReader {
  /** `dayStartMs`: start of the local day. A machine that the database does not know has no counts. */
  counts(machineId: string, dayStartMs: number): MachineCounts;
}

export function openStatusReader(database: Database): StatusReader {
  const counts = database.prepare<[number, string], MachineCounts>(`
    SELECT
      (SELECT max(at) FROM event_row WHERE machine = m.machine) AS lastEventAtMs,
      (SELECT count(*) FROM event_row WHERE machine = m.machine AND at >= ?) AS eventsToday,
      (SELECT coalesce(sum(count), 0) FROM refused_count WHERE machine = m.machine) AS refused,
      (SELECT count(*) FROM gap WHERE machine = m.machine AND accepted_at IS NULL) AS gaps
    FROM machine_key m WHERE m.machine_id = ?`);
  return { counts: (machineId, dayStartMs) => counts.get(dayStartMs, machineId) ?? NO_COUNTS };
}
