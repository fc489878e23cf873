/** `/api/v1`: the status, pages of events by cursor, and the live stream. */
import { Hono } from 'hono';
import * as z from 'zod';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import { parseTimestamp, timestampMs } from '../../shared/timestamp.ts';
import type { EventFilter, EventPosition, EventReader } from '../store/read-events.ts';
import type { LiveFeed } from './live.ts';

export const EVENTS_SCHEMA = 1;
const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

export interface ApiDeps {
  status(): CollectorStatus;
  /** Label or ID → machine ID; undefined: there is none. */
  machineId(name: string): string | undefined;
  events: EventReader;
  live: LiveFeed;
}

const time = z.string().transform((text, context) => {
  const timestamp = parseTimestamp(text);
  if (timestamp !== undefined) return timestampMs(timestamp);
  context.addIssue('not an RFC 3339 time');
  return z.NEVER;
});
const list = z.string().max(4096).transform((text) => text.split(','));

const eventsQuery = z.strictObject({
  machine: list.optional(),
  type: list.optional(),
  session: z.string().optional(),
  since: time.optional(),
  until: time.optional(),
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
  api.get('/live', (context) => {
    const { events } = parseQuery(z.strictObject({ events: z.literal('1').optional() }), context.req.query());
    const lastRow = /^\d{1,15}$/.exec(context.req.header('last-event-id') ?? '')?.[0];
    const stream = deps.live.view({ events: events !== undefined, lastRow: lastRow === undefined ? undefined : Number(lastRow) });
    if (!stream) {
      throw new TtError('too_many_viewers', 'too many pages are open', { hint: 'close some of them', retryable: true });
    }
    return new Response(stream, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' } });
  });
  return api;
}

function parseQuery<T>(schema: z.ZodType<T>, query: Record<string, string>): T {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badRequest(issue ? `${issue.path.join('.') || 'query'}: ${issue.message}` : 'malformed', 'docs/api.md says what can be asked');
}

function toFilter(query: z.infer<typeof eventsQuery>, { machineId }: Pick<ApiDeps, 'machineId'>): EventFilter {
  const machineIds = query.machine?.map((name) => {
    const id = machineId(name);
    if (id === undefined) throw badRequest(`no machine is called ${JSON.stringify(name)}`, '/api/v1/status lists them');
    return id;
  });
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

function badRequest(message: string, hint: string): TtError {
  return new TtError('bad_request', message, { hint, exitCode: EXIT_CODES.usage });
}
