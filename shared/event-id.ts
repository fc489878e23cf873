/**
 * The one place that builds and takes apart event IDs and fact keys.
 * Grammar: `{machine_id}:{source}:{type}:{timestamp}:{discriminator}`; timestamp
 * and discriminator may hold colons, so an ID is cut by position, not by split.
 */
import type { EventId, FactKey, MachineId, Timestamp } from './ids.ts';
import { isUuid, toEventId, toFactKey, toTimestamp } from './ids.ts';
import { isCanonicalTimestamp } from './timestamp.ts';
import type { TtEvent } from './event.ts';

const UUID_LENGTH = 36;
const TIMESTAMP_LENGTH = 24;

export interface EventIdParts {
  machineId: MachineId;
  source: string;
  type: string;
  timestamp: Timestamp;
  discriminator: string;
}

export function buildEventId(parts: EventIdParts): EventId {
  const { machineId, source, type, timestamp, discriminator } = parts;
  return toEventId(`${machineId}:${source}:${type}:${timestamp}:${discriminator}`);
}

/** Parts of a canonical ID; `undefined` where any part is missing or malformed. `known`: the machine it must name. */
export function parseEventId(id: string, known?: MachineId): EventIdParts | undefined {
  if (id.charCodeAt(UUID_LENGTH) !== 58) return undefined;
  const sourceEnd = id.indexOf(':', UUID_LENGTH + 1);
  const typeEnd = id.indexOf(':', sourceEnd + 1);
  const timestampEnd = typeEnd + 1 + TIMESTAMP_LENGTH;
  if (sourceEnd <= UUID_LENGTH + 1 || typeEnd <= sourceEnd + 1) return undefined;
  if (id.charCodeAt(timestampEnd) !== 58 || id.length === timestampEnd + 1) return undefined;
  const machineId = known !== undefined && id.startsWith(known) ? known : id.slice(0, UUID_LENGTH);
  const timestamp = id.slice(typeEnd + 1, timestampEnd);
  if ((machineId !== known && !isUuid(machineId)) || !isCanonicalTimestamp(timestamp)) return undefined;
  return {
    machineId: machineId as MachineId,
    source: id.slice(UUID_LENGTH + 1, sourceEnd),
    type: id.slice(sourceEnd + 1, typeEnd),
    timestamp: toTimestamp(timestamp),
    discriminator: id.slice(timestampEnd + 1),
  };
}

/** The machine an ID names, or none for the hub-made IDs of the earlier tool. */
export function machineOf(id: string): MachineId | undefined {
  if (id.length <= UUID_LENGTH || id.charCodeAt(UUID_LENGTH) !== 58) return undefined;
  const prefix = id.slice(0, UUID_LENGTH);
  return isUuid(prefix) ? (prefix as MachineId) : undefined;
}

/** Types that the Claude source emits from a transcript entry. */
const ENTRY_TYPES: ReadonlySet<string> = new Set([
  'agent_session', 'user_message', 'assistant_message', 'agent_tool_use', 'agent_tool_result', 'agent_turn',
]);

/**
 * Does this event's fact go by type and discriminator alone, so that copies in
 * forks and on other machines meet? True for what we extracted from a harness
 * log (schema 2 on); everything else (status, event-log, imported) is its ID.
 *
 * Queue prompts (`q-…`) and lines without uuid (`l-…`) belong here too: their
 * discriminator hashes the session ID, so it cannot collide across sessions.
 */
export function hasSharedFact(type: string, schemaVersion: number, agent: unknown): boolean {
  return schemaVersion >= 2 && agent === 'claude-code' && ENTRY_TYPES.has(type);
}

export function factOf(event: TtEvent): FactKey {
  const parts = parseEventId(event.id);
  if (parts && hasSharedFact(event.type, event.schema_version ?? 1, event['agent'])) {
    return toFactKey(`${parts.type}:${parts.discriminator}`);
  }
  return toFactKey(event.id);
}

const TURN_END = ':ended';

/** UUID of the log entry an event rests on: its own key, else what its discriminator says. */
export function entryUuidOf(event: TtEvent): string | undefined {
  const own = event['entry_uuid'];
  if (typeof own === 'string') return own;
  const discriminator = parseEventId(event.id)?.discriminator ?? '';
  const uuid = discriminator.endsWith(TURN_END) ? discriminator.slice(0, -TURN_END.length) : discriminator;
  return isUuid(uuid) ? uuid : undefined;
}
