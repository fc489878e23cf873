/** `/api/v1`: the status, what another thread answers, what the page may change, and the live stream. */
import { Hono } from 'hono';
import * as z from 'zod';
import { TtError } from '../../shared/errors.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import type { StoreDocument } from '../../shared/store-document.ts';
import type { ThroughputDocument } from '../../shared/throughput-document.ts';
import { createActionRoutes, type PageActions } from './action-routes.ts';
import { createAnswerRoutes, type AnswerRoutesDeps } from './answer-routes.ts';
import type { LiveFeed } from './live.ts';
import { parseQuery } from './query.ts';

export interface ApiDeps extends AnswerRoutesDeps {
  status(): CollectorStatus;
  live: LiveFeed;
  throughput(): ThroughputDocument;
  store(): StoreDocument;
  actions: PageActions;
}

export function createApi(deps: ApiDeps): Hono {
  const api = new Hono();
  api.get('/status', (context) => context.json(deps.status()));
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
