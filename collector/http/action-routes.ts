/**
 * What the page may change: `POST /api/v1/actions/METHOD`, by the same handlers
 * as the control methods of these names. Everything else of them stays with who
 * owns the control socket.
 *
 * Against another site that uses the cookie: it is SameSite=Strict, the `Origin`
 * must be our own (app.ts), and the body must be JSON, which no form can send.
 */
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { ControlHandlers, ControlMethod } from '../control/control-methods.ts';
import { dispatch } from '../control/dispatch.ts';
import { badRequest } from './query.ts';

export const PAGE_ACTIONS = [
  'machines.add', 'machines.rename', 'machines.revoke', 'machines.retire', 'machines.rewind', 'machines.probe', 'tunnels.restart',
  'gaps.accept', 'streams.change', 'streams.assign', 'streams.undo',
] as const satisfies readonly ControlMethod[];
export type PageActions = Pick<ControlHandlers, (typeof PAGE_ACTIONS)[number]>;

const BODY_BYTES = 256 * 1024;

export function createActionRoutes(handlers: PageActions): Hono {
  const routes = new Hono();
  routes.use('/actions/*', bodyLimit({ maxSize: BODY_BYTES, onError: () => {
    throw badRequest('the body is larger than 256 kB', 'send less at once');
  } }));
  for (const method of PAGE_ACTIONS) {
    routes.post(`/actions/${method}`, async (context) => context.json(
      await dispatch(method, await bodyOf(context), handlers, (message) => badRequest(message, 'docs/api.md says what can be asked')),
    ));
  }
  return routes;
}

async function bodyOf(context: Context): Promise<unknown> {
  if (!/^application\/json\b/i.test(context.req.header('content-type') ?? '')) {
    throw new TtError('not_json', 'the body must be JSON', { hint: 'send it with content-type: application/json', exitCode: EXIT_CODES.usage });
  }
  try {
    const body: unknown = await context.req.json();
    return body;
  } catch {
    throw badRequest('the body is no JSON', 'docs/api.md says what can be asked');
  }
}
