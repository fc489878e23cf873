/** Some turns of a session, without reading the events of the others. The same turns as `turnsOf` makes of the whole. */
import type { TtEvent } from '../../shared/event.ts';
import type { Turn } from '../../shared/session-documents.ts';
import type { EventPosition, EventReader } from '../store/read-events.ts';
import type { SessionReader, StoredSession } from '../store/read-sessions.ts';
import type { TurnStartReader } from '../store/read-turn-starts.ts';
import type { UsageReader } from '../store/read-usage.ts';
import type { Prices } from '../usage/prices.ts';
import type { Fleet } from './fleet.ts';
import { spentByTime } from './session-list.ts';
import { turnsOf } from './turns.ts';

export interface TurnPageDeps {
  sessions: Pick<SessionReader, 'subagentsOf'>;
  usage: Pick<UsageReader, 'responses'>;
  prices: Prices;
  events: EventReader;
  turnStarts: TurnStartReader;
  /** Kept from one page to the next. */
  known: { places?: KnownPlaces };
  fleet: Pick<Fleet, 'nowMs'>;
}

export interface TurnPage {
  /** In order of time. */
  turns: Turn[];
  /** Number of the first of `turns`, from 1; 0: there is none. */
  first: number;
  /** Turns of the session. */
  count: number;
}

/** The newest `turns` of those before the turn with the number `before`. */
export function turnPage(stored: StoredSession, { turns, before }: { turns: number; before: number }, deps: TurnPageDeps): TurnPage {
  const { sessionId } = stored;
  const places = placesOf(stored, deps);
  const end = Math.max(0, Math.min(places.length, before - 1));
  const from = Math.max(0, end - turns);
  if (from >= end) return { turns: [], first: 0, count: places.length };
  const [start, next] = [places[from], places[end]];
  const fromMs = from === 0 ? -Infinity : (start?.at ?? -Infinity);
  const spent = spentByTime(deps.usage.responses(sessionId, { fromMs, toMs: next?.at ?? Infinity }), deps.prices);
  const agents = from === 0 ? [] : deps.sessions.subagentsOf(sessionId).filter(({ firstAtMs }) => firstAtMs < fromMs);
  const earlier = { agents: new Set(agents.map(({ agentId }) => agentId)), toolOf: (use: string) => deps.turnStarts.toolOf(sessionId, use), isFirst: from === 0 };
  return { turns: turnsOf(eventsBetween(sessionId, start, next, deps.events), spent, { earlier, endMs: next?.at ?? Infinity }), first: from + 1, count: places.length };
}

/** Of the session that was asked for last. */
export interface KnownPlaces {
  session: string;
  /** Another one when a turn came, or something before the first. */
  mark: string;
  atMs: number;
  /** Undefined: before everything. */
  places: readonly (EventPosition | undefined)[];
}

/** So long they are believed: a machine that sends the same turns anew at other times changes no count. */
const BELIEVED_MS = 10_000;

function placesOf(stored: StoredSession, { turnStarts, known, fleet }: TurnPageDeps): KnownPlaces['places'] {
  const { sessionId: session, prompts, scriptPrompts, commands, firstAtMs } = stored;
  const mark = [prompts, scriptPrompts, commands, firstAtMs].join();
  const last = known.places;
  if (last?.session === session && last.mark === mark && Math.abs(fleet.nowMs - last.atMs) < BELIEVED_MS) return last.places;
  const starts = turnStarts.startsOf(session);
  // A turn that nobody is known to have asked for has no start of its own: it is all there is before the first.
  const places = turnStarts.hasWorkBefore(session, starts[0]) ? [undefined, ...starts] : starts;
  known.places = { session, mark, atMs: fleet.nowMs, places };
  return places;
}

function* eventsBetween(sessionId: string, start: EventPosition | undefined, next: EventPosition | undefined, events: EventReader): Generator<TtEvent> {
  const after = start && { at: start.at, row: start.row - 1 };
  for (const { at, row, event } of events.read({ sessionId }, 'oldest', after)) {
    if (next && (at > next.at || (at === next.at && row >= next.row))) return;
    yield event;
  }
}
