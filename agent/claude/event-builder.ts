/**
 * Builds the events of a transcript. Keys come in the order of the wire: `id`,
 * `timestamp`, `source`, `type`, then the rest by alphabet, absent where there
 * is no value.
 */
import { HARNESS_CLAUDE_CODE, EVENT_SOURCES, EXTRACTION_SCHEMA_VERSION, type EventType, type JsonValue, type TtEvent, type UsageRecord } from '../../shared/event.ts';
import { buildEventId } from '../../shared/event-id.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { EntryTime } from '../../shared/json-line.ts';
import type { Said } from '../../shared/human.ts';

/** What every event of one entry says. */
export interface Origin extends EntryTime {
  machineId: MachineId;
  sessionId: string;
  agentId: string | undefined;
  cwd: string | undefined;
  /** UUID of the entry; undefined where it has none. */
  uuid: string | undefined;
}

/** Keys of one type of event in the order of the alphabet; undefined where there is no value. */
type Keys = Record<string, JsonValue | undefined>;

function build(type: EventType, discriminator: string, origin: Origin, keys: Keys): TtEvent {
  const { machineId, timestamp } = origin;
  const event: TtEvent = {
    id: buildEventId({ machineId, source: EVENT_SOURCES.agent, type, timestamp, discriminator }),
    timestamp, source: EVENT_SOURCES.agent, type,
  };
  const open: Keys = event;
  for (const key in keys) {
    const value = keys[key];
    if (value !== undefined) open[key] = value;
  }
  return event;
}

/** UUID of the entry, where the discriminator does not say it. */
function restsOn(origin: Origin, discriminator: string): string | undefined {
  return origin.uuid === discriminator ? undefined : origin.uuid;
}

export function sessionStarted(origin: Origin, known: { version: string | undefined; branch: string | undefined }): TtEvent {
  const name = origin.agentId === undefined ? origin.sessionId : `${origin.sessionId}/${origin.agentId}`;
  return build('agent_session', `${name}:started`, origin, {
    action: 'started', agent: HARNESS_CLAUDE_CODE, agent_id: origin.agentId, cwd: origin.cwd, entry_uuid: origin.uuid,
    git_branch: known.branch, harness_version: known.version,
    schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId, timestamp_raw: origin.raw,
  });
}

export function userMessage(origin: Origin, discriminator: string, said: Said): TtEvent {
  return build('user_message', discriminator, origin, {
    agent: HARNESS_CLAUDE_CODE, agent_id: origin.agentId, cwd: origin.cwd, entry_uuid: restsOn(origin, discriminator),
    has_image: said.hasImage, kind: said.kind, length: said.length, origin: said.origin,
    schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId, text: said.text, timestamp_raw: origin.raw,
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
    agent: HARNESS_CLAUDE_CODE, agent_id: origin.agentId, cwd: origin.cwd, entry_uuid: restsOn(origin, discriminator),
    is_api_error: said.isApiError || undefined, message_id: said.messageId, model: said.model, request_id: said.requestId,
    schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId, stop_reason: said.stopReason, text: said.text,
    timestamp_raw: origin.raw, usage: said.usage === undefined ? undefined : { ...said.usage },
  });
}

/** A tool ID names its call in every copy of the log; an ID of another maker is only unique in its entry. */
export interface ToolCall {
  discriminator: string;
  /** The ID itself, where it is not the discriminator. */
  toolUseId: string | undefined;
}

export function toolUse(origin: Origin, call: ToolCall, tool: string, file: string | undefined): TtEvent {
  return build('agent_tool_use', call.discriminator, origin, {
    agent: HARNESS_CLAUDE_CODE, agent_id: origin.agentId, cwd: origin.cwd, entry_uuid: origin.uuid, file,
    schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId, timestamp_raw: origin.raw, tool, tool_use_id: call.toolUseId,
  });
}

export function toolResult(origin: Origin, call: ToolCall, outcome: { isError: boolean; aborted: boolean }): TtEvent {
  return build('agent_tool_result', call.discriminator, origin, {
    aborted: outcome.aborted || undefined, agent: HARNESS_CLAUDE_CODE, agent_id: origin.agentId, cwd: origin.cwd,
    entry_uuid: origin.uuid, is_error: outcome.isError,
    schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId, timestamp_raw: origin.raw, tool_use_id: call.toolUseId,
  });
}

export function turnEnded(origin: Origin, discriminator: string, durationMs: number | undefined): TtEvent {
  return build('agent_turn', `${discriminator}:ended`, origin, {
    action: 'ended', agent: HARNESS_CLAUDE_CODE, agent_id: origin.agentId, cwd: origin.cwd, duration_ms: durationMs, entry_uuid: origin.uuid,
    schema_version: EXTRACTION_SCHEMA_VERSION, session_id: origin.sessionId, timestamp_raw: origin.raw,
  });
}
