/** Derives the intervals of marked sessions, a bounded step at a time, while the writer has nothing else to do. */
import { OPEN_END_MS } from '../time/delegation.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';
import { openSessionSigns } from './session-signs.ts';
import type { SessionSpeakers } from './session-speakers.ts';
import { openSessionTime, type DerivedSession } from './session-time.ts';

export interface TimeSteps {
  /** In a transaction of the caller. True: there is more to do. */
  step(): boolean;
  /** The whole session, at once up to a size; what is left stays marked, and readers derive it. */
  deriveAgain(session: number): void;
  /** Everything anew; answers how many intervals there are. */
  rebuild(): number;
}

/** About 4 ms. */
const STEP_EVENTS = 1000;
/** Of one session that are derived at once when all of it is. */
const MOST_STEPS = 20;
/** A step takes up another session until this. */
const STEP_MS = 5;

function prepare(database: Database) {
  return {
    // What happened last is asked for first.
    next: database.prepare<[], { session: number; fromMs: number; toMs: number }>(
      'SELECT session, from_at AS fromMs, to_at AS toMs FROM session_dirty ORDER BY to_at DESC LIMIT 1'),
    isDirty: database.prepare<[]>('SELECT 1 FROM session_dirty LIMIT 1'),
    done: database.prepare<[number]>('DELETE FROM session_dirty WHERE session = ?'),
    left: database.prepare<[number, number, number]>('UPDATE session_dirty SET from_at = ?, to_at = ? WHERE session = ?'),
    remove: database.prepare<[number, string, number, number]>('DELETE FROM interval WHERE session = ? AND form = ? AND from_at >= ? AND from_at < ?'),
    insert: database.prepare<[number, number, string, number, number, number, number, number, number | null, number]>(`
      INSERT INTO interval (from_at, session, form, to_at, event, event_at, machine, kind, cwd, fact) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    removeAll: database.prepare<[]>('DELETE FROM interval'),
    markAll: database.prepare<[]>(`
      INSERT OR REPLACE INTO session_dirty (session, from_at, to_at)
      SELECT session, min(at), max(at) FROM event_row WHERE session <> 0 GROUP BY session`),
    removeOf: database.prepare<[number]>('DELETE FROM interval WHERE session = ?'),
    markOf: database.prepare<[number]>(`
      INSERT OR REPLACE INTO session_dirty (session, from_at, to_at)
      SELECT session, min(at), max(at) FROM event_row WHERE session = ? AND session <> 0 GROUP BY session`),
    marked: database.prepare<[number], { fromMs: number; toMs: number }>('SELECT from_at AS fromMs, to_at AS toMs FROM session_dirty WHERE session = ?'),
    count: database.prepare<[], number>('SELECT count(*) FROM interval').pluck(),
  };
}

export interface TimeStepsDeps {
  keys: Pick<Keys, 'kindOf' | 'machineId'>;
  speakers: SessionSpeakers;
  /** Monotonic ms. */
  elapsed: () => number;
}

/** `stepEvents`: of one session that are derived at once, about. */
export function openTimeSteps(database: Database, { keys, speakers, elapsed }: TimeStepsDeps, stepEvents = STEP_EVENTS): TimeSteps {
  const statements = prepare(database);
  const time = openSessionTime(database, openSessionSigns(database, keys, speakers));

  const save = (session: number, { fromMs, untilMs, intervals, rest }: DerivedSession): void => {
    for (const form of ['delegated', 'waiting']) statements.remove.run(session, form, fromMs, Math.min(untilMs, OPEN_END_MS));
    for (const { form, fromMs: from, toMs: to, opener } of intervals) {
      statements.insert.run(from, session, form, to, opener.row, opener.at, opener.machine, opener.kind, opener.cwd, opener.fact);
    }
    if (rest === null) statements.done.run(session);
    else statements.left.run(rest.fromMs, rest.toMs, session);
  };
  const deriveNext = (): boolean => {
    const next = statements.next.get();
    if (next !== undefined) save(next.session, time.derive(next.session, next, stepEvents));
    return next !== undefined;
  };

  return {
    step() {
      const startMs = elapsed();
      while (deriveNext()) if (elapsed() - startMs >= STEP_MS) return statements.isDirty.get() !== undefined;
      return false;
    },
    deriveAgain(session) {
      statements.removeOf.run(session);
      statements.markOf.run(session);
      for (let steps = 0; steps < MOST_STEPS; steps += 1) {
        const marked = statements.marked.get(session);
        if (marked === undefined) return;
        save(session, time.derive(session, marked, stepEvents));
      }
    },
    rebuild() {
      statements.removeAll.run();
      statements.markAll.run();
      while (deriveNext());
      return Number(statements.count.get());
    },
  };
}
