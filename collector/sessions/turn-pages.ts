/** Some turns of a session, without reading the events of the others. The same turns as `turnsOf` makes of the whole. */
import type { TtEvent } from '../../shared/event.ts';
import type { Turn } from '../../shared/session-documents.ts';
import type { EventPosition, EventReader } from '../store/read-events.ts';
import type { SessionReader } from '../store/read-sessions.ts';
import type { TurnStartReader } from '../store/read-turn-starts.ts';
import type { UsageReader } from '../store/read-usage.ts';
import type { Prices } from '../usage/prices.ts';
import { spentByTime } from './session-list.ts';
import { turnsOf } from './turns.ts';

export interface TurnPageDeps {
  sessions: Pick<SessionReader, 'subagentsOf'>;
  usage: Pick<UsageReader, 'responses'>;
  prices: Prices;
  events: EventReader;
  turnStarts: TurnStartReader;
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
export function turnPage(sessionId: string, { turns, before }: { turns: number; before: number }, deps: TurnPageDeps): TurnPage {
  const starts = deps.turnStarts.startsOf(sessionId);
  // A turn that nobody is known to have asked for has no start of its own: it is all there is before the first.
  const places: (EventPosition | undefined)[] = deps.turnStarts.hasWorkBefore(sessionId, starts[0]) ? [undefined, ...starts] : starts;
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

function* eventsBetween(sessionId: string, start: EventPosition | undefined, next: EventPosition | undefined, events: EventReader): Generator<TtEvent> {
  const after = start && { at: start.at, row: start.row - 1 };
  for (const { at, row, event } of events.read({ sessionId }, 'oldest', after)) {
    if (next && (at > next.at || (at === next.at && row >= next.row))) return;
    yield event;
  }
}
