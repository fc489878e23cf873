import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAnswers } from '../../../collector/answers/answers.ts';
import type { Present } from '../../../collector/answers/questions.ts';
import { createControlHandlers } from '../../../collector/control/handlers.ts';
import { openMachineRegistry, type MachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { PAGE_ACTIONS } from '../../../collector/http/action-routes.ts';
import { createApp, PAGE_ADDRESSES } from '../../../collector/http/app.ts';
import { readAssets } from '../../../collector/http/assets.ts';
import { createLiveFeed } from '../../../collector/http/live.ts';
import type { NotReady } from '../../../collector/http/readiness.ts';
import { LINK_LIFETIME_MS, openSignIn, type SignIn } from '../../../collector/http/sign-in.ts';
import { readStoreFacts } from '../../../collector/http/store-facts.ts';
import { createMachineLinks } from '../../../collector/ingest/machine-links.ts';
import { createThroughput } from '../../../collector/ingest/throughput.ts';
import { openReader } from '../../../collector/store/database.ts';
import { openEventReader } from '../../../collector/store/read-events.ts';
import { machineAddress, reportAddress, routeOf, sessionAddress, transcriptAddress, type Route } from '../../../collector/web/route.ts';
import type { WriterCalls } from '../../../collector/writer/messages.ts';
import { openStore } from '../../../collector/writer/open-store.ts';
import { machineDocumentSchema, type MachineKnown } from '../../../shared/machine-document.ts';
import { numbersDocumentSchema } from '../../../shared/numbers-document.ts';
import { reportDocumentSchema } from '../../../shared/report-documents.ts';
import { sessionPageSchema, sessionsPageSchema, turnsPageSchema, waitingDocumentSchema, workingDocumentSchema } from '../../../shared/session-documents.ts';
import { streamListSchema } from '../../../shared/stream-documents.ts';
import { usageDocumentSchema } from '../../../shared/usage-documents.ts';
import { storeDocumentSchema } from '../../../shared/store-document.ts';
import { throughputDocumentSchema } from '../../../shared/throughput-document.ts';
import { timelineDocumentSchema } from '../../../shared/timeline-document.ts';
import { silentLog, type Log, type LogFields } from '../../../shared/log.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import { TtError } from '../../../shared/errors.ts';
import type { CollectorStatus, MachineStatus } from '../../../shared/status.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { startAnswersInProcess } from '../../support/answers-in-process.ts';
import { openIngest } from '../../support/ingest-fixture.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { testMachine } from '../../support/store-fixture.ts';

const MACHINE = testMachine(1);
const HOST = '127.0.0.1:7070';
const STATUS: CollectorStatus = {
  schema: 1, role: 'collector', running: true, collector_id: 'c', version: '1', ingest_port: 7071, ui_port: 7070, complete_until: null, machines: [],
};

const NOW = Date.UTC(2026, 0, 5, 11);
const NEVER_SEEN: MachineStatus = {
  machine_id: MACHINE, label: 'devbox', state: 'never_seen', connected: false, last_event_at: null, lag_ms: null, backlog_bytes: null, backlog_events: null,
  drained_at: null, complete_until: null, events_today: 0, refused: 0, gaps: 0, clock_offset_ms: null, version: null, ended_at: null, gap_bytes: 0, gap_reasons: [], refused_lately: 0,
};

const KNOWN: MachineKnown = {
  machine_id: MACHINE, label: 'devbox', enrolled_at: '2026-01-05T00:00:00.000Z', host: 'devbox.example', connected_since: null, last_seen_at: null,
  connections: [{ from: '2026-01-04T11:00:00.000Z', to: '2026-01-05T11:00:00.000Z', state: 'unknown' }],
  report: { machine_id: MACHINE, label: 'devbox', as_of: null, problems: null, bad_lines: null, unknown_entries: null, kept_bytes: null },
};
const { publicKey } = await createKeyPair();

let notReady: NotReady[] = [];
/** What the collector says of its machines when it is asked. */
let machines: () => Present['machines'];
let logged: LogFields[];
let folder: string;
let registry: MachineRegistry;
let clock: ManualClock;
let signIn: SignIn;
let app: Hono;
let close: () => Promise<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-app-'));
  clock = new ManualClock();
  machines = () => [{ ...NEVER_SEEN, enrolledAtMs: 0 }];
  logged = [];
  const log: Log = { ...silentLog, error: (fields) => void logged.push(fields) };
  const database = join(folder, 'collector.db');
  const store = openStore(database, clock);
  const lines = Array.from({ length: 25 }, (_, i) => JSON.stringify(eventAt(i)));
  store.committer.call('importLines', [lines, clock.now()]);
  const reader = openReader(database);
  const events = openEventReader(reader);
  writeFileSync(join(folder, 'index.html'), '<title>tt</title>');
  writeFileSync(join(folder, 'app.js'), '1');
  signIn = openSignIn(join(folder, 'sessions.json'), { clock, log: silentLog });
  const live = createLiveFeed({ clock, status: () => STATUS, events });
  const answers = createAnswers({
    clock,
    start: () => startAnswersInProcess({
      database, machineFile: join(folder, 'machine.json'), prices: {}, archiveDir: join(folder, 'archive'), searchDatabase: join(folder, 'search.sqlite'), claudeDirs: [join(folder, '.claude')],
    }),
    present: () => ({ nowMs: NOW, machines: machines() }),
  });
  registry = openMachineRegistry(join(folder, 'machines.json'));
  registry.enrol({ machineId: MACHINE, label: 'devbox', publicKey, nowMs: NOW });
  const actions = createControlHandlers({
    clock, registry, live: undefined,
    writer: { call: async (method, ...args) => store.committer.call(method, args) as WriterCalls[typeof method]['result'] },
    paths: { collectorFile: join(folder, 'collector.json'), machinesFile: join(folder, 'machines.json'), database, archiveDir: join(folder, 'archive'), syncEveryFile: join(folder, 'sync-every.json') },
  });
  app = createApp({
    readiness: { reasons: () => notReady }, metrics: { contentType: 'text/plain', text: () => Promise.resolve('tt_ready 1\n') },
    throughput: () => createThroughput({ clock, links: createMachineLinks(clock) }).document([]),
    store: () => readStoreFacts(resolvePaths({}, folder), { nowMs: NOW, startedMs: NOW }),
    status: () => STATUS, live, answers, fileAnswers: answers, actions, archiveRow: async () => (await actions['archive.list']({})).machines[0], now: () => NOW, signIn, assets: readAssets(folder), log,
    hosts: () => new Set([HOST, 'localhost:7070']), machineId: (name) => (name === 'devbox' || name === MACHINE ? MACHINE : undefined),
    machine: (name) => (name === 'devbox' ? KNOWN : undefined),
  });
  close = async () => {
    await answers.close();
    live.close();
    reader.close();
    store.close();
  };
});

afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

function eventAt(i: number): Record<string, unknown> {
  // Two of a time, so that a page can end between them.
  const timestamp = printTimestamp(Date.UTC(2026, 0, 5, 10) + Math.floor(i / 2) * 1000);
  const type = i % 5 === 0 ? 'user_message' : 'agent_tool_use';
  return { id: `${MACHINE}:remote.agent:${type}:${timestamp}:e${i}`, timestamp, source: 'remote.agent', type, session_id: `s${i % 2}` };
}

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return Promise.resolve(app.request(path, { headers: { host: HOST, ...headers } }));
}

async function cookie(): Promise<string> {
  const response = await get(`/sign-in?token=${signIn.createToken()}`);
  return response.headers.get('set-cookie')!.split(';')[0]!;
}

const signedIn = async (path: string, headers: Record<string, string> = {}): Promise<Response> => get(path, { cookie: await cookie(), ...headers });
const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;

describe('signing in', () => {
  it('/healthz answers anybody, and says nothing else', async () => {
    const response = await get('/healthz');
    expect([response.status, await response.text()]).toEqual([200, '{"ok":true}']);
  });

  it('/readyz says why events that come now would not be kept', async () => {
    const ready = await get('/readyz');
    expect([ready.status, await ready.text()]).toEqual([200, '{"ready":true,"why":[]}']);
    notReady = [{ code: 'disk_full', words: 'the disk is full' }];
    const full = await get('/readyz');
    notReady = [];
    expect([full.status, await full.json()]).toEqual([503, { ready: false, why: [{ code: 'disk_full', words: 'the disk is full' }] }]);
  });

  it.each([
    '/', '/app.js', '/api/v1/status', '/api/v1/live', '/nowhere', '/sessions/s0@devbox', '/machines/devbox', '/add', '/add/devbox', '/reports/week/2026-01-05/stream', '/api/v1/sessions/s0',
  ])('%s is for who is signed in', async (path) => {
    const refused = await get(path);
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain('tt open');
    expect((await get(path, { cookie: 'tt_session=guess' })).status).toBe(401);
    expect((await signedIn(path)).status).toBe(path === '/nowhere' ? 404 : 200);
  });

  it('makes a cookie that scripts cannot read and other sites do not send', async () => {
    const response = await get(`/sign-in?token=${signIn.createToken()}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('set-cookie')).toMatch(/^tt_session=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await response.text()).toContain('http-equiv="refresh"');
  });

  it('a link works once', async () => {
    const token = signIn.createToken();
    expect((await get(`/sign-in?token=${token}`)).status).toBe(200);
    const again = await get(`/sign-in?token=${token}`);
    expect([again.status, again.headers.get('set-cookie')]).toEqual([401, null]);
  });

  it('a link works for ten minutes', async () => {
    const [early, late] = [signIn.createToken(), signIn.createToken()];
    clock.advance(LINK_LIFETIME_MS);
    expect((await get(`/sign-in?token=${early}`)).status).toBe(200);
    clock.advance(1);
    expect((await get(`/sign-in?token=${late}`)).status).toBe(401);
  });

  it.each(['/sign-in', '/sign-in?token=', '/sign-in?token=guess'])('%s lets nobody in', async (path) => {
    expect((await get(path)).status).toBe(401);
  });
});

describe('the door', () => {
  it.each(['/healthz', '/', '/nowhere', '/sign-in', '/api/v1/status'])('%s carries the strict headers, whatever the answer', async (path) => {
    const { headers } = await get(path);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(['evil.example', 'evil.example:7070', '127.0.0.1', '127.0.0.1:7071', ''])('a request for host %j is refused, also with a cookie', async (host) => {
    expect((await signedIn('/api/v1/status', { host })).status).toBe(421);
  });

  it('answers to its other names', async () => {
    expect((await signedIn('/api/v1/status', { host: 'LOCALHOST:7070' })).status).toBe(200);
  });

  it('refuses another origin, and a change without one', async () => {
    const headers = { host: HOST, cookie: await cookie() };
    const post = async (more: Record<string, string>) => (await app.request('/api/v1/status', { method: 'POST', headers: { ...headers, ...more } })).status;
    expect(await post({})).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ origin: 'http://evil.example' })).toBe(403);
    expect(await post({ origin: `http://${HOST}` })).toBe(404);
    expect((await get('/api/v1/status', { ...headers, origin: 'http://evil.example' })).status).toBe(403);
  });
});

describe('every route there is', () => {
  /** Those that answer a browser without the cookie. */
  const OPEN = new Set(['/healthz', '/readyz', '/metrics', '/sign-in']);
  const routes = (): { method: string; path: string }[] => app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, path: path.replace(/:\w+/g, 'devbox').replace('*', 'week') }));
  const ask = async ({ method, path }: { method: string; path: string }, headers: Record<string, string>): Promise<number> =>
    (await app.request(path, { method, headers: { host: HOST, origin: `http://${HOST}`, 'content-type': 'application/json', ...headers }, ...(method === 'POST' && { body: '{}' }) })).status;

  it('is known to this test', () => {
    expect(routes().filter(({ path }) => path.startsWith('/api/v1/')).length).toBeGreaterThan(20);
    expect(routes().filter(({ method }) => method === 'POST').map(({ path }) => path).toSorted()).toEqual(PAGE_ACTIONS.map((name) => `/api/v1/actions/${name}`).toSorted());
    expect(new Set(routes().map(({ method }) => method))).toEqual(new Set(['GET', 'POST']));
  });

  it('refuses a foreign host, a foreign origin and a missing cookie', async () => {
    const signed = await cookie();
    const refusals = await Promise.all(routes().map(async (route) => [
      `${route.method} ${route.path}`, OPEN.has(route.path) ? 401 : await ask(route, {}),
      await ask(route, { cookie: signed, host: 'evil.example:7070' }), await ask(route, { cookie: signed, origin: 'http://evil.example' }),
    ]));
    expect(refusals).toEqual(routes().map(({ method, path }) => [`${method} ${path}`, 401, 421, 403]));
    expect((await Promise.all(routes().filter(({ path }) => OPEN.has(path)).map((route) => ask(route, {})))).filter((status) => status >= 500)).toEqual([]);
  });

  it('is there for who is signed in', async () => {
    const signed = await cookie();
    const statuses = await Promise.all(routes().filter(({ path }) => !OPEN.has(path)).map(async (route) => [route.path, await ask(route, { cookie: signed })]));
    expect(statuses.filter(([, status]) => status === 401 || status === 403)).toEqual([]);
  });

  it('is not on the port of the agents', async () => {
    await using ingest = await openIngest();
    for (const { method, path } of routes()) {
      if (path === '/healthz') continue;
      const response = await fetch(`${ingest.url}${path}`, { method });
      expect([path, response.status]).toEqual([path, 404]);
    }
  });
});

describe('changes', () => {
  const post = async (name: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> => app.request(`/api/v1/actions/${name}`, {
    method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { host: HOST, origin: `http://${HOST}`, cookie: await cookie(), 'content-type': 'application/json', ...headers },
  });

  it('are those of the commands', async () => {
    expect(await json(await post('machines.rename', { label: 'devbox', new_label: 'build-box' }))).toMatchObject({ label: 'build-box', connected: null });
    expect(registry.byLabel('build-box')?.machineId).toBe(MACHINE);
    expect(await json(await post('machines.rewind', { label: 'build-box', replace: false }))).toMatchObject({ files: 0, happens: 'at_next_connect' });
    expect(await json(await post('machines.retire', { label: 'build-box' }))).toMatchObject({ retired_at: expect.any(String) as unknown });
    const { streams: [made] } = await json<{ streams: { id: string }[] }>(await post('streams.change', { change: 'create', name: 'Payments', tags: ['work'] }));
    await post('streams.change', { change: 'rename', stream: made!.id, name: 'Billing' });
    await post('streams.assign', { document: { assign_by_session: [{ session_id: 's0', stream: 'Billing' }] }, by: 'user', create: false, dry_run: false });
    const report = reportDocumentSchema.parse(await json(await signedIn('/api/v1/report?period=day&by=stream&timezone=UTC')));
    expect(report.rows.find(({ name }) => name === 'Billing')).toMatchObject({ tags: ['work'] });
  });

  it.each([
    ['a form can not make them', 'machines.retire', '{"label":"devbox"}', { 'content-type': 'text/plain' }],
    ['they are JSON', 'machines.retire', 'label=devbox', {}],
    ['they are whole', 'machines.retire', {}, {}],
    ['they are about a machine that is there', 'machines.retire', { label: 'nobody' }, {}],
    ['they are not endless', 'machines.retire', { label: 'x'.repeat(300_000) }, {}],
  ])('%s', async (_what, name, body, headers) => {
    const response = await post(name, body, headers);
    expect([response.status, (await json<{ error: { hint: string } }>(response)).error.hint]).toEqual([400, expect.stringMatching(/./)]);
    expect(registry.byLabel('devbox')?.retiredAt).toBeNull();
  });

  it.each(['forget.step', 'backup', 'import', 'page.link', 'tunnels.set', 'status', 'toString'])('%s is for who owns the control socket', async (name) => {
    expect((await post(name, {})).status).toBe(404);
  });
});

describe('what the commands answer', () => {
  const ask = async (path: string): Promise<unknown> => json(await signedIn(`/api/v1/${path}`));

  it('has the shape of their JSON', async () => {
    expect(sessionsPageSchema.parse(await ask('sessions')).sessions.map(({ session_id }) => session_id)).toEqual(['s0', 's1']);
    expect(waitingDocumentSchema.parse(await ask('waiting'))).toMatchObject({ schema: 1 });
    expect(workingDocumentSchema.parse(await ask('working'))).toMatchObject({ schema: 1 });
    expect(usageDocumentSchema.parse(await ask('usage?by=model&timezone=Europe/Berlin'))).toMatchObject({ by: 'model', timezone: 'Europe/Berlin' });
    expect(reportDocumentSchema.parse(await ask('report?period=day&by=machine&timezone=UTC')).period).toMatchObject({ type: 'day', start: '2026-01-05' });
    expect(reportDocumentSchema.parse(await ask('report?start=2026-01-01&end=2026-01-04&timezone=UTC')).period).toMatchObject({ start: '2026-01-01', end: '2026-01-03' });
    expect(streamListSchema.parse(await ask('streams?all=1')).streams).toEqual([]);
    const { today, yesterday } = numbersDocumentSchema.parse(await ask('numbers?timezone=UTC'));
    expect([today.date, yesterday.date, today.totals.time_direct_ms > 0, yesterday.totals.time_direct_ms]).toEqual(['2026-01-05', '2026-01-04', true, 0]);
    expect(machineDocumentSchema.parse(await ask('machines/devbox'))).toMatchObject({ ...KNOWN, files: [], files_total: 0, gaps: [], refused: [], sources: [{ source: 'remote.agent' }] });
    expect(today.completeness).toMatchObject({ complete: false, missing: [{ machine: 'devbox', since: null }] });
  });

  it('pages of sessions follow each other without a hole or a repetition', async () => {
    const first = sessionsPageSchema.parse(await ask('sessions?limit=1'));
    expect(first.sessions.map(({ session }) => session)).toEqual(['s0@devbox']);
    const second = sessionsPageSchema.parse(await ask(`sessions?limit=1&cursor=${first.cursor ?? ''}`));
    expect([second.sessions.map(({ session }) => session), second.cursor]).toEqual([['s1@devbox'], null]);
  });

  it('a session comes with its newest turns, those before by cursor', async () => {
    const newest = sessionPageSchema.parse(await ask('sessions/s0@devbox?turns=2'));
    expect([newest.session, newest.turn_list.length, newest.first_turn]).toEqual(['s0@devbox', 2, 2]);
    const before = sessionPageSchema.parse(await ask(`sessions/s0@devbox?turns=2&cursor=${newest.cursor ?? ''}`));
    expect([before.turn_list.length, before.first_turn, before.cursor]).toEqual([1, 1, null]);
    expect(before.turn_list[0]!.started_at < newest.turn_list[0]!.started_at).toBe(true);
  });

  it('turns before a number come without the session', async () => {
    const part = turnsPageSchema.parse(await ask('sessions/s0@devbox/turns?turns=1&before=3'));
    expect([part.turn_list.length, part.first_turn, part.turn_count, Object.keys(part).length]).toEqual([1, 2, 3, 5]);
    expect((await signedIn(`/api/v1/sessions/s0/turns?before=3&cursor=${part.cursor ?? ''}`)).status).toBe(400);
    expect((await signedIn('/api/v1/sessions/nobody/turns')).status).toBe(404);
  });

  it('a day in lanes, what came in and the store have the shape that the page draws', async () => {
    const day = timelineDocumentSchema.parse(await ask('timeline?timezone=UTC'));
    expect([day.date, day.time_direct_ms > 0, day.machines.map(({ machine }) => machine)]).toEqual(['2026-01-05', true, ['devbox']]);
    expect(timelineDocumentSchema.parse(await ask('timeline?date=2026-01-04&timezone=UTC'))).toMatchObject({ date: '2026-01-04', attention: [] });
    expect((await signedIn('/api/v1/timeline?date=someday')).status).toBe(400);
    expect(throughputDocumentSchema.parse(await ask('throughput')).machines).toEqual([]);
    expect(storeDocumentSchema.parse(await ask('store'))).toMatchObject({ last_backup: null, last_check: null });
  });

  it('a session that is not there is not found', async () => {
    const response = await signedIn('/api/v1/sessions/nobody');
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: 'no_such_session', hint: expect.stringContaining('tt sessions') as unknown } }]);
  });

  it.each([
    'sessions?limit=0', 'sessions?limit=501', 'sessions?machine=nobody', 'sessions?state=asleep', 'sessions?cursor=nonsense', 'sessions/s0?turns=x',
    'waiting?x=1', 'working?x=1', 'usage?by=colour', 'usage?since=yesterday', 'report?period=year', 'report?period=day&start=2026-01-01', 'report?end=2026-01-01',
    'report?start=nonsense', 'report?timezone=Mars', 'numbers?timezone=Mars', 'streams?all=yes',
  ])('refuses %s', async (path) => {
    const response = await signedIn(`/api/v1/${path}`);
    expect(response.status).toBe(400);
    expect((await json<{ error: { message: string; hint: string } }>(response)).error.hint).not.toBe('');
  });
});

describe('files', () => {
  it('are served with their type; nothing else of the disk is', async () => {
    const page = await signedIn('/');
    expect([page.headers.get('content-type'), await page.text()]).toEqual(['text/html; charset=utf-8', '<title>tt</title>']);
    expect((await signedIn('/app.js')).headers.get('content-type')).toContain('text/javascript');
  });

  it.each(['/collector.db', '/sessions.json', '/..%2fetc%2fpasswd', '/../collector.db', '/index.html/'])('%s is none of them', async (path) => {
    expect((await signedIn(path)).status).toBe(404);
  });
});

describe('addresses of the page', () => {
  /** One at least for each page that the browser tells apart. */
  const ADDRESSES: Readonly<Record<Route['page'], readonly string[]>> = {
    home: ['/'],
    session: [sessionAddress({ session: 's0@devbox' })],
    transcript: [transcriptAddress('s0@devbox', { agent: 'a1', entry: 'u1' })],
    search: ['/search', '/search?query=a+b'],
    machine: [machineAddress('devbox')],
    add: ['/add', '/add/devbox'],
    reports: ['/reports', '/reports/week', '/reports/week/2026-01-05', reportAddress({ period: 'month', date: '2026-01-01', by: 'tag' })],
  };

  it('are there when they are loaded anew', async () => {
    const all = Object.entries(ADDRESSES).flatMap(([page, addresses]) => addresses.map((address) => ({ page, address })));
    const answered = await Promise.all(all.map(async ({ address }) => {
      const response = await signedIn(address);
      return { address, page: routeOf(address).page, status: response.status, text: await response.text() };
    }));
    expect(answered).toEqual(all.map(({ page, address }) => ({ address, page, status: 200, text: '<title>tt</title>' })));
  });

  it('are all told apart by the browser', () => {
    expect(PAGE_ADDRESSES.filter((address) => routeOf(address.replace(/:\w+/g, 'x').replace('*', 'week')).page === 'home')).toEqual([]);
  });
});

describe('what fails', () => {
  const failure = async (path: string): Promise<unknown> => {
    const response = await signedIn(path);
    return [response.status, (await json<{ error: { code: string } }>(response)).error.code];
  };

  it('in the thread that answers is in the log to which the answer points', async () => {
    machines = () => JSON.parse('[null]') as Present['machines'];
    expect(await failure('/api/v1/waiting')).toEqual([500, 'internal']);
    expect(logged).toMatchObject([{ path: '/api/v1/waiting', code: 'internal', error: expect.stringContaining('null') as string }]);
  });

  it('and may go well the next time is 503, in the log where it was not meant to', async () => {
    machines = () => {
      throw new Error('SQLITE_IOERR');
    };
    expect(await failure('/api/v1/waiting')).toEqual([503, 'answers_gone']);
    expect(logged).toMatchObject([{ error: expect.stringContaining('SQLITE_IOERR') as string }]);
    machines = () => {
      throw new TtError('not_now', 'not now', { hint: 'later', retryable: true });
    };
    expect(await failure('/api/v1/waiting')).toEqual([503, 'not_now']);
    expect(logged).toHaveLength(1);
  });

  it('for who has gone is not asked, and not in the log', async () => {
    const response = await app.request('/api/v1/waiting', { headers: { host: HOST, cookie: await cookie() }, signal: AbortSignal.abort() });
    expect([response.status, (await json<{ error: { code: string } }>(response)).error.code, logged]).toEqual([503, 'given_up', []]);
  });

  it('because it was asked wrongly is not in the log', async () => {
    expect([await failure('/api/v1/sessions/nobody'), await failure('/api/v1/usage?by=colour')]).toEqual([[404, 'no_such_session'], [400, 'bad_request']]);
    expect(logged).toEqual([]);
  });
});

interface EventsPage {
  schema: number;
  events: { id: string; timestamp: string }[];
  cursor: string | null;
}

describe('pages of events', () => {
  const readAll = async (query: string): Promise<string[]> => {
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: EventsPage = await json(await signedIn(`/api/v1/events?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`));
      ids.push(...page.events.map(({ id }) => id));
      ({ cursor } = page);
    }
    return ids;
  };
  const expected = Array.from({ length: 25 }, (_, i) => eventAt(i)['id']);

  it('follow each other without a hole or a repetition, in both orders', async () => {
    for (const limit of [1, 2, 3, 7, 25, 1000]) {
      expect(await readAll(`order=oldest&limit=${limit}`)).toEqual(expected);
      expect(await readAll(`limit=${limit}`)).toEqual(expected.toReversed());
    }
  });

  it('hold what was asked for', async () => {
    expect(await readAll('type=user_message')).toHaveLength(5);
    expect(await readAll('type=user_message,agent_tool_use&machine=devbox')).toHaveLength(25);
    expect(await readAll('session=s1&limit=5')).toHaveLength(12);
    expect(await readAll('session=unknown')).toHaveLength(0);
    expect(await readAll('since=2026-01-05T10:00:02Z&until=2026-01-05T10:00:04Z&order=oldest')).toEqual(expected.slice(4, 8));
  });

  it.each(['cursor=nonsense', 'limit=0', 'limit=1001', 'limit=x', 'since=yesterday', 'order=random', 'machine=nobody', 'unknown=1'])('refuse %s', async (query) => {
    const response = await signedIn(`/api/v1/events?${query}`);
    expect(response.status).toBe(400);
    expect((await json<{ error: { hint: string } }>(response)).error.hint).not.toBe('');
  });
});
