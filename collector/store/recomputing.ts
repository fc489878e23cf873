/**
 * Everything that is derived from events, made again in steps that are short
 * enough for batches and commands to pass between them. Every step is a
 * transaction after which each row is as it was or right, so whoever stops in
 * between loses only what is left; nothing is missing meanwhile. A session is
 * never parted: one of tens of thousands of events is a step of its own.
 *
 * What came or went since is right already. Indexes are taken at their word:
 * where they may be damaged, `EventStore.rebuild` starts from nothing.
 */
import { RECOMPUTED_PARTS, type RecomputePlace, type RecomputeProgress } from '../writer/messages.ts';
import type { Attention } from './attention.ts';
import type { Database } from './database.ts';
import type { Sessions } from './sessions.ts';
import type { TimeSteps } from './time-steps.ts';
import type { Usage } from './usage.ts';

export interface RecomputingDeps {
  database: Database;
  sessions: Pick<Sessions, 'deriveAgain'>;
  usage: Pick<Usage, 'checkAgain' | 'offerAgain'>;
  attention: Pick<Attention, 'deriveAgain' | 'dropLost' | 'decideAgain'>;
  time: Pick<TimeSteps, 'deriveAgain'>;
  transaction<T>(work: () => T): T;
  /** Monotonic ms. */
  elapsed(): number;
}

export interface Recomputing {
  /** Goes on from `place` (null: starts) for about `stepMs`. */
  step(place: RecomputePlace | null, stepMs: number): RecomputeProgress;
}

type Part = RecomputePlace['part'];

/** Rows of a table that are looked at at once. */
const PAGE_ROWS = 500;
/** How much of the work each part is, about. */
const WEIGHTS: Readonly<Record<Part, number>> = { responses: 0.23, signs: 0.02, events: 0.25, sessions: 0.5 };
const BEFORE_ALL = -8_640_000_000_000_000;

/** Does the page behind `after`, and answers where the next begins; undefined: there was none. */
type Page = (after: number) => number | undefined;

function openPages({ database, sessions, usage, attention, time }: RecomputingDeps): Readonly<Record<Part, Page>> {
  const last = (table: string): ((after: number) => number | undefined) => {
    const find = database.prepare<[number, number], number | null>(
      `SELECT max(row) FROM (SELECT row FROM ${table} WHERE row > ? ORDER BY row LIMIT ?)`).pluck();
    return (after) => find.get(after, PAGE_ROWS) ?? undefined;
  };
  const [lastResponse, lastEvent] = [last('usage_row'), last('event_row')];
  const nextSession = database.prepare<[number], number | null>('SELECT min(session) FROM session_key WHERE session > ?').pluck();
  return {
    responses(after) {
      const to = lastResponse(after);
      if (to !== undefined) usage.checkAgain({ from: after + 1, to });
      return to;
    },
    signs: (after) => attention.dropLost(after, PAGE_ROWS),
    events(after) {
      const to = lastEvent(after);
      if (to === undefined) return undefined;
      usage.offerAgain({ from: after + 1, to });
      attention.deriveAgain({ from: after + 1, to });
      return to;
    },
    sessions(after) {
      const session = nextSession.get(after) ?? undefined;
      if (session === undefined) return undefined;
      sessions.deriveAgain(session);
      attention.decideAgain(session);
      time.deriveAgain(session);
      return session;
    },
  };
}

export function openRecomputing(deps: RecomputingDeps): Recomputing {
  const { database, transaction, elapsed } = deps;
  const pages = openPages(deps);
  const ends = database.prepare<[], Record<Part, number>>(`
    SELECT (SELECT max(row) FROM usage_row) AS responses, (SELECT max(at) FROM attention_row) AS signs,
      (SELECT max(row) FROM event_row) AS events, (SELECT max(session) FROM session_key) AS sessions`);
  const firstSign = database.prepare<[], number | null>('SELECT min(at) FROM attention_row').pluck();

  const next = ({ part, after }: RecomputePlace): RecomputePlace | null => {
    const reached = pages[part](after);
    if (reached !== undefined) return { part, after: reached };
    const following = RECOMPUTED_PARTS[RECOMPUTED_PARTS.indexOf(part) + 1];
    return following === undefined ? null : { part: following, after: following === 'signs' ? BEFORE_ALL : 0 };
  };
  const shareOf = ({ part, after }: RecomputePlace): number => {
    const from = part === 'signs' ? firstSign.get() ?? 0 : 0;
    const whole = (ends.get()?.[part] ?? 0) - from;
    const done = RECOMPUTED_PARTS.slice(0, RECOMPUTED_PARTS.indexOf(part)).reduce((sum, each) => sum + WEIGHTS[each], 0);
    return done + WEIGHTS[part] * (whole <= 0 ? 0 : Math.min(1, Math.max(0, (after - from) / whole)));
  };
  return {
    step: (place, stepMs) => transaction(() => {
      const startMs = elapsed();
      let at: RecomputePlace | null = place ?? { part: RECOMPUTED_PARTS[0], after: 0 };
      do at = next(at);
      while (at !== null && elapsed() - startMs < stepMs);
      return { place: at, share: at === null ? 1 : shareOf(at) };
    }),
  };
}
