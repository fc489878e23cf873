/**
 * The intervals of a session, derived again around what changed in it: from the
 * last point before it where the state is known from a stored row, to the first
 * after it where what was before no longer matters.
 */
import { delegate, OPEN_END_MS, SILENCE_MS, type OpenTurn, type SessionInterval } from '../time/delegation.ts';
import type { Database } from './database.ts';
import { openSessionSigns, type IntervalOpener, type SessionSigns, type StoredWorkSign } from './session-signs.ts';

/** First and last event that came, changed or went; epoch ms. */
export interface DirtyRange {
  fromMs: number;
  toMs: number;
}

export interface DerivedSession {
  /** Stored intervals of the session that begin in [fromMs, untilMs) are replaced by these. */
  fromMs: number;
  untilMs: number;
  intervals: SessionInterval<IntervalOpener>[];
  /** What is left to derive; null: nothing. */
  rest: DirtyRange | null;
}

export interface SessionTime {
  /** `more`: events after the first dirty one, about; the rest is for another time. */
  derive(session: number, dirty: DirtyRange, more: number): DerivedSession;
}

/** Whether a tool ran through a moment is decided by what lies a silence before and after it. */
const REACH_MS = 2 * SILENCE_MS;
const WHOLE: DirtyRange = { fromMs: -OPEN_END_MS, toMs: OPEN_END_MS };

type StoredInterval = Omit<IntervalOpener, 'session'> & { fromMs: number; toMs: number };

export function openSessionTime(database: Database, signs: SessionSigns = openSessionSigns(database)): SessionTime {
  const before = database.prepare<[number, string, number], StoredInterval>(`
    SELECT from_at AS fromMs, to_at AS toMs, event AS row, event_at AS at, machine, kind, cwd, fact FROM interval
    WHERE session = ? AND form = ? AND from_at < ? ORDER BY from_at DESC LIMIT 1`);

  /** The event to start from, far enough before `ms` for all that is decided later, and outside any wait; undefined: the first one. */
  const startOf = (session: number, ms: number): number | undefined => {
    let startMs = signs.lastAt(session, ms - REACH_MS);
    while (startMs !== undefined) {
      const wait = before.get(session, 'waiting', startMs);
      if (wait === undefined || wait.toMs < startMs) break;
      startMs = wait.fromMs;
    }
    return startMs;
  };
  const turnAt = (session: number, ms: number): OpenTurn<IntervalOpener> | null => {
    const turn = before.get(session, 'delegated', ms);
    if (turn === undefined || turn.toMs < ms) return null;
    const { fromMs, toMs: _toMs, ...opener } = turn;
    return { fromMs, lastMs: ms, opener: { ...opener, session } };
  };

  return {
    derive(session, told, more) {
      // Whether rows of the earlier tool count, one event decides for all of them.
      const isWhole = signs.hasLegacyRows(session);
      const dirty = isWhole ? WHOLE : told;
      const startMs = startOf(session, dirty.fromMs);
      const turn = startMs === undefined ? null : turnAt(session, startMs);
      const read = signs.read(session, { fromMs: startMs ?? -OPEN_END_MS, throughMs: dirty.fromMs, more: isWhole ? Infinity : more });
      const isSettled = ({ at }: StoredWorkSign): boolean => at > dirty.toMs + REACH_MS && at < read.endMs - SILENCE_MS;
      const { intervals, settledAt } = delegate(read.signs, { turn, isOwn: ({ row }) => !signs.isSubagents(row), openerOf, isSettled });
      const isDone = settledAt !== null || read.endMs === Infinity;
      return {
        fromMs: turn?.fromMs ?? startMs ?? -OPEN_END_MS,
        untilMs: settledAt ?? read.endMs,
        intervals,
        rest: isDone ? null : { fromMs: read.endMs, toMs: Math.max(dirty.toMs, read.endMs) },
      };
    },
  };
}

function openerOf({ row, at, machine, session, kind, cwd, fact }: StoredWorkSign): IntervalOpener {
  return { row, at, machine, session, kind, cwd, fact };
}
