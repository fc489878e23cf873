/** Everything the page's port answers, behind one door: right host, right origin, signed in. */
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { NO_SUCH_SESSION, NO_TRANSCRIPT } from '../answers/questions.ts';
import { NO_SUCH_MACHINE } from './answer-routes.ts';
import { createApi, type ApiDeps } from './api.ts';
import type { Assets } from './assets.ts';
import type { Metrics } from './metrics.ts';
import { noticePage } from './notice-page.ts';
import type { Readiness } from './readiness.ts';
import { SESSION_COOKIE, SESSION_LIFETIME_MS, type SignIn } from './sign-in.ts';

export interface AppDeps extends ApiDeps {
  signIn: SignIn;
  assets: Assets;
  log: Log;
  readiness: Pick<Readiness, 'reasons'>;
  /** Undefined: not asked for. */
  metrics: Metrics | undefined;
  /** `Host` headers that mean this server: a page of another name that resolves here must not read it (DNS rebinding). */
  hosts(): ReadonlySet<string>;
}

/** No inline script or style, nothing from elsewhere, in nobody's frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ');

/** Of the page's own, beside `/`: those that it tells apart (web/route.ts). */
export const PAGE_ADDRESSES = ['/sessions/:id', '/sessions/:id/transcript', '/search', '/machines/:name', '/add', '/add/:name', '/reports/*'];

export function createApp(deps: AppDeps): Hono {
  const app = new Hono();
  app.use(securityHeaders);
  app.onError((error, context) => answerError(error, context, deps.log));
  app.notFound((context) => answer(context, 404, { code: 'not_found', message: 'there is nothing here', hint: 'the page is at /' }));

  app.use(requireHost(deps));
  app.get('/healthz', (context) => context.json({ ok: true }));
  app.get('/readyz', (context) => {
    const why = deps.readiness.reasons();
    return context.json({ ready: why.length === 0, why }, why.length === 0 ? 200 : 503);
  });
  const { metrics } = deps;
  if (metrics) app.get('/metrics', async (context) => context.body(await metrics.text(), 200, { 'content-type': metrics.contentType }));
  app.get('/sign-in', (context) => redeem(context, deps.signIn));
  app.use(requireSignedIn(deps.signIn));

  app.route('/api/v1', createApi(deps));
  // The page finds its way by its address.
  for (const address of PAGE_ADDRESSES) app.get(address, async (_context, next) => deps.assets.find('/') ?? next());
  app.get('*', async (context, next) => deps.assets.find(context.req.path) ?? next());
  return app;
}

const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set('content-security-policy', CONTENT_SECURITY_POLICY);
  headers.set('x-content-type-options', 'nosniff');
  headers.set('referrer-policy', 'no-referrer');
  headers.set('cross-origin-opener-policy', 'same-origin');
  headers.set('cross-origin-resource-policy', 'same-origin');
  // What is shown is private, and old at once.
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
};

function requireHost({ hosts }: Pick<AppDeps, 'hosts'>): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host')?.toLowerCase();
    if (host === undefined || !hosts().has(host)) {
      return answer(context, 421, { code: 'wrong_host', message: 'this server does not answer to that name', hint: 'run `tt open`' });
    }
    const isReading = context.req.method === 'GET' || context.req.method === 'HEAD';
    const origin = context.req.header('origin');
    // A browser always names the origin of a request that changes something.
    if (isReading ? origin !== undefined && !isOwn(origin, host) : !isOwn(origin, host)) {
      return answer(context, 403, { code: 'origin_refused', message: 'another site may not ask this', hint: 'use the page itself: `tt open`' });
    }
    return next();
  };
}

function isOwn(origin: string | undefined, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

function requireSignedIn(signIn: SignIn): MiddlewareHandler {
  return async (context, next) => {
    const cookie = getCookie(context, SESSION_COOKIE);
    if (cookie !== undefined && signIn.isSignedIn(cookie)) return next();
    return answer(context, 401, {
      code: 'not_signed_in', message: 'this browser is not signed in', hint: 'run `tt open` on the machine of the collector',
    });
  };
}

function redeem(context: Context, signIn: SignIn): Response | Promise<Response> {
  const secret = signIn.redeem(context.req.query('token') ?? '');
  if (secret === undefined) {
    return answer(context, 401, {
      code: 'link_used', message: 'this link was used already, or is older than ten minutes', hint: 'run `tt open` for another one',
    });
  }
  setCookie(context, SESSION_COOKIE, secret, { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: SESSION_LIFETIME_MS / 1000 });
  // Not a redirect: a browser that came from another site would leave a Strict cookie out of it.
  return context.html(noticePage({ title: 'Signed in', text: 'Opening the page.', goTo: '/' }));
}

export interface ErrorBody {
  code: string;
  message: string;
  hint: string;
}

type ErrorStatus = 400 | 401 | 403 | 404 | 421 | 500 | 503;

/** Programs get JSON, people a page. */
function answer(context: Context, status: ErrorStatus, error: ErrorBody): Response | Promise<Response> {
  if (context.req.path.startsWith('/api/')) return context.json({ error }, status);
  return context.html(noticePage({ title: error.message, text: error.hint }), status);
}

const NOT_THERE: ReadonlySet<string> = new Set([NO_SUCH_SESSION, NO_SUCH_MACHINE, NO_TRANSCRIPT]);

function answerError(error: unknown, context: Context, log: Log): Response | Promise<Response> {
  if (error instanceof TtError) {
    const { code, message, hint, exitCode, retryable } = error;
    const status = NOT_THERE.has(code) ? 404 : exitCode === EXIT_CODES.usage ? 400 : retryable ? 503 : 500;
    // Also what may go well the next time, where it is not by intention that it did not now.
    if (status === 500 || (status === 503 && error.cause !== undefined)) logFailure(error, context, log);
    return answer(context, status, { code, message, hint });
  }
  logFailure(error, context, log);
  return answer(context, 500, { code: 'internal', message: 'that failed', hint: 'look at the log of the collector' });
}

function logFailure(error: unknown, { req: { path } }: Context, log: Log): void {
  log.error({ path, ...(error instanceof TtError && { code: error.code }), error: messageOf(error) }, 'a request of the page failed');
}
