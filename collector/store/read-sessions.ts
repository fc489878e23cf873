/** Sessions as the view `sessions` has them, in the order and with the extras that lists need. */
import { remembered } from '../remembered.ts';
import type { Database } from './database.ts';

/** Times are epoch ms; unknown is null. */
export interface StoredSession {
  sessionId: string;
  agentId: string;
  machineId: string | null;
  harness: string | null;
  harnessVersion: string | null;
  title: string | null;
  project: string | null;
  branch: string | null;
  firstAtMs: number;
  startedAtMs: number | null;
  lastAtMs: number;
  /** Of the conversation and its subagents. */
  lastOfAllMs: number;
  state: string;
  signal: string | null;
  signalAtMs: number | null;
  status: string | null;
  waitingFor: string | null;
  statusAtMs: number | null;
  /** Its log ends with its end. */
  endedAfter: string | null;
  turns: number;
  prompts: number;
  scriptPrompts: number;
  commands: number;
  interrupts: number;
  answers: number;
  assistantMessages: number;
  toolUses: number;
  toolErrors: number;
  /** Of the conversation and its subagents. */
  toolUsesOfAll: number;
  toolErrorsOfAll: number;
  subagents: number;
}

export interface SessionFilter {
  machineIds?: readonly string[];
  /** Some activity at or after it. */
  sinceMs?: number;
  /** Narrows `sinceMs` for the sessions of one machine; asked once of each. */
  sinceMsOf?: (machineId: string | null) => number;
  /** Or what the harness's live registry still tells of, however quiet it is. */
  orLive?: boolean;
  /** Only what comes after this one in the order of the list. */
  after?: { lastOfAllMs: number; sessionId: string };
}

/** What can be seen of a session's process and screen. */
export interface SessionPlace {
  paneId: string | null;
  tmuxSession: string | null;
  cwd: string | null;
}

export interface SessionReader {
  /** Conversations, latest activity first; read as they are asked for. */
  list(filter: SessionFilter): IterableIterator<StoredSession>;
  find(sessionId: string): StoredSession | undefined;
  /** In order of their first event. */
  subagentsOf(sessionId: string): StoredSession[];
  /** Full IDs that begin with `prefix`, at most `limit`. */
  idsWith(prefix: string, limit: number): string[];
  parentsOf(sessionId: string): string[];
  /** What it said last, itself, not a subagent; null where its newest 50 messages are without words. */
  lastLineOf(sessionId: string): string | null;
  /** The tool that it asked for last. */
  lastToolOf(sessionId: string): string | null;
  /** When a human or a script last wanted something of it, epoch ms. */
  lastAskedAt(sessionId: string): number | null;
  placeOf(sessionId: string): SessionPlace;
}

interface Ordered {
  session: number;
  lastMs: number;
  /** Of the conversation; null where only its subagents are recent. */
  machine: number | null;
  isLive: number;
}

const COLUMNS = `
  v.session_id AS sessionId, v.agent_id AS agentId, v.machine_id AS machineId, v.harness, v.harness_version AS harnessVersion, v.title,
  v.cwd AS project, v.git_branch AS branch, r.first_at AS firstAtMs, r.started_at AS startedAtMs, r.last_at AS lastAtMs,
  v.state, v.signal, r.signal_at AS signalAtMs, v.status, v.waiting_for AS waitingFor, r.status_at AS statusAtMs,
  (SELECT t.after FROM session_state t WHERE t.session = r.session AND t.key = 'ended' AND r.agent_id = '') AS endedAfter,
  v.turns, v.prompts, v.script_prompts AS scriptPrompts, v.commands, v.interrupts, v.answers, v.assistant_messages AS assistantMessages,
  v.tool_uses AS toolUses, v.tool_errors AS toolErrors`;

const OF_ALL = 'g.lastOfAllMs, g.toolUsesOfAll, g.toolErrorsOfAll, g.subagents';
const ROLLED_UP = `
  SELECT session, max(last_at) AS lastOfAllMs, sum(tool_uses) AS toolUsesOfAll, sum(tool_errors) AS toolErrorsOfAll,
    sum(agent_id <> '') AS subagents FROM session_row`;
const ITSELF = 'r.last_at AS lastOfAllMs, r.tool_uses AS toolUsesOfAll, r.tool_errors AS toolErrorsOfAll, 0 AS subagents';

/** The parts that the view is made of, joined again by their keys. */
const VIEW = `
  JOIN session_key k ON k.session = r.session
  JOIN sessions v ON v.session_id = k.session_id AND v.agent_id = r.agent_id`;

const IN_SESSION = `
  FROM event_row e JOIN kind_key k ON k.kind = e.kind
  WHERE e.session = (SELECT session FROM session_key WHERE session_id = ?) AND e.session <> 0`;
/** How far back its last words are looked for: where no texts are sent, none would ever be found. */
const LAST_LINE_MESSAGES = 50;
const LATEST = 'ORDER BY e.at DESC, e.row DESC LIMIT 1';
const OF_CONVERSATION = "json_extract(e.data, '$.agent_id') IS NULL";

export function openSessionReader(database: Database): SessionReader {
  const isLive = "agent_id = '' AND status IS NOT NULL AND status <> 'gone'";
  const order = database.prepare<[{ since: number; orLive: number; afterMs: number; afterId: string }], Ordered>(`
    SELECT session, max(last_at) AS lastMs, max(CASE WHEN agent_id = '' THEN machine END) AS machine, max($orLive AND ${isLive}) AS isLive
    FROM session_row
    WHERE last_at >= $since OR ($orLive AND ${isLive})
    GROUP BY session
    HAVING max(last_at) < $afterMs OR (max(last_at) = $afterMs AND session > (SELECT k.session FROM session_key k WHERE k.session_id = $afterId))
    ORDER BY max(last_at) DESC, session`);
  const conversation = (which: string): string => `
    SELECT ${COLUMNS}, ${OF_ALL} FROM (${ROLLED_UP} WHERE session = ${which} AND session <> 0 GROUP BY session) AS g
    CROSS JOIN session_row r ON r.session = g.session AND r.agent_id = '' ${VIEW}`;
  const byNumber = database.prepare<[number], StoredSession>(conversation('?'));
  const machineId = database.prepare<[number | null], string | null>('SELECT machine_id FROM machine_key WHERE machine = ?').pluck();
  const find = database.prepare<[string], StoredSession>(conversation('(SELECT session FROM session_key WHERE session_id = ?)'));
  const subagents = database.prepare<[string], StoredSession>(`
    SELECT ${COLUMNS}, ${ITSELF} FROM session_row r ${VIEW}
    WHERE r.session = (SELECT session FROM session_key WHERE session_id = ?) AND r.agent_id <> '' ORDER BY r.first_at, r.agent_id`);
  const ids = database.prepare<[string, string, number], { id: string }>(`
    SELECT k.session_id AS id FROM session_key k
    WHERE substr(k.session_id, 1, length(?)) = ? AND EXISTS (SELECT 1 FROM session_row r WHERE r.session = k.session AND r.agent_id = '')
    ORDER BY 1 LIMIT ?`);
  const parents = database.prepare<[string], { id: string }>(`
    SELECT DISTINCT p.session_id AS id FROM lineage l JOIN session_key p ON p.session = l.parent
    WHERE l.child = (SELECT session FROM session_key WHERE session_id = ?) ORDER BY 1`);
  const lastLine = database.prepare<[string], { text: string | null }>(`
    SELECT text FROM (
      SELECT json_extract(e.data, '$.text') AS text, e.at, e.row ${IN_SESSION} AND k.type = 'assistant_message' AND ${OF_CONVERSATION}
      ORDER BY e.at DESC, e.row DESC LIMIT ${LAST_LINE_MESSAGES}
    ) WHERE text <> '' ORDER BY at DESC, row DESC LIMIT 1`);
  const lastTool = database.prepare<[string], { tool: string | null }>(`
    SELECT json_extract(e.data, '$.tool') AS tool ${IN_SESSION} AND k.type = 'agent_tool_use' AND ${OF_CONVERSATION} ${LATEST}`);
  const lastAsked = database.prepare<[string], { at: number }>(`
    SELECT e.at ${IN_SESSION} AND k.type = 'user_message' AND ${OF_CONVERSATION} ${LATEST}`);
  const place = database.prepare<[string], SessionPlace>(`
    SELECT json_extract(e.data, '$.pane_id') AS paneId, json_extract(e.data, '$.tmux_session') AS tmuxSession,
      (SELECT path FROM cwd_key WHERE cwd = e.cwd) AS cwd ${IN_SESSION} AND k.type = 'agent_status' ${LATEST}`);
  return {
    *list({ machineIds, sinceMs = Number.MIN_SAFE_INTEGER, sinceMsOf, orLive = false, after }) {
      const { lastOfAllMs: afterMs = Number.MAX_SAFE_INTEGER, sessionId: afterId = '' } = after ?? {};
      const since = remembered((machine: number | null) => sinceMsOf?.(machineId.get(machine) ?? null) ?? sinceMs);
      for (const { session, lastMs, machine, isLive: lives } of order.all({ since: sinceMs, orLive: orLive ? 1 : 0, afterMs, afterId })) {
        // To read one whole takes a hundred times as long as to leave it out here.
        if (lives === 0 && lastMs < since(machine)) continue;
        const found = byNumber.get(session);
        if (found !== undefined && (machineIds === undefined || machineIds.includes(found.machineId ?? ''))) yield found;
      }
    },
    find: (sessionId) => find.get(sessionId),
    subagentsOf: (sessionId) => subagents.all(sessionId),
    idsWith: (prefix, limit) => ids.all(prefix, prefix, limit).map(({ id }) => id),
    parentsOf: (sessionId) => parents.all(sessionId).map(({ id }) => id),
    lastLineOf: (sessionId) => lastLine.get(sessionId)?.text ?? null,
    lastToolOf: (sessionId) => lastTool.get(sessionId)?.tool ?? null,
    lastAskedAt: (sessionId) => lastAsked.get(sessionId)?.at ?? null,
    placeOf: (sessionId) => place.get(sessionId) ?? { paneId: null, tmuxSession: null, cwd: null },
  };
}
