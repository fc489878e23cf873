/** One attempt to reach the collector, from its challenge to the end of the connection. */
import type { Clock } from '../../shared/clock.ts';
import { messageOf, TtError } from '../../shared/errors.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import { parseEndpoint, type Endpoint } from '../../shared/protocol/endpoint.ts';
import type { FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import type { dial } from '../../shared/protocol/web-socket.ts';
import type { Feed } from '../feed.ts';
import type { Uplink } from '../uplink-file.ts';
import { UplinkConnection, type ConnectionDeps, type ConnectionEnd } from './connection.ts';
import { createHello, distrust, fetchChallenge, signToken, type Credentials } from './handshake.ts';
import type { HttpClient } from './http-client.ts';

export interface AttemptDeps {
  clock: Clock;
  log: Log;
  feed: Feed;
  http: HttpClient;
  dial: typeof dial;
  credentials: Omit<Credentials, 'uplink'>;
  /** What `join` pinned; asked at every attempt, so that joining again takes effect. */
  readUplink(): Uplink;
  /** Where a tunnel says the collector is now; goes before the pinned address. */
  readEndpoint(): string | undefined;
  /** The name that the collector has for this machine, at every connect. */
  onLabel?: (label: string) => void;
  probes?: ConnectionDeps['probes'];
  mirror?: ConnectionDeps['mirror'];
}

export interface AttemptEvents {
  onDialling(endpoint: Endpoint): void;
  onConnection(connection: UplinkConnection): void;
  /** The connection became open, or is so no more. */
  onOpenChange(): void;
}

export interface AttemptEnd {
  code: string;
  message: string;
  /** The way is good: something was acknowledged, or it held for a minute. */
  hasWorked: boolean;
  /** A person must act first. */
  isFatal: boolean;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A connection that held so long was no accident, even if there was nothing to send. */
const STABLE_MS = 60_000;

/** Never rejects. `signal` ends it at once, whatever it is doing. */
export async function attempt(deps: AttemptDeps, events: AttemptEvents, signal: AbortSignal): Promise<AttemptEnd> {
  try {
    const uplink = deps.readUplink();
    const endpoint = parseEndpoint(deps.readEndpoint() ?? uplink.url);
    events.onDialling(endpoint);
    const credentials = { ...deps.credentials, uplink };
    const nonce = await fetchChallenge(deps.http, endpoint, uplink, signal);
    const token = await signToken(credentials, endpoint, nonce);
    if (signal.aborted) return failed('closed', 'interrupted');
    return await connect({ credentials, endpoint, token }, deps, events, signal);
  } catch (error) {
    return failed(error instanceof TtError ? error.code : 'failed', messageOf(error));
  }
}

function failed(code: string, message: string): AttemptEnd {
  return { code, message, hasWorked: false, isFatal: false };
}

interface Target {
  credentials: Credentials;
  endpoint: Endpoint;
  token: string;
}

function connect({ credentials, endpoint, token }: Target, deps: AttemptDeps, events: AttemptEvents, signal: AbortSignal): Promise<AttemptEnd> {
  const { clock, log, feed } = deps;
  return new Promise((resolve) => {
    let connection: UplinkConnection | undefined;
    let abortDialling = (): void => {};
    const onAbort = (): void => (connection ? connection.abandon('interrupted') : abortDialling());
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (end: AttemptEnd): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(end);
    };
    const opened = (socket: ConstructorParameters<typeof UplinkConnection>[0]): FrameSocketEvents => {
      const openedAt = clock.monotonic();
      connection = new UplinkConnection(socket, {
        clock, log, feed,
        distrust: (welcome, hello) => distrust(welcome, hello, credentials),
        onOpenChange: events.onOpenChange,
        onLabel: deps.onLabel,
        probes: deps.probes,
        mirror: deps.mirror,
      }, { hello: createHello(credentials, feed.positions(), clock), mayCompress: !endpoint.isLoopback });
      events.onConnection(connection);
      const report = (end: ConnectionEnd): void => {
        const isStable = end.isProven && clock.monotonic() - openedAt >= STABLE_MS;
        settle({ code: end.code, message: end.message, hasWorked: end.hasAcks || isStable, isFatal: end.isFatal });
      };
      connection.ended.then(report, (error: unknown) => settle(failed('failed', messageOf(error))));
      return connection;
    };
    const dialling = deps.dial(
      endpoint.webSocketUrl('/agent'),
      { token, handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS, maxFrameBytes: WIRE_LIMITS.frameBytes },
      { onOpen: opened, onRefused: ({ status, message }) => settle(refusalOf(status, message, endpoint)) },
    );
    abortDialling = () => dialling.abort();
  });
}

function refusalOf(status: number | undefined, message: string, endpoint: Endpoint): AttemptEnd {
  if (status === 401) return failed('unauthorised', `${endpoint.url} refuses this machine's token: join again, or wait for its tunnel`);
  if (status === 404) return failed('unknown_machine', `the collector at ${endpoint.url} does not know this machine: tt machines add LABEL there, then tt-agent join here`);
  if (status === 429) return failed('too_many', 'the collector has too many connections of this machine open; trying again');
  return failed('unreachable', `cannot connect to ${endpoint.url}: ${message}`);
}
