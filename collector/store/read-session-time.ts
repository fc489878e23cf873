/** Delegated time and waits of a period: what is stored, and what is behind derived here, so that it is right at once. */
import type { SessionInterval } from '../time/delegation.ts';
import type { Database } from './database.ts';
import type { IntervalOpener } from './session-signs.ts';
import { openSessionTime, type DerivedSession } from './session-time.ts';
import { openTimePages } from './time-pages.ts';

type OfPeriod = SessionInterval<IntervalOpener>;
type IntervalValues = [OfPeriod['form'], number, number, number, number, number, number, number, number | null, number];

function toInterval([form, fromMs, toMs, row, at, machine, session, kind, cwd, fact]: IntervalValues): OfPeriod {
  return { form, fromMs, toMs, opener: { row, at, machine, session, kind, cwd, fact } };
}

/** Of the table's index: intervals that are longer are found by where they end. */
const LONG_MS = 86_400_000;

const COLUMNS = 't.form, t.from_at, t.to_at, t.event, t.event_at, t.machine, t.session, t.kind, t.cwd, t.fact';

/** Every interval that overlaps the period, whole. */
export function readSessionIntervals(reader: Database, { fromMs, toMs }: { fromMs: number; toMs: number }): OfPeriod[] {
  const pages = openTimePages<IntervalValues>(reader, { table: 'interval', at: 'from_at', columns: COLUMNS });
  const long = reader.prepare<[number, number], IntervalValues>(`
    SELECT ${COLUMNS} FROM interval t WHERE t.to_at - t.from_at > ${LONG_MS} AND t.to_at > ? AND t.from_at < ?`).raw();
  const readStored = (): OfPeriod[] => {
    const found = long.all(fromMs, toMs).map(toInterval);
    for (const page of pages({ fromMs: fromMs - LONG_MS, toMs })) {
      for (const values of page) {
        const interval = toInterval(values);
        if (interval.toMs > fromMs && interval.toMs - interval.fromMs <= LONG_MS) found.push(interval);
      }
    }
    return found;
  };
  // One snapshot: the writer moves marks and intervals together.
  return reader.transaction(() => {
    const found = readStored();
    const behind = deriveBehind(reader, { fromMs, toMs }, found);
    if (behind.size === 0) return found;
    const intervals = found.filter(({ fromMs: from, opener }) => {
      const derived = behind.get(opener.session);
      return derived === undefined || from < derived.fromMs || from >= derived.untilMs;
    });
    for (const derived of behind.values()) {
      for (const interval of derived.intervals) if (interval.fromMs < toMs && interval.toMs > fromMs) intervals.push(interval);
    }
    return intervals;
  })();
}

/** Of marked sessions, those that have something in the period, or had. */
function deriveBehind(reader: Database, { fromMs, toMs }: { fromMs: number; toMs: number }, stored: readonly OfPeriod[]): Map<number, DerivedSession> {
  const marks = reader.prepare<[number, number], { session: number; fromMs: number; toMs: number; isThere: number }>(`
    SELECT d.session, d.from_at AS fromMs, d.to_at AS toMs, EXISTS (SELECT 1 FROM session_row s
      WHERE s.session = d.session AND s.first_at < ? AND (s.last_at >= ? OR s.status_at IS NOT NULL)) AS isThere
    FROM session_dirty d`).all(toMs, fromMs);
  if (marks.length === 0) return new Map();
  const had = new Set(stored.map(({ opener }) => opener.session));
  const time = openSessionTime(reader);
  const behind = marks.filter(({ session, isThere }) => isThere === 1 || had.has(session));
  return new Map(behind.map(({ session, ...dirty }) => [session, time.derive(session, dirty, Infinity)]));
}
