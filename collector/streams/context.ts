/**
 * The context export: events, sessions, streams and gaps of a time, as data for
 * whoever draws conclusions. Printed piece by piece, so that a year of events
 * needs no more memory than a day's.
 */
import { buildEventId } from '../../shared/event-id.ts';
import type { TtEvent } from '../../shared/event.ts';
import { parseMachineId, type Timestamp } from '../../shared/ids.ts';
import { parseTimestamp, printTimestamp } from '../../shared/timestamp.ts';
import { openStreamLookup } from '../store/assignments.ts';
import { openPromptReader, readSessionsDuring, readStreamedEvents, type Period, type Prompt, type SessionRow, type StreamedEvent } from '../store/context-rows.ts';
import type { Database } from '../store/database.ts';
import { sessionTypeOf } from './classification.ts';
import { cutText } from './cut-text.ts';
import { readIdleGaps } from './idle-gaps.ts';
import { projectNameOf } from './propose.ts';
import { listStreams } from './stream-list.ts';

export interface ContextOptions {
  events: boolean;
  agents: boolean;
  streams: boolean;
  gaps: boolean;
  gapMs: number;
  /** Only events without a stream. */
  unclassified: boolean;
  /** Short texts. */
  summary: boolean;
}

/** Keys that have no value are null; `claude_session_id` is what older readers ask for. */
export interface ContextEvent {
  id: string;
  timestamp: string;
  /** As in the event; starts and ends of sessions are `session_start` and `session_end`. */
  type: string;
  source: string;
  cwd: string | null;
  session_id: string | null;
  claude_session_id: string | null;
  tmux_session: string | null;
  pane_id: string | null;
  git_project: string | null;
  git_workspace: string | null;
  machine_id: string | null;
  stream_id: string | null;
}

export interface ContextAgent {
  session_id: string;
  claude_session_id: string;
  parent_session_id: string | null;
  session_type: 'user' | 'agent' | 'subagent';
  source: string | null;
  machine_id: string | null;
  project_path: string | null;
  project_name: string | null;
  start_time: string;
  /** Null while it has not ended, as far as anybody knows. */
  end_time: string | null;
  summary: string | null;
  starting_prompt: string | null;
  /** Those whose text was sent. */
  user_prompts: string[];
  /** All of them. */
  user_prompt_count: number;
  assistant_message_count: number;
  tool_call_count: number;
}

export interface ContextStream {
  id: string;
  name: string | null;
  /** Of the time range. */
  time_direct_ms: number;
  time_delegated_ms: number;
  /** Of all its events. */
  first_event_at: string | null;
  last_event_at: string | null;
  tags: string[];
}

const SCHEMA = 1;
const SUMMARY_BYTES = 120;
const PROMPT_BYTES = 2000;

/** Pieces of one JSON document, indented by two spaces; sections that were not asked for are absent. */
export function* printContext(reader: Database, period: Period, options: ContextOptions): Generator<string> {
  const range = { start: printTimestamp(period.fromMs), end: printTimestamp(period.toMs) };
  yield `{\n  "schema": ${SCHEMA},\n  "time_range": ${indented(range, '  ')}`;
  if (options.events) yield* printList('events', readContextEvents(reader, period, options));
  if (options.agents) yield* printList('agents', readContextAgents(reader, period, options));
  if (options.streams) yield* printList('streams', readContextStreams(reader, period));
  // At once: a pager that waits would hold a snapshot of the database.
  if (options.gaps) yield* printList('gaps', [...readIdleGaps(reader, period, options.gapMs)]);
  yield '\n}\n';
}

function* printList(key: string, items: Iterable<object>): Generator<string> {
  yield `,\n  "${key}": [`;
  let count = 0;
  for (const item of items) yield `${count++ === 0 ? '' : ','}\n    ${indented(item, '    ')}`;
  yield count === 0 ? ']' : '\n  ]';
}

function indented(value: object, margin: string): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${margin}`);
}

/** In order of time. Ends of sessions, which no event tells, stand among them. */
export function* readContextEvents(reader: Database, period: Period, { unclassified }: Pick<ContextOptions, 'unclassified'>): Generator<ContextEvent> {
  const lookup = openStreamLookup(reader);
  const ends = readEnds(reader, period);
  const isWanted = (event: ContextEvent): boolean => !unclassified || event.stream_id === null;
  // A session's end belongs where its last event does.
  const lastStreams = new Map<string, string | null>();
  const waiting = new Set(ends.map(({ session_id: id }) => id));
  for (const streamed of readStreamedEvents(reader, period, lookup)) {
    while (ends[0] !== undefined && ends[0].timestamp < streamed.event.timestamp) yield* ended(ends, lastStreams, isWanted);
    const event = toContextEvent(streamed);
    if (event.session_id !== null && waiting.has(event.session_id)) lastStreams.set(event.session_id, event.stream_id);
    if (isWanted(event)) yield event;
  }
  while (ends.length > 0) yield* ended(ends, lastStreams, isWanted);
}

function* ended(ends: ContextEvent[], lastStreams: ReadonlyMap<string, string | null>, isWanted: (event: ContextEvent) => boolean): Generator<ContextEvent> {
  const end = ends.shift();
  if (end === undefined) return;
  const event = { ...end, stream_id: lastStreams.get(end.session_id ?? '') ?? null };
  if (isWanted(event)) yield event;
}

function readEnds(reader: Database, period: Period): ContextEvent[] {
  return readSessionsDuring(reader, period).flatMap((row) => {
    const endedAt = row.agentId === '' ? parseTimestamp(row.endedAt ?? '') : undefined;
    if (endedAt === undefined || Date.parse(endedAt) < period.fromMs || Date.parse(endedAt) >= period.toMs) return [];
    return [toSessionEnd(row, endedAt)];
  }).toSorted((a, b) => a.timestamp.localeCompare(b.timestamp));
}

const AGENT_SOURCE = 'remote.agent';

function toSessionEnd({ sessionId, machineId, cwd }: SessionRow, timestamp: Timestamp): ContextEvent {
  const machine = parseMachineId(machineId ?? '');
  const discriminator = `${sessionId}:ended`;
  return {
    id: machine === undefined ? discriminator : buildEventId({ machineId: machine, source: AGENT_SOURCE, type: 'agent_session', timestamp, discriminator }),
    timestamp, type: 'session_end', source: AGENT_SOURCE, cwd, session_id: sessionId, claude_session_id: sessionId,
    tmux_session: null, pane_id: null, git_project: null, git_workspace: null, machine_id: machineId, stream_id: null,
  };
}

function toContextEvent({ event, streamId }: StreamedEvent): ContextEvent {
  const sessionId = textOf(event, 'session_id');
  return {
    id: event.id, timestamp: event.timestamp, type: typeOf(event), source: event.source, cwd: textOf(event, 'cwd'),
    session_id: sessionId, claude_session_id: sessionId, tmux_session: textOf(event, 'tmux_session'), pane_id: textOf(event, 'pane_id'),
    git_project: textOf(event, 'git_project'), git_workspace: textOf(event, 'git_workspace'),
    machine_id: textOf(event, 'machine_id') ?? machineIdOf(event.id), stream_id: streamId,
  };
}

function typeOf(event: TtEvent): string {
  if (event.type !== 'agent_session') return event.type;
  return event['action'] === 'ended' ? 'session_end' : 'session_start';
}

function machineIdOf(id: string): string | null {
  return id.charAt(36) === ':' ? parseMachineId(id.slice(0, 36)) ?? null : null;
}

function textOf(event: TtEvent, key: string): string | null {
  const value = event[key];
  return typeof value === 'string' ? value : null;
}

/** Conversations and their subagents, by start. */
export function* readContextAgents(reader: Database, period: Period, { summary: isShort }: Pick<ContextOptions, 'summary'>): Generator<ContextAgent> {
  const promptsOf = openPromptReader(reader);
  for (const row of readSessionsDuring(reader, period)) {
    yield toContextAgent(row, row.agentId === '' ? promptsOf(row.session) : [], isShort);
  }
}

function toContextAgent(row: SessionRow, prompts: readonly Prompt[], isShort: boolean): ContextAgent {
  const isSubagent = row.agentId !== '';
  const id = isSubagent ? `${row.sessionId}/${row.agentId}` : row.sessionId;
  const human = prompts.filter(({ origin }) => origin === 'human').map(({ text }) => cutText(text, PROMPT_BYTES));
  const [starting = null] = human.length > 0 ? human : prompts.map(({ text }) => cutText(text, PROMPT_BYTES));
  return {
    session_id: id, claude_session_id: id, parent_session_id: isSubagent ? row.sessionId : null,
    session_type: isSubagent ? 'subagent' : sessionTypeOf(row), source: row.harness, machine_id: row.machineId,
    project_path: row.cwd, project_name: row.cwd === null ? null : projectNameOf(row.cwd),
    start_time: row.startedAt ?? row.firstAt, end_time: isSubagent ? row.lastAt : row.endedAt,
    summary: row.title === null ? null : cutText(row.title, isShort ? SUMMARY_BYTES : Infinity),
    starting_prompt: starting, user_prompts: isShort ? human.slice(0, 1) : human,
    user_prompt_count: row.prompts, assistant_message_count: row.assistantMessages, tool_call_count: row.toolUses,
  };
}

/** Streams with an event before the range ends, and one after it begins; by first event. */
export function readContextStreams(reader: Database, period: Period): ContextStream[] {
  const { streams } = listStreams(reader, period);
  return streams
    .filter(({ first_event_at: first, last_event_at: last }) => first !== null && last !== null && Date.parse(first) < period.toMs && Date.parse(last) >= period.fromMs)
    .map(({ id, name, time_direct_ms, time_delegated_ms, first_event_at, last_event_at, tags }) => ({ id, name, time_direct_ms, time_delegated_ms, first_event_at, last_event_at, tags }))
    .toSorted((a, b) => (a.first_event_at ?? '').localeCompare(b.first_event_at ?? '') || a.id.localeCompare(b.id));
}
