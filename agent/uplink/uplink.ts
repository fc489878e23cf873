/**
 * Keeps one connection to the collector, for ever: dials, waits, dials again.
 * Nothing but a proven `revoked` or `retired` ends it; everything else may be
 * repaired by someone while the agent runs, and is shown until then.
 */
import { backoffMs } from '../../shared/backoff.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, TtError } from '../../shared/errors.ts';
import { RECONNECT_CEILING_MS, SLOW_RETRY_MS, WIRE_LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import { parseEndpoint, type Endpoint } from '../../shared/protocol/endpoint.ts';
import type { FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import type { dial } from '../../shared/protocol/web-socket.ts';
import type { Feed } from '../feed.ts';
import type { Uplink as PinnedCollector } from '../uplink-file.ts';
import { UplinkConnection } from './connection.ts';
import { createHello, distrust, fetchChallenge, signToken, type Credentials } from './handshake.ts';
import type { HttpClient } from './http-client.ts';

export interface UplinkDeps {
  clock: Clock;
  log: Log;
  feed: Feed;
  http: HttpClient;
  dial: typeof dial;
  credentials: Omit<Credentials, 'uplink'>;
  /** What `join` pinned; asked at every attempt, so that joining again takes effect. */
  readUplink(): PinnedCollector;
  /** Where a tunnel says the collector is now; goes before the pinned address. */
  readEndpoint(): string | undefined;
  onChange?(): void;
}

export interface UplinkStatus {
  connected: boolean;
  endpoint: string | null;
  /** Why there is no connection, in words. */
  problem: string | null;
}

export type UplinkEnd =
  | { kind: 'stopped' }
  /** A person must act before this agent may connect again. */
  | { kind: 'banned'; code: string; hint: string };

export interface AgentUplink {
  /** Resolves when it was closed, or the collector sent this machine away for good. */
  run(): Promise<UplinkEnd>;
  status(): UplinkStatus;
  /** `endpoint.json` or `uplink.json` changed: connect by it at once. */
  endpointChanged(): void;
  /** The machine slept: a connection is tested, a retry is made now. */
  wokeUp(): void;
  /** Sends nothing new, waits at most `graceMs` for acks, closes. Idempotent; `abandon` cuts it short. */
  close(graceMs: number): Promise<void>;
  abandon(): void;
}

const FIRST_RETRY_MS = 500;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A connection that held so long was no accident, even if there was nothing to send. */
const STABLE_MS = 60_000;

/** Nothing that trying again soon could change. */
const SLOW_CODES: ReadonlySet<string> = new Set([
  'unauthorised', 'unknown_machine', 'version_unsupported', 'clone_suspected', 'revoked', 'retired', 'impostor', 'wrong_collector',
]);

interface Attempt {
  code: string;
  message: string;
  hasWorked: boolean;
  isFatal: boolean;
}

export function createUplink(deps: UplinkDeps): AgentUplink {
  const { clock, log, feed } = deps;
  let connection: UplinkConnection | undefined;
  let dialled: Endpoint | undefined;
  let problem: string | null = null;
  let isClosing = false;
  let interrupt = new AbortController();
  let running: Promise<UplinkEnd> | undefined;
  let closing: Promise<void> | undefined;

  const changed = (): void => deps.onChange?.();
  feed.onWork(() => connection?.onWork());

  async function attempt(signal: AbortSignal): Promise<Attempt> {
    try {
      const uplink = deps.readUplink();
      const endpoint = parseEndpoint(deps.readEndpoint() ?? uplink.url);
      dialled = endpoint;
      const credentials = { ...deps.credentials, uplink };
      const nonce = await fetchChallenge(deps.http, endpoint, uplink, signal);
      const token = await signToken(credentials, endpoint, nonce);
      return await connect(credentials, endpoint, token, signal);
    } catch (error) {
      const code = error instanceof TtError ? error.code : 'failed';
      return { code, message: messageOf(error), hasWorked: false, isFatal: false };
    }
  }

  function connect(credentials: Credentials, endpoint: Endpoint, token: string, signal: AbortSignal): Promise<Attempt> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve({ code: 'closed', message: 'interrupted', hasWorked: false, isFatal: false });
      let abortDialling = (): void => {};
      const abort = (): void => (connection ? connection.abandon('interrupted') : abortDialling());
      signal.addEventListener('abort', abort, { once: true });
      const options = { token, handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS, maxFrameBytes: WIRE_LIMITS.frameBytes };
      const dialling = deps.dial(endpoint.webSocketUrl('/agent'), options, {
        onRefused({ status, message }) {
          signal.removeEventListener('abort', abort);
          resolve({ ...refusalOf(status, message, endpoint), hasWorked: false, isFatal: false });
        },
        onOpen(socket): FrameSocketEvents {
          const openedAt = clock.monotonic();
          const hello = createHello(credentials, feed.positions(), clock);
          const opened = new UplinkConnection(socket, {
            clock, log, feed,
            distrust: (welcome, sent) => distrust(welcome, sent, credentials),
            onOpen: stateChanged,
            onAck: () => {},
          }, { hello, mayCompress: !endpoint.isLoopback });
          connection = opened;
          opened.ended.then((end) => {
            signal.removeEventListener('abort', abort);
            resolve({ ...end, hasWorked: end.hasAcks || (end.isProven && clock.monotonic() - openedAt >= STABLE_MS) });
          }, () => {});
          return opened;
        },
      });
      abortDialling = () => dialling.abort();
    });
  }

  function stateChanged(): void {
    if (connection?.isOpen) {
      problem = null;
      log.info({ endpoint: dialled?.url }, 'connected');
    }
    changed();
  }

  async function run(): Promise<UplinkEnd> {
    let attempts = 0;
    let slowInARow = 0;
    while (!isClosing) {
      interrupt = new AbortController();
      const { signal } = interrupt;
      const end = await attempt(signal);
      connection = undefined;
      // What was in flight is unknown: it is read and sent again.
      feed.resync();
      if (end.isFatal) {
        problem = end.message;
        changed();
        return { kind: 'banned', code: end.code, hint: end.message };
      }
      if (isClosing) break;
      if (signal.aborted) continue;
      problem = end.message;
      log.warn({ code: end.code, endpoint: dialled?.url, reason: end.message }, 'not connected');
      changed();
      slowInARow = SLOW_CODES.has(end.code) ? slowInARow + 1 : 0;
      if (end.hasWorked) attempts = 0;
      // The first refusal may be a challenge that expired on the way: only the second in a row is believed.
      const delay = slowInARow > 1 ? SLOW_RETRY_MS : backoffMs(attempts, clock.random(), FIRST_RETRY_MS, RECONNECT_CEILING_MS);
      attempts += 1;
      await clock.sleep(delay, signal);
    }
    return { kind: 'stopped' };
  }

  async function drain(graceMs: number): Promise<void> {
    isClosing = true;
    const open = connection;
    if (open) {
      const patience = new AbortController();
      await Promise.race([open.drain(), clock.sleep(graceMs, patience.signal)]);
      patience.abort();
      open.close('the agent stops');
    } else {
      interrupt.abort();
    }
    await running;
  }

  return {
    run() {
      running ??= run();
      return running;
    },
    status: () => ({ connected: connection?.isOpen ?? false, endpoint: dialled?.url ?? null, problem }),
    endpointChanged() {
      if (!isClosing) interrupt.abort();
    },
    wokeUp() {
      if (connection) connection.checkSoon();
      else if (!isClosing) interrupt.abort();
    },
    close(graceMs) {
      closing ??= drain(graceMs);
      return closing;
    },
    abandon() {
      isClosing = true;
      interrupt.abort();
    },
  };
}

function refusalOf(status: number | undefined, message: string, endpoint: Endpoint): { code: string; message: string } {
  switch (status) {
    case 401: return { code: 'unauthorised', message: `${endpoint.url} refuses this machine's token: join again, or wait for its tunnel` };
    case 404: return { code: 'unknown_machine', message: `the collector at ${endpoint.url} does not know this machine: tt machines add LABEL there, then tt-agent join here` };
    case 429: return { code: 'too_many', message: 'the collector has too many connections of this machine open; trying again' };
    default: return { code: 'unreachable', message: `cannot connect to ${endpoint.url}: ${message}` };
  }
}
