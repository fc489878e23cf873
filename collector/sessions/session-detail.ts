/** What `tt sessions show` and the API say about one session: a function over the store. */
import { usageError } from '../../shared/cli.ts';
import type { TtEvent } from '../../shared/event.ts';
import { SESSIONS_SCHEMA, type SessionDetail, type Subagent } from '../../shared/session-documents.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { EventReader } from '../store/read-events.ts';
import type { StoredSession } from '../store/read-sessions.ts';
import type { AttachOptions } from './attach.ts';
import { commandOf, spentBy, spentByTime, stateOf, toDocument, type SessionsDeps } from './session-list.ts';
import { stateNow } from './session-state.ts';
import { turnsOf } from './turns.ts';

export interface DetailDeps extends SessionsDeps {
  events: EventReader;
}

const SHORTEST_PREFIX = 4;
const NAMED = 5;

/** `ID`, its first characters, or either with `@machine`. Throws a usage error for what is not known or could be several. */
export function findSession(name: string, { sessions, fleet }: Pick<SessionsDeps, 'sessions' | 'fleet'>): StoredSession {
  const at = name.lastIndexOf('@');
  const [prefix, machine] = at === -1 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
  const isThere = (stored: StoredSession): boolean =>
    machine === undefined || stored.machineId === fleet.machineId(machine) || (stored.machineId?.startsWith(machine) ?? false);
  const exact = sessions.find(prefix);
  if (exact && isThere(exact)) return exact;
  const ids = prefix.length < SHORTEST_PREFIX ? [] : sessions.idsWith(prefix, 1000);
  const found = ids.flatMap((id) => sessions.find(id) ?? []).filter(isThere);
  const [only, other] = found;
  if (only === undefined) {
    throw usageError(`no session is called ${JSON.stringify(name)}`, `give its ID, at least the first ${SHORTEST_PREFIX} characters; \`tt sessions\` lists them`);
  }
  if (other === undefined) return only;
  const names = found.slice(0, NAMED).map(({ sessionId }) => sessionId).join(', ');
  throw usageError(`${JSON.stringify(name)} could be ${names}${found.length > NAMED ? ' and more' : ''}`, 'give more of it');
}

export function sessionDetail(stored: StoredSession, deps: DetailDeps, options: AttachOptions): SessionDetail {
  const { usage, prices, events } = deps;
  const { sessionId } = stored;
  return { ...sessionHead(stored, deps, options), turn_list: turnsOf(eventsOf(sessionId, events), spentByTime(usage.responses(sessionId), prices)) };
}

/** Everything but its turns: reads none of its events. */
export function sessionHead(stored: StoredSession, deps: SessionsDeps, options: AttachOptions): Omit<SessionDetail, 'turn_list'> {
  const { sessions } = deps;
  const { sessionId } = stored;
  return {
    schema: SESSIONS_SCHEMA,
    ...toDocument(stored, stateOf(stored, deps), deps),
    harness_version: stored.harnessVersion,
    parents: sessions.parentsOf(sessionId),
    command: commandOf(stored, deps, options),
    children: childrenOf(sessionId, deps),
  };
}

function* eventsOf(sessionId: string, events: EventReader): Generator<TtEvent> {
  for (const { event } of events.read({ sessionId }, 'oldest')) yield event;
}

function childrenOf(sessionId: string, { sessions, usage, prices, fleet }: SessionsDeps): Subagent[] {
  const children = sessions.subagentsOf(sessionId);
  if (children.length === 0) return [];
  const sums = usage.sumsOfSession(sessionId);
  return children.map((child) => ({
    agent_id: child.agentId,
    state: stateNow(child, fleet.knownAtMs(child.machineId) ?? fleet.nowMs).state,
    started_at: printTimestamp(child.startedAtMs ?? child.firstAtMs),
    last_at: printTimestamp(child.lastAtMs),
    assistant_messages: child.assistantMessages,
    tool_uses: child.toolUses,
    tool_errors: child.toolErrors,
    ...spentBy(sums.filter(({ key }) => key === child.agentId), prices),
  }));
}
