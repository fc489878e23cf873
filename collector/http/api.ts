/** `/api/v1`: the status, pages of events by cursor, what the commands answer, and the live stream. */
import { Hono } from 'hono';
import * as z from 'zod';
import { TtError } from '../../shared/errors.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import type { StoreDocument } from '../../shared/store-document.ts';
import type { ThroughputDocument } from '../../shared/throughput-document.ts';
import type { EventFilter, EventPosition, EventReader } from '../store/read-events.ts';
import { createActionRoutes, type PageActions } from './action-routes.ts';
import { createAnswerRoutes, type AnswerRoutesDeps } from './answer-routes.ts';
import type { LiveFeed } from './live.ts';
import { badRequest, listParameter, machineIdsOf, parseQuery, timeParameter } from './query.ts';

export const EVENTS_SCHEMA = 1;
const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

export interface ApiDeps extends AnswerRoutesDeps {
  status(): CollectorStatus;
  events: EventReader;
  live: LiveFeed;
  throughput(): ThroughputDocument;
  store(): StoreDocument;
  actions: PageActions;
}

const eventsQuery = z.strictObject({
  machine: listParameter.optional(),
  type: listParameter.optional(),
  session: z.string().optional(),
  since: timeParameter.optional(),
  until: timeParameter.optional(),
  order: z.enum(['newest', 'oldest']).default('newest'),
  limit: z.coerce.number().int().min(1).max(LARGEST_PAGE).default(DEFAULT_PAGE),
  cursor: z.string().max(100).optional(),
});

export function createApi(deps: ApiDeps): Hono {
  const api = new Hono();
  api.get('/status', (context) => context.json(deps.status()));
  api.get('/events', (context) => {
    const query = parseQuery(eventsQuery, context.req.query());
    const filter = toFilter(query, deps);
    const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
    const events = [];
    let last: EventPosition | undefined;
    for (const placed of deps.events.read(filter, query.order, after)) {
      if (events.length === query.limit) return context.json({ schema: EVENTS_SCHEMA, events, cursor: last ? encodeCursor(last) : null });
      events.push(placed.event);
      last = placed;
    }
    return context.json({ schema: EVENTS_SCHEMA, events, cursor: null });
  });
  api.route('/', createAnswerRoutes(deps));
  api.route('/', createActionRoutes(deps.actions));
  api.get('/throughput', (context) => context.json(deps.throughput()));
  api.get('/store', (context) => context.json(deps.store()));
  api.get('/live', (context) => {
    const { events } = parseQuery(z.strictObject({ events: z.enum(['1', 'recent']).optional() }), context.req.query());
    const lastRow = /^\d{1,15}$/.exec(context.req.header('last-event-id') ?? '')?.[0];
    const stream = deps.live.view({ events: events !== undefined, withRecent: events === 'recent', lastRow: lastRow === undefined ? undefined : Number(lastRow) });
    if (!stream) {
      throw new TtError('too_many_viewers', 'too many pages are open', { hint: 'close some of them', retryable: true });
    }
    return new Response(stream, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' } });
  });
  return api;
}

function toFilter(query: z.infer<typeof eventsQuery>, deps: Pick<ApiDeps, 'machineId'>): EventFilter {
  const machineIds = machineIdsOf(query.machine, deps);
  return {
    ...(machineIds && { machineIds }),
    ...(query.type && { types: query.type }),
    ...(query.session !== undefined && { sessionId: query.session }),
    ...(query.since !== undefined && { sinceMs: query.since }),
    ...(query.until !== undefined && { untilMs: query.until }),
  };
}

/** Opaque to whoever asks: only what `cursor` gave comes back in. */
export function encodeCursor({ at, row }: EventPosition): string {
  return Buffer.from(`1.${at}.${row}`).toString('base64url');
}

export function decodeCursor(cursor: string): EventPosition {
  const match = /^1\.(-?\d{1,15})\.(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!match) throw badRequest('cursor: not one of ours', 'start again without a cursor');
  return { at: Number(match[1]), row: Number(match[2]) };
}
