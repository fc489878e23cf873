/**
 * Builds the events of a transcript. Keys come in the order of the wire: `id`,
 * `timestamp`, `source`, `type`, then the rest by alphabet, absent where there
 * is no value.
 */
import { HARNESS_CLAUDE_CODE, EVENT_SOURCES, EXTRACTION_SCHEMA_VERSION, type EventType, type JsonValue, type TtEvent, type UsageRecord } from '../../shared/event.ts';
import { buildEventId } from '../../shared/event-id.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { EntryTime } from '../json-line.ts';
import type { Said } from './human.ts';

/** What every event of one entry says. */
export interface Origin extends EntryTime {
  machineId: MachineId;
  sessionId: string;
  agentId: string | undefined;
  cwd: string | undefined;
  /** UUID of the entry; undefined where it has none. */
  uuid: string | undefined;
}

type Rest = Record<string, JsonValue | undefined>;

/** `rest` brings its keys in alphabetical order; the common ones are put between them. */
function build(type: EventType, discriminator: string, origin: Origin, rest: Rest): TtEvent {
  const { machineId, timestamp } = origin;
  const keyed: Rest = { ...rest, agent: HARNESS_CLAUDE_CODE, schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId };
  if (origin.agentId !== undefined) keyed['agent_id'] = origin.agentId;
  if (origin.cwd !== undefined) keyed['cwd'] = origin.cwd;
  if (origin.raw !== undefined) keyed['timestamp_raw'] = origin.raw;
  if (origin.uuid !== undefined && origin.uuid !== discriminator) keyed['entry_uuid'] = origin.uuid;
  const event: TtEvent = {
    id: buildEventId({ machineId, source: EVENT_SOURCES.agent, type, timestamp, discriminator }),
    timestamp, source: EVENT_SOURCES.agent, type,
  };
  const open: Rest = event;
  for (const key of KEY_ORDER) {
    const value = keyed[key];
    if (value !== undefined) open[key] = value;
  }
  return event;
}

/** All keys an event of ours can have, by alphabet. */
const KEY_ORDER = [
  'aborted', 'action', 'agent', 'agent_id', 'cwd', 'duration_ms', 'entry_uuid', 'file', 'git_branch', 'harness_version',
  'has_image', 'is_api_error', 'is_error', 'kind', 'length', 'message_id', 'model', 'origin', 'request_id',
  'schema_version', 'session_id', 'stop_reason', 'text', 'timestamp_raw', 'tool', 'tool_use_id', 'usage',
] as const;

export function sessionStarted(origin: Origin, known: { version: string | undefined; branch: string | undefined }): TtEvent {
  const name = origin.agentId === undefined ? origin.sessionId : `${origin.sessionId}/${origin.agentId}`;
  return build('agent_session', `${name}:started`, origin, {
    action: 'started', git_branch: known.branch, harness_version: known.version,
  });
}

export function userMessage(origin: Origin, discriminator: string, said: Said): TtEvent {
  return build('user_message', discriminator, origin, {
    has_image: said.hasImage, kind: said.kind, length: said.length, origin: said.origin, text: said.text,
  });
}

export interface AssistantSaid {
  messageId: string | undefined;
  requestId: string | undefined;
  model: string | undefined;
  stopReason: string | undefined;
  isApiError: boolean;
  usage: UsageRecord | undefined;
  text: string | undefined;
}

export function assistantMessage(origin: Origin, discriminator: string, said: AssistantSaid): TtEvent {
  return build('assistant_message', discriminator, origin, {
    is_api_error: said.isApiError || undefined,
    message_id: said.messageId, model: said.model, request_id: said.requestId, stop_reason: said.stopReason,
    text: said.text, usage: said.usage === undefined ? undefined : { ...said.usage },
  });
}

/** A tool ID names its call in every copy of the log; an ID of another maker is only unique in its entry. */
export interface ToolCall {
  discriminator: string;
  /** The ID itself, where it is not the discriminator. */
  toolUseId: string | undefined;
}

export function toolUse(origin: Origin, call: ToolCall, tool: string, file: string | undefined): TtEvent {
  return build('agent_tool_use', call.discriminator, origin, { file, tool, tool_use_id: call.toolUseId });
}

export function toolResult(origin: Origin, call: ToolCall, outcome: { isError: boolean; aborted: boolean }): TtEvent {
  return build('agent_tool_result', call.discriminator, origin, {
    aborted: outcome.aborted || undefined, is_error: outcome.isError, tool_use_id: call.toolUseId,
  });
}

export function turnEnded(origin: Origin, discriminator: string, durationMs: number | undefined): TtEvent {
  return build('agent_turn', `${discriminator}:ended`, origin, { action: 'ended', duration_ms: durationMs });
}
