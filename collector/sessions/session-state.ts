/**
 * What a session is doing now. The store says what its last event means and
 * knows no clock; here the time that has passed since counts. Pure; epoch ms.
 *
 * Limits: without the harness's live registry (versions before it, programs that
 * use the SDK) a long tool, a crash and a closed terminal look the same: such a
 * session counts as working for half an hour and as waiting for a day. Versions
 * that never wrote how a message ended are taken to have answered after two quiet
 * minutes behind a text.
 */
import type { SessionState, WaitingReason } from '../../shared/session-documents.ts';
import { SESSION_STATES } from '../../shared/session-documents.ts';
import type { StoredSession } from '../store/read-sessions.ts';

/** Without a registry that says otherwise: quiet for so long, it is not known whether it still works. */
export const WORKING_QUIET_MS = 30 * 60_000;
/** Without a registry that says otherwise: a text behind which nothing came was the answer. */
export const ANSWERED_QUIET_MS = 2 * 60_000;
/** Without a registry that says otherwise: nobody comes back to a turn that ended longer ago. */
export const WAITING_QUIET_MS = 24 * 3_600_000;

export type StateFacts = Pick<
  StoredSession, 'agentId' | 'state' | 'signal' | 'signalAtMs' | 'status' | 'waitingFor' | 'statusAtMs' | 'endedAfter' | 'lastAtMs' | 'lastOfAllMs'
>;

export interface StateNow {
  state: SessionState;
  /** Since when; null: not known, or the start of the turn has to be looked up (`working`). */
  sinceMs: number | null;
  reason: WaitingReason | null;
}

const isState = (text: string): text is SessionState => SESSION_STATES.some((state) => state === text);

/** `knownAtMs`: now, or when its machine was heard of last. */
export function stateNow(facts: StateFacts, knownAtMs: number): StateNow {
  const quietMs = knownAtMs - facts.lastOfAllMs;
  const state = isLive(facts) ? saidState(facts) : quietState(facts, quietMs);
  switch (state) {
    case 'waiting':
      return asksByRegistry(facts)
        ? { state, sinceMs: facts.statusAtMs, reason: reasonOf(facts.waitingFor) }
        : { state, sinceMs: turnEndOf(facts), reason: 'turn_done' };
    case 'working':
      return { state, sinceMs: null, reason: null };
    case 'ended':
      return { state, sinceMs: endOf(facts), reason: null };
    case 'unknown':
      return { state, sinceMs: facts.lastOfAllMs, reason: null };
    case 'idle':
      return { state, sinceMs: turnEndOf(facts), reason: null };
  }
}

function saidState({ state }: StateFacts): SessionState {
  return isState(state) ? state : 'unknown';
}

function quietState(facts: StateFacts, quietMs: number): SessionState {
  const said = saidState(facts);
  const hasAnswered = said === 'working' && facts.signal === 'assistant' && quietMs > ANSWERED_QUIET_MS;
  const state = !hasAnswered ? said : facts.agentId === '' ? 'waiting' : 'ended';
  if (state === 'working') return quietMs > WORKING_QUIET_MS ? 'unknown' : state;
  return state === 'waiting' && quietMs > WAITING_QUIET_MS ? 'idle' : state;
}

/** Its process is in the registry and was not seen to go. */
function isLive({ status }: Pick<StateFacts, 'status'>): boolean {
  return status !== null && status !== 'gone';
}

/**
 * The registry knows better than the log: a question leaves no trace there until it is answered, and tools that were called
 * together with the one that is asked about go on meanwhile.
 */
function asksByRegistry({ status, statusAtMs, signal, signalAtMs }: StateFacts): boolean {
  if (status !== 'waiting' || statusAtMs === null) return false;
  return statusAtMs >= (signalAtMs ?? -Infinity) || signal === 'tool_use' || signal === 'tool_result';
}

/** What the registry calls a wait: `permission prompt`, `input needed` (claude-logs §6). */
export function reasonOf(waitingFor: string | null): WaitingReason {
  return waitingFor !== null && /permission/i.test(waitingFor) ? 'permission' : 'question';
}

function turnEndOf({ signalAtMs, lastAtMs }: StateFacts): number {
  return signalAtMs ?? lastAtMs;
}

function endOf({ endedAfter, lastAtMs }: StateFacts): number {
  const saidMs = endedAfter === null ? Number.NaN : Date.parse(endedAfter);
  return Number.isNaN(saidMs) ? lastAtMs : saidMs;
}
