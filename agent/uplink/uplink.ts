/**
 * Keeps one connection to the collector, for ever: dials, waits, dials again.
 * Nothing but a proven `revoked` or `retired` ends it; everything else may be
 * repaired by someone while the agent runs, and is shown until then.
 */
import { backoffMs } from '../../shared/backoff.ts';
import { RECONNECT_CEILING_MS, SLOW_RETRY_MS } from '../../shared/limits.ts';
import type { Endpoint } from '../../shared/protocol/endpoint.ts';
import { attempt, type AttemptDeps, type AttemptEnd } from './attempt.ts';
import type { UplinkConnection } from './connection.ts';

export interface UplinkDeps extends AttemptDeps {
  /** Connected or not, or why not: something of `status` changed. */
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

/** Nothing that trying again soon could change. */
const SLOW_CODES: ReadonlySet<string> = new Set([
  'unauthorised', 'unknown_machine', 'version_unsupported', 'clone_suspected', 'revoked', 'retired', 'impostor', 'wrong_collector',
]);

export function createUplink(deps: UplinkDeps): AgentUplink {
  const { clock, log, feed } = deps;
  let connection: UplinkConnection | undefined;
  let endpoint: string | null = null;
  let problem: string | null = null;
  let isClosing = false;
  let interrupt = new AbortController();
  let running: Promise<UplinkEnd> | undefined;
  let closing: Promise<void> | undefined;
  const retries = createRetries(clock);

  feed.onWork(() => connection?.onWork());

  const retryNow = (): void => {
    if (!isClosing) interrupt.abort();
  };
  const events = {
    onDialling: (target: Endpoint): void => void (endpoint = target.url),
    onConnection: (opened: UplinkConnection): void => void (connection = opened),
    onOpenChange: (): void => {
      if (connection?.isOpen) log.info({ endpoint }, 'connected');
      deps.onChange?.();
    },
  };

  async function run(): Promise<UplinkEnd> {
    while (!isClosing) {
      interrupt = new AbortController();
      const { signal } = interrupt;
      const end = await attempt(deps, events, signal);
      connection = undefined;
      // What was in flight is unknown: it is read and sent again.
      feed.resync();
      if (isClosing) break;
      if (signal.aborted && !end.isFatal) continue;
      problem = end.message;
      deps.onChange?.();
      if (end.isFatal) return { kind: 'banned', code: end.code, hint: end.message };
      log.warn({ code: end.code, endpoint, reason: end.message }, 'not connected');
      await clock.sleep(retries.delayAfter(end), signal);
    }
    return { kind: 'stopped' };
  }

  async function drain(graceMs: number): Promise<void> {
    isClosing = true;
    if (connection) {
      const patience = new AbortController();
      await Promise.race([connection.drain(), clock.sleep(graceMs, patience.signal)]);
      patience.abort();
      connection?.close('the agent stops');
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
    status() {
      const connected = connection?.isOpen ?? false;
      return { connected, endpoint, problem: connected ? null : problem };
    },
    endpointChanged: retryNow,
    wokeUp: () => (connection ? connection.checkSoon() : retryNow()),
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

/** How long to wait after each failure: full jitter to 10 s, or minutes where only a person can help. */
function createRetries(clock: { random(): number }): { delayAfter(end: AttemptEnd): number } {
  let attempts = 0;
  let slowInARow = 0;
  return {
    delayAfter({ code, hasWorked }) {
      slowInARow = SLOW_CODES.has(code) ? slowInARow + 1 : 0;
      if (hasWorked) attempts = 0;
      // The first refusal may be a challenge that expired on the way: only the second in a row is believed.
      if (slowInARow > 1) return SLOW_RETRY_MS;
      return backoffMs(attempts++, clock.random(), FIRST_RETRY_MS, RECONNECT_CEILING_MS);
    },
  };
}
