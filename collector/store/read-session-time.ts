/** Delegated time and waits of a period: what is stored, and what is behind derived here, so that it is right at once. */
import type { SessionInterval } from '../time/delegation.ts';
import type { FactNeeds } from './assignments.ts';
import type { Database } from './database.ts';
import type { IntervalOpener } from './session-signs.ts';
import { openSessionTime, type DerivedSession } from './session-time.ts';
import { openTimePages, type TimeRange } from './time-pages.ts';

export type WorkInterval = SessionInterval<IntervalOpener>;
type Columns = [
  form: number[], fromMs: number[], toMs: number[], row: number[], machine: number[], session: number[], cwd: (number | null)[],
  at: number[], kind: number[], fact: number[],
];

/** Of the table's index: intervals that are longer are found by where they end. */
const LONG_MS = 86_400_000;
const LONG_COLUMNS = 't.form, t.from_at AS fromMs, t.to_at AS toMs, t.event AS row, t.event_at AS at, t.machine, t.session, t.kind, t.cwd, t.fact';
const WAITING = 'w'.charCodeAt(0);

/**
 * Every interval that overlaps the period, whole. In a transaction of the caller,
 * where somebody writes meanwhile: marks and intervals move together.
 */
export function* readSessionIntervals(reader: Database, period: TimeRange, needs: FactNeeds): Generator<WorkInterval[]> {
  const behind = deriveBehind(reader, period);
  const overlaps = ({ fromMs, toMs }: WorkInterval): boolean => fromMs < period.toMs && toMs > period.fromMs;
  const isStillSo = ({ fromMs, opener }: WorkInterval): boolean => {
    const derived = behind.get(opener.session);
    return derived === undefined || fromMs < derived.fromMs || fromMs >= derived.untilMs;
  };
  for (const stored of storedIntervals(reader, period, needs)) yield behind.size === 0 ? stored : stored.filter(isStillSo);
  for (const { intervals } of behind.values()) yield intervals.filter(overlaps);
}

function* storedIntervals(reader: Database, { fromMs, toMs }: TimeRange, needs: FactNeeds): Generator<WorkInterval[]> {
  const long = reader.prepare<[number, number], Omit<WorkInterval, 'opener'> & IntervalOpener>(`
    SELECT ${LONG_COLUMNS} FROM interval t WHERE t.to_at - t.from_at > ${LONG_MS} AND t.to_at > ? AND t.from_at < ?`);
  yield long.all(fromMs, toMs).map(({ form, fromMs: from, toMs: to, ...opener }) => ({ form, fromMs: from, toMs: to, opener }));
  const pages = openTimePages<Columns>(reader, {
    table: 'interval', at: 'from_at',
    columns: [
      'unicode(t.form)', 't.from_at', 't.to_at', 't.event', 't.machine', 't.session', 't.cwd',
      needs.time ? 't.event_at' : null, needs.kind ? 't.kind' : null, needs.fact ? 't.fact' : null,
    ],
  });
  for (const [forms, froms, tos, rows, machines, sessions, cwds, ats, kinds, facts] of pages({ fromMs: fromMs - LONG_MS, toMs })) {
    const found: WorkInterval[] = [];
    for (let index = 0; index < froms.length; index += 1) {
      const [from, to] = [froms[index] ?? 0, tos[index] ?? 0];
      if (to <= fromMs || to - from > LONG_MS) continue;
      const opener = {
        row: rows[index] ?? 0, at: ats[index] ?? 0, machine: machines[index] ?? 0, session: sessions[index] ?? 0, kind: kinds[index] ?? 0,
        cwd: cwds[index] ?? null, fact: facts[index] ?? 0,
      };
      found.push({ form: forms[index] === WAITING ? 'waiting' : 'delegated', fromMs: from, toMs: to, opener });
    }
    yield found;
  }
}

/** Of marked sessions, those that have something in the period, or had. */
function deriveBehind(reader: Database, { fromMs, toMs }: TimeRange): Map<number, DerivedSession> {
  const behind = reader.prepare<[number, number, number, number], { session: number; fromMs: number; toMs: number }>(`
    SELECT d.session, d.from_at AS fromMs, d.to_at AS toMs FROM session_dirty d
    WHERE EXISTS (SELECT 1 FROM session_row s
        WHERE s.session = d.session AND s.first_at < ? AND (s.last_at >= ? OR s.status_at IS NOT NULL))
      OR EXISTS (SELECT 1 FROM interval i WHERE i.session = d.session AND i.from_at < ? AND i.to_at > ?)`).all(toMs, fromMs, toMs, fromMs);
  if (behind.length === 0) return new Map();
  const time = openSessionTime(reader);
  return new Map(behind.map(({ session, ...dirty }) => [session, time.derive(session, dirty, Infinity)]));
}
