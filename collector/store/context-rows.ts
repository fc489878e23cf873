/** Rows for `tt context` and `tt classify`: events with their streams, sessions of a time, prompts, and what has no session. */
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { PLACED_FACT, type PlacedFact, type StreamLookup } from './assignments.ts';
import type { Database } from './database.ts';
import { openKeys } from './keys.ts';
import { openEventReader } from './read-events.ts';
import { isLegacyRow } from './session-fold.ts';
import { openSessionSpeakers } from './session-speakers.ts';

/** Epoch ms, half-open. */
export interface Period {
  fromMs: number;
  toMs: number;
}

export interface StreamedEvent {
  event: TtEvent;
  streamId: string | null;
}

/**
 * In order of time. Rows of the earlier tool about sessions whose logs were read
 * here say nothing new, and are left out.
 */
export function* readStreamedEvents(reader: Database, { fromMs, toMs }: Period, lookup: StreamLookup): Generator<StreamedEvent> {
  const place = reader.prepare<[number], PlacedFact & { schemaVersion: number }>(`
    SELECT ${PLACED_FACT}, e.schema_version AS schemaVersion FROM event_row e WHERE e.row = ?`);
  const keys = openKeys(reader);
  const speakers = openSessionSpeakers(reader, keys);
  for (const { row, event } of openEventReader(reader).read({ sinceMs: fromMs, untilMs: toMs }, 'oldest')) {
    const placed = place.get(row);
    if (placed === undefined) continue; // it was forgotten meanwhile
    if (placed.session !== 0 && isLegacyRow(placed.schemaVersion, keys.kindOf(placed.kind)) && speakers.of(placed.session).own) continue;
    yield { event, streamId: lookup.of(placed)?.streamId ?? null };
  }
}

/** A row of the view `sessions`. */
export interface SessionRow {
  session: number;
  sessionId: string;
  agentId: string;
  machineId: string | null;
  harness: string | null;
  /** Timestamps. */
  startedAt: string | null;
  firstAt: string;
  lastAt: string;
  cwd: string | null;
  title: string | null;
  prompts: number;
  assistantMessages: number;
  toolUses: number;
  state: string;
  /** When its log ended, or its process was seen to be gone; null while neither is known. */
  endedAt: string | null;
}

/** Conversations and subagents with events before `toMs` and from `fromMs` on, by start. */
export function readSessionsDuring(reader: Database, { fromMs, toMs }: Period): SessionRow[] {
  return reader.prepare<[{ from: string; to: string }], SessionRow>(`
    SELECT k.session, v.session_id AS sessionId, v.agent_id AS agentId, v.machine_id AS machineId, v.harness,
      v.started_at AS startedAt, v.first_at AS firstAt, v.last_at AS lastAt, v.cwd, v.title, v.prompts,
      v.assistant_messages AS assistantMessages, v.tool_uses AS toolUses, v.state,
      CASE WHEN v.state = 'ended' AND v.agent_id = '' THEN max(v.last_at, coalesce((
        SELECT t.after FROM session_state t WHERE t.session = k.session AND t.key = 'ended'), '')) END AS endedAt
    FROM sessions v JOIN session_key k ON k.session_id = v.session_id
    WHERE v.last_at >= $from AND v.first_at < $to
    ORDER BY v.first_at, v.session_id, v.agent_id`).all({ from: printTimestamp(fromMs), to: printTimestamp(toMs) });
}

export interface Prompt {
  text: string;
  origin: string;
}

/** Prompts whose text was sent, in order; none where texts stay on their machine. */
export function openPromptReader(reader: Database): (session: number) => Prompt[] {
  const prompts = reader.prepare<[number], Prompt>(`
    SELECT json_extract(e.data, '$.text') AS text, coalesce(json_extract(e.data, '$.origin'), 'human') AS origin
    FROM event_row e WHERE e.session = ? AND e.kind IN (SELECT kind FROM kind_key WHERE type = 'user_message')
      AND coalesce(json_extract(e.data, '$.kind'), 'prompt') = 'prompt' AND json_extract(e.data, '$.agent_id') IS NULL
      AND json_type(e.data, '$.text') = 'text'
    ORDER BY e.at, e.row`);
  return (session) => prompts.all(session);
}

export interface SignRow {
  at: number;
  type: string;
}

/** What a person did, in order: prompts, focus, scrolling, windows and tabs. */
export function readUserSigns(reader: Database, { fromMs, toMs }: Period): IterableIterator<SignRow> {
  return reader.prepare<[number, number], SignRow>(`
    SELECT a.at, k.type FROM attention_row a JOIN kind_key k ON k.kind = a.kind
    WHERE a.at >= ? AND a.at < ? AND a.sign <> 'idle' ORDER BY a.at, a.event`).iterate(fromMs, toMs);
}

/** Events of a session by the stream that they belong to; null: none. */
export function openSessionStreams(reader: Database, lookup: StreamLookup): (session: number) => Map<string | null, { events: number; assignedBy: string | null }> {
  const events = reader.prepare<[number], PlacedFact>(`SELECT ${PLACED_FACT} FROM event_row e WHERE e.session = ?`);
  return (session) => {
    const found = new Map<string | null, { events: number; assignedBy: string | null }>();
    for (const fact of events.iterate(session)) {
      const assigned = lookup.of(fact);
      const streamId = assigned?.streamId ?? null;
      const known = found.get(streamId);
      if (known === undefined) found.set(streamId, { events: 1, assignedBy: assigned?.assignedBy ?? null });
      else known.events += 1;
    }
    return found;
  };
}

export interface LooseEvent extends PlacedFact {
  id: string;
  type: string;
  machineId: string | null;
  path: string | null;
  data: Record<string, JsonValue>;
}

/** Events that belong to no session, in order of time. */
export function* readLooseEvents(reader: Database, { fromMs, toMs }: Period): Generator<LooseEvent> {
  const rows = reader.prepare<[number, number], Omit<LooseEvent, 'data'> & { data: string | null }>(`
    SELECT ${PLACED_FACT}, t.id, t.type, t.machine_id AS machineId, t.cwd AS path, t.data
    FROM event_row e JOIN event_text t ON t.row = e.row WHERE e.session = 0 AND e.at >= ? AND e.at < ? ORDER BY e.at, e.row`);
  for (const { data, ...row } of rows.iterate(fromMs, toMs)) {
    yield { ...row, data: data === null ? {} : (JSON.parse(data) as Record<string, JsonValue>) }; // printed by us
  }
}

/** Directories of which it was said, whole or of a session in them, to which stream they belong. */
export function readAssignedDirectories(reader: Database): { path: string; streamId: string }[] {
  return reader.prepare<[], { path: string; streamId: string }>(`
    SELECT DISTINCT c.path, a.stream_id AS streamId FROM assignment a JOIN session_row r ON r.session = a.session AND r.agent_id = ''
      JOIN cwd_key c ON c.cwd = r.cwd
      WHERE a.scope = 'session' AND a.stream_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM assignment b WHERE b.session = a.session AND b.from_at IS a.from_at AND b.to_at IS a.to_at AND (b.strength, b.assignment) > (a.strength, a.assignment))
    UNION SELECT d.path, a.stream_id FROM assigned_directory x JOIN assignment a USING (assignment) JOIN cwd_key d ON d.cwd = x.cwd
      WHERE a.stream_id IS NOT NULL
    UNION SELECT path, stream_id FROM assignment WHERE scope = 'directory' AND stream_id IS NOT NULL`).all();
}
