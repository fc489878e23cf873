/**
 * One place where agents arrive: a loopback port, or a Unix socket at the near
 * end of one machine's tunnel. Everything here faces unauthenticated peers, so
 * everything has a cap.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { chmodSync, rmSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, messageOf, systemCode, TtError } from '../../shared/errors.ts';
import type { CollectorId, MachineId } from '../../shared/ids.ts';
import { UNAUTHENTICATED_SOCKETS_PER_TUNNEL, UNAUTHENTICATED_SOCKETS_SHARED } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { FrameSocket, FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import type { UpgradeServer } from '../../shared/protocol/web-socket.ts';
import { isLoopback } from '../../shared/loopback.ts';
import type { EnrolmentDesk, EnrolOutcome } from '../enrolment/enrolment-desk.ts';
import type { Authenticated, AuthRefusal } from './authenticate.ts';
import type { ListenerRef } from './endpoint-policy.ts';
import { createEnrolBudget, type EnrolBudget } from './enrol-budget.ts';
import type { Nonces } from './nonces.ts';
import type { RefusalLog } from './refusal-log.ts';

export const ENROL_BODY_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const HEADER_BYTES = 8192;

export type ListenAddress =
  | { host: string; port: number; /** For other hosts than loopback; without it they are refused. */ tls?: { key: string; cert: string } }
  | { socketPath: string };

export interface ListenerOptions {
  listen: ListenAddress;
  /** The only machine admitted here, as at the end of its tunnel. */
  admits?: MachineId;
  /** The only address that leads here. */
  dialled?: string;
}

export interface Listener {
  /** The port that was picked; null for a Unix socket. */
  readonly port: number | null;
  /** Stops accepting and cuts whoever is not authenticated. Upgraded sockets stay. Idempotent. */
  close(): void;
}

export interface ListenerDeps {
  collectorId: CollectorId;
  nonces: Nonces;
  desk: EnrolmentDesk;
  upgrades: UpgradeServer;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  log: Log;
  refusals: Pick<RefusalLog, 'refused'>;
  authenticate: (authorization: string | undefined, listener: ListenerRef) => Promise<Authenticated | AuthRefusal>;
  /** An authenticated agent; or why it is not let in now. */
  welcome: (peer: Authenticated) => ((socket: FrameSocket) => FrameSocketEvents) | { code: string; hint: string };
}

/** Throws `ingest_not_loopback`, `port_taken` or `listen_failed`. */
export async function openListener(options: ListenerOptions, deps: ListenerDeps): Promise<Listener> {
  const { listen } = options;
  requireSafe(listen);
  const limit = 'socketPath' in listen ? UNAUTHENTICATED_SOCKETS_PER_TUNNEL : UNAUTHENTICATED_SOCKETS_SHARED;
  const strangers = createStrangers(limit);
  const budget = createEnrolBudget(deps.clock);
  const server = createHttpServer(listen);
  const ref: ListenerRef = {
    name: nameOf(listen), admits: options.admits, dialled: options.dialled,
    get port() {
      return portOf(server);
    },
  };
  server.on('connection', (socket: Socket) => strangers.add(socket));
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(request, budget, deps).then((reply) => send(response, reply), (error: unknown) => {
      deps.log.error({ error: messageOf(error) }, 'a request could not be answered');
      send(response, refusal(500, 'internal', 'look at the log of the collector'));
    }).catch(() => response.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade({ request, socket, head, ref }, strangers, deps).catch(() => socket.destroy());
  });
  await startListening(server, listen);
  return toListener(server, strangers, listen);
}

function requireSafe(listen: ListenAddress): void {
  if ('socketPath' in listen || isLoopback(listen.host) || listen.tls) return;
  throw new TtError('ingest_not_loopback', `${listen.host} is not a loopback address, and there is no TLS`, {
    hint: 'keep ingest_host at 127.0.0.1 and let agents come through SSH tunnels',
    exitCode: EXIT_CODES.usage,
  });
}

function nameOf(listen: ListenAddress): string {
  return 'socketPath' in listen ? listen.socketPath : `${listen.host}:${listen.port}`;
}

function createHttpServer(listen: ListenAddress): Server {
  const limits = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Checked this often: a socket that says nothing is gone after 5 to 6 s.
    connectionsCheckingInterval: 1000,
    maxHeaderSize: HEADER_BYTES,
  };
  if ('socketPath' in listen || !listen.tls) return createServer(limits);
  return createTlsServer({ ...limits, ...listen.tls });
}

async function startListening(server: Server, listen: ListenAddress): Promise<void> {
  // A socket file that a crashed collector left: the caller holds the collector's lock.
  if ('socketPath' in listen) rmSync(listen.socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, nameOf(listen))));
    if ('socketPath' in listen) server.listen(listen.socketPath, resolve);
    else server.listen(listen.port, listen.host, resolve);
  });
  if ('socketPath' in listen) chmodSync(listen.socketPath, 0o600);
}

function listenError(error: Error, name: string): TtError {
  if (systemCode(error) === 'EADDRINUSE') {
    return new TtError('port_taken', `${name} is in use`, {
      hint: 'stop the program that has it, or set TT_INGEST_PORT (0 picks a free one)', cause: error,
    });
  }
  return new TtError('listen_failed', `cannot listen on ${name}: ${error.message}`, { hint: 'check ingest_host and ingest_port', cause: error });
}

/** Null for a Unix socket, and before it listens. */
function portOf(server: Server): number | null {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : null;
}

function toListener(server: Server, strangers: Strangers, listen: ListenAddress): Listener {
  return {
    port: portOf(server),
    close() {
      // Not awaited: the server counts upgraded sockets as its own, and those are not closed here.
      server.close();
      strangers.destroyAll();
      if ('socketPath' in listen) rmSync(listen.socketPath, { force: true });
    },
  };
}

/** Sockets that have proved nothing yet. When there are too many the oldest goes: it had its time. */
interface Strangers {
  add(socket: Socket): void;
  /** Authenticated: no stranger any more. */
  release(socket: Duplex): void;
  destroyAll(): void;
}

function createStrangers(limit: number): Strangers {
  const sockets = new Set<Duplex>();
  return {
    add(socket) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      if (sockets.size <= limit) return;
      const [oldest] = sockets;
      if (oldest === undefined) return;
      sockets.delete(oldest);
      oldest.destroy();
    },
    release: (socket) => sockets.delete(socket),
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Reply {
  status: number;
  body: unknown;
}

function refusal(status: number, code: string, hint: string): Reply {
  return { status, body: { code, hint } };
}

const ORIGIN_REFUSED = refusal(403, 'origin_refused', 'this port is for agents; a browser has no business here');
const NOT_FOUND = refusal(404, 'not_found', 'there are /challenge, /enrol, /agent and /healthz');

async function answer(request: IncomingMessage, budget: EnrolBudget, deps: ListenerDeps): Promise<Reply> {
  if (request.headers.origin !== undefined) return ORIGIN_REFUSED;
  switch (`${request.method} ${request.url}`) {
    case 'GET /healthz': return { status: 200, body: { ok: true } };
    case 'GET /challenge': {
      return { status: 200, body: { nonce: deps.nonces.issue(), now: deps.clock.now(), collector_id: deps.collectorId } };
    }
    case 'POST /enrol': return enrol(request, budget, deps);
    default: return NOT_FOUND;
  }
}

async function enrol(request: IncomingMessage, budget: EnrolBudget, { desk }: ListenerDeps): Promise<Reply> {
  const body = await readJson(request);
  // Who names a code that is out has its own five tries: others' guesses must not keep a machine from joining.
  if (budget.isSpent() && !desk.isExpected(body)) return refusal(429, 'too_many_tries', 'wait a minute, then try again');
  const outcome: EnrolOutcome = body === undefined
    ? { ok: false, code: 'malformed', hint: `send JSON of at most ${ENROL_BODY_BYTES} bytes` }
    : desk.enrol(body);
  if (outcome.ok) return { status: 200, body: outcome.answer };
  budget.spend();
  return refusal(outcome.code === 'malformed' ? 400 : 403, outcome.code, outcome.hint);
}

/** Undefined when it is too large or no JSON. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ENROL_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, { status, body }: Reply): void {
  // One request per connection: a stranger that stays is a stranger to count.
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' });
  response.end(JSON.stringify(body));
}

interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  ref: ListenerRef;
}

const AUTH_STATUS = { unauthorised: 401, unknown_machine: 404 } as const;

async function upgrade({ request, socket, head, ref }: Upgrade, strangers: Strangers, deps: ListenerDeps): Promise<void> {
  if (request.headers.origin !== undefined) return refuseUpgrade(socket, ORIGIN_REFUSED);
  if (request.url !== '/agent') return refuseUpgrade(socket, NOT_FOUND);
  const peer = await deps.authenticate(request.headers.authorization, ref);
  if (socket.destroyed) return;
  if (!peer.ok) {
    deps.refusals.refused(ref.name, peer);
    return refuseUpgrade(socket, refusal(AUTH_STATUS[peer.code], peer.code, peer.hint));
  }
  const onOpen = deps.welcome(peer);
  if (typeof onOpen !== 'function') return refuseUpgrade(socket, refusal(429, onOpen.code, onOpen.hint));
  strangers.release(socket);
  deps.upgrades.accept(request, socket, head, onOpen);
}

function refuseUpgrade(socket: Duplex, { status, body }: Reply): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
