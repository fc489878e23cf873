/** What `tt sessions` and `tt waiting`, the API and the page say about sessions: functions over the store. */
import {
  SESSIONS_SCHEMA, type SessionDocument, type SessionsDocument, type SessionState, type Spent, type Waiting, type WaitingDocument,
  type Working, type WorkingDocument,
} from '../../shared/session-documents.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { SessionPlace, SessionReader, StoredSession } from '../store/read-sessions.ts';
import type { UsageReader } from '../store/read-usage.ts';
import type { Prices } from '../usage/prices.ts';
import { createSpending, type SpentTokens } from '../usage/spending.ts';
import { sessionName } from '../usage/usage-report.ts';
import { attachCommand, type AttachOptions } from './attach.ts';
import type { Fleet } from './fleet.ts';
import { stateNow, WAITING_QUIET_MS, type StateNow } from './session-state.ts';

export interface SessionsDeps {
  sessions: SessionReader;
  usage: UsageReader;
  prices: Prices;
  fleet: Fleet;
}

export interface SessionsQuery {
  machineIds?: readonly string[];
  /** A directory, all below it too, or the name of one. */
  project?: string;
  states?: readonly SessionState[];
  sinceMs?: number;
  limit?: number;
  /** Where the page before ended. */
  after?: { lastOfAllMs: number; sessionId: string };
}

export interface SessionsPage {
  document: SessionsDocument;
  /** There are more than `limit`. */
  hasMore: boolean;
  /** Where this page ends; undefined: it is empty. */
  end: { lastOfAllMs: number; sessionId: string } | undefined;
}

/** Latest activity first. */
export function listSessions(query: SessionsQuery, deps: SessionsDeps): SessionsPage {
  const { machineIds, project, states, sinceMs, after, limit = Infinity } = query;
  const sessions: SessionDocument[] = [];
  let end: SessionsPage['end'];
  const filter = { ...(machineIds && { machineIds }), ...(sinceMs !== undefined && { sinceMs }), ...(after && { after }) };
  for (const stored of deps.sessions.list(filter)) {
    if (project !== undefined && !isOfProject(stored.project, project)) continue;
    const now = stateOf(stored, deps);
    if (states && !states.includes(now.state)) continue;
    if (sessions.length >= limit) return { document: { schema: SESSIONS_SCHEMA, sessions }, hasMore: true, end };
    sessions.push(toDocument(stored, now, deps));
    end = { lastOfAllMs: stored.lastOfAllMs, sessionId: stored.sessionId };
  }
  return { document: { schema: SESSIONS_SCHEMA, sessions }, hasMore: false, end };
}

export function isOfProject(directory: string | null, wanted: string): boolean {
  if (directory === null) return false;
  const name = wanted.replace(/(.)\/+$/, '$1');
  if (name.startsWith('/')) return directory === name || directory.startsWith(name === '/' ? name : `${name}/`);
  return directory.split('/').at(-1) === name;
}

export function stateOf(stored: StoredSession, { fleet, sessions }: Pick<SessionsDeps, 'fleet' | 'sessions'>): StateNow {
  const now = stateNow(stored, fleet.knownAtMs(stored.machineId) ?? fleet.nowMs);
  // A turn began with what was asked, not with the last thing that it did.
  return now.state === 'working' ? { ...now, sinceMs: sessions.lastAskedAt(stored.sessionId) ?? stored.firstAtMs } : now;
}

export function spentBy(sums: Iterable<SpentTokens>, prices: Prices): Spent {
  const spending = createSpending(prices);
  for (const sum of sums) spending.add(sum);
  return spending.total();
}

/** Responses, in order of time, belong to the turn in which their entry was written. */
export function spentByTime(responses: readonly (SpentTokens & { atMs: number })[], prices: Prices): (fromMs: number, toMs: number) => Spent {
  const firstAt = (ms: number): number => {
    let [low, high] = [0, responses.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((responses[middle]?.atMs ?? Infinity) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (fromMs, toMs) => spentBy(responses.slice(firstAt(fromMs), firstAt(toMs)), prices);
}

/** Of the conversation and its subagents together, except what only a conversation has. */
export function toDocument(stored: StoredSession, now: StateNow, { usage, prices, fleet }: SessionsDeps): SessionDocument {
  const machine = machineOf(stored, fleet);
  const knownAtMs = fleet.knownAtMs(stored.machineId);
  const { turns, prompts, scriptPrompts, commands, interrupts, answers, subagents } = stored;
  return {
    session: sessionName(stored.sessionId, machine),
    session_id: stored.sessionId,
    machine,
    machine_id: stored.machineId,
    harness: stored.harness,
    title: stored.title,
    project: stored.project,
    branch: stored.branch,
    started_at: printTimestamp(stored.startedAtMs ?? stored.firstAtMs),
    last_at: printTimestamp(stored.lastOfAllMs),
    state: now.state,
    since: now.sinceMs === null ? null : printTimestamp(now.sinceMs),
    // What has ended stays so, whatever happens to its machine.
    as_of: knownAtMs === null || now.state === 'ended' ? null : printTimestamp(knownAtMs),
    waiting_for: now.reason,
    turns, prompts, script_prompts: scriptPrompts, commands, interrupts, answers,
    tool_uses: stored.toolUsesOfAll,
    tool_errors: stored.toolErrorsOfAll,
    subagents,
    ...spentBy(usage.sumsOfSession(stored.sessionId), prices),
  };
}

function machineOf({ machineId }: StoredSession, fleet: Fleet): string | null {
  return machineId === null ? null : fleet.labelOf(machineId);
}

/** Those that wait for the person, longest first. */
export function listWaiting(deps: Pick<SessionsDeps, 'sessions' | 'fleet'>, options: AttachOptions): WaitingDocument {
  const waiting = [...activeSessions(deps)]
    .filter(({ now }) => now.state === 'waiting')
    .map(({ stored, now }) => toWaiting(stored, now, deps, options))
    .toSorted((a, b) => b.waited_ms - a.waited_ms || (a.session < b.session ? -1 : 1));
  return { schema: SESSIONS_SCHEMA, waiting };
}

/** Those at work, longest first, with the tool that they use now. */
export function listWorking(deps: SessionsDeps): WorkingDocument {
  const working = [...activeSessions(deps)]
    .filter(({ now }) => now.state === 'working')
    .map(({ stored, now }): Working => ({
      ...toDocument(stored, now, deps),
      tool: stored.signal === 'tool_use' ? deps.sessions.lastToolOf(stored.sessionId) : null,
    }))
    .toSorted((a, b) => ((a.since ?? '') < (b.since ?? '') ? -1 : (a.since ?? '') > (b.since ?? '') ? 1 : a.session < b.session ? -1 : 1));
  return { schema: SESSIONS_SCHEMA, working };
}

/** All that may be waiting or working, on machines that still count. */
export function* activeSessions({ sessions, fleet }: Pick<SessionsDeps, 'sessions' | 'fleet'>): Generator<{ stored: StoredSession; now: StateNow }> {
  // Each is judged by what is known of its own machine; this only spares looking at the old ones. One machine that has
  // been away for long must not mean that all that happened since on others is looked at.
  const sinceMsOf = (machineId: string | null): number => (fleet.knownAtMs(machineId) ?? fleet.nowMs) - WAITING_QUIET_MS;
  const sinceMs = fleet.oldestKnownMs - WAITING_QUIET_MS;
  for (const stored of sessions.list({ sinceMs, sinceMsOf, orLive: true })) {
    if (!fleet.hasEnded(stored.machineId)) yield { stored, now: stateOf(stored, { sessions, fleet }) };
  }
}

function toWaiting(stored: StoredSession, now: StateNow, { sessions, fleet }: Pick<SessionsDeps, 'sessions' | 'fleet'>, options: AttachOptions): Waiting {
  const machine = machineOf(stored, fleet);
  const sinceMs = now.sinceMs ?? stored.lastAtMs;
  const knownAtMs = fleet.knownAtMs(stored.machineId);
  const reason = now.reason ?? 'turn_done';
  return {
    session: sessionName(stored.sessionId, machine),
    session_id: stored.sessionId,
    machine,
    machine_id: stored.machineId,
    title: stored.title,
    project: stored.project,
    reason,
    since: printTimestamp(sinceMs),
    waited_ms: Math.max(0, fleet.nowMs - sinceMs),
    as_of: knownAtMs === null ? null : printTimestamp(knownAtMs),
    last_line: sessions.lastLineOf(stored.sessionId),
    tool: reason === 'permission' ? sessions.lastToolOf(stored.sessionId) : null,
    command: commandOf(stored, { sessions, fleet }, options),
  };
}

const NOWHERE: SessionPlace = { paneId: null, tmuxSession: null, cwd: null };

export function commandOf(stored: StoredSession, { sessions, fleet }: Pick<SessionsDeps, 'sessions' | 'fleet'>, options: AttachOptions): string {
  const { machineId, sessionId, status } = stored;
  // Where its registry said nothing, nothing is looked for: that would be through all its events.
  const { paneId, tmuxSession, cwd } = status === null ? NOWHERE : sessions.placeOf(sessionId);
  return attachCommand({
    sessionId, paneId, tmuxSession,
    host: machineId === null || machineId === fleet.hereId ? null : hostOf(machineId, fleet),
    project: stored.project ?? cwd,
    isLive: status !== null && status !== 'gone',
  }, options);
}

/** As its tunnel calls it, else by its label; one that was never enrolled here has no name yet: `HOST` stands for it. */
function hostOf(machineId: string, fleet: Fleet): string {
  const label = fleet.labelOf(machineId);
  return fleet.sshHostOf(machineId) ?? (label === machineId ? 'HOST' : label);
}
