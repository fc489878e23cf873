/**
 * Events from a file instead of an agent: our own export, the earlier tool's
 * export, and rows of its database printed as lines. Machines need not be
 * enrolled. What cannot be taken becomes a dead letter; nothing is dropped.
 *
 * Rows of the earlier tool about a harness session are stored like all others,
 * and count only where nothing of our own is known of that session (sessions.ts).
 */
import { createHash } from 'node:crypto';
import { buildEventId, parseEventId } from '../../shared/event-id.ts';
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import { isUuid, toEventId } from '../../shared/ids.ts';
import { IMPORTED_EVENT_BYTES } from '../../shared/limits.ts';
import { parseTimestamp } from '../../shared/timestamp.ts';
import type { ImportCounts } from '../writer/messages.ts';
import type { EventStore } from './event-store.ts';

/** Malformed lines that are named by index in the answer; all are counted and kept. */
const NAMED_LINES = 1000;
const MAX_KEY_TEXT = 1024;

export interface Importer {
  /** One transaction. Lines of white space count as nothing. */
  importLines(lines: readonly string[], receivedAtMs: number): ImportCounts;
}

export function openImporter(store: EventStore): Importer {
  const importAll = (lines: readonly string[], receivedAtMs: number): ImportCounts => {
    const counts: ImportCounts = { read: 0, stored: 0, duplicates: 0, forgotten: 0, malformed: 0, malformedAt: [] };
    const refuse = (line: string, index: number, code: 'malformed' | 'too_large'): void => {
      counts.malformed++;
      if (counts.malformedAt.length < NAMED_LINES) counts.malformedAt.push(index);
      const subject = `imported line ${createHash('sha256').update(line).digest('hex').slice(0, 16)}`;
      store.deadLetters.store({ machine: store.machineKey(''), code, subject, gen: null, body: line }, receivedAtMs);
    };
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '') continue;
      counts.read++;
      const event = parseImported(line);
      if (event === undefined) {
        refuse(line, index, 'malformed');
        continue;
      }
      const outcome = store.storeEvent(event, null, parseEventId(event.id), IMPORTED_EVENT_BYTES);
      if (outcome.verdict === 'refused' && outcome.code === 'forgotten') counts.forgotten++;
      else if (outcome.verdict === 'refused') refuse(line, index, outcome.code === 'too_large' ? 'too_large' : 'malformed');
      else if (outcome.verdict === 'stored') counts.stored++;
      else counts.duplicates++;
    }
    return counts;
  };
  return { importLines: (lines, receivedAtMs) => store.transaction(() => importAll(lines, receivedAtMs)) };
}

function isKeyText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_KEY_TEXT;
}

/** Absent or null: the earlier tool's rows print both. */
function isOptionalText(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}

/** Undefined for what is no event. Keys that are not ours stay as they are. */
export function parseImported(line: string): TtEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, JsonValue | undefined>;
  const version = fields['schema_version'];
  if (version !== undefined && !Number.isSafeInteger(version)) return undefined;
  if (!isOptionalText(fields['cwd']) || !isOptionalText(fields['session_id'])) return undefined;
  return fields['type'] === 'session_metadata' && fields['id'] === undefined ? fromMetadata(fields, line) : fromEvent(fields);
}

function fromEvent(fields: Record<string, JsonValue | undefined>): TtEvent | undefined {
  const { id, timestamp: printed, type, source, ...rest } = fields;
  if (!isKeyText(id) || !isKeyText(printed) || !isKeyText(type) || !isKeyText(source)) return undefined;
  const timestamp = parseTimestamp(printed);
  if (timestamp === undefined) return undefined;
  const renamed = RENAMED_TYPES.get(type);
  const canonical = printed === timestamp ? id : withTimestamp(id, `:${printed}:`, `:${timestamp}:`);
  return {
    id: toEventId(renamed === undefined ? canonical : withType(canonical, type)),
    timestamp,
    source,
    ...(renamed === undefined ? { type } : { type: 'agent_session', action: renamed }),
    ...(printed === timestamp ? {} : { timestamp_raw: printed }),
    ...rest,
  };
}

/** Types of the earlier tool's first versions. */
const RENAMED_TYPES: ReadonlyMap<string, string> = new Map([['session_start', 'started'], ['session_end', 'ended']]);

/** IDs hold the timestamp as the log printed it; ours hold it in the canonical form (design §4). */
function withTimestamp(id: string, printed: string, canonical: string): string {
  const reprinted = id.replace(printed, () => canonical);
  return parseEventId(reprinted) === undefined ? id : reprinted;
}

/** As an agent that reads the same line makes it. */
function withType(id: string, type: string): string {
  const parts = parseEventId(id);
  return parts?.type === type ? buildEventId({ ...parts, type: 'agent_session' }) : id;
}

/** The earlier tool's summary of a session has no ID: it gets one from all that it says. */
function fromMetadata(fields: Record<string, JsonValue | undefined>, line: string): TtEvent | undefined {
  const { type: _type, source, session_id, start_time, machine_id, ...rest } = fields;
  if (!isKeyText(source) || !isKeyText(session_id) || !isKeyText(start_time)) return undefined;
  const timestamp = parseTimestamp(start_time);
  if (timestamp === undefined) return undefined;
  const discriminator = `${session_id}:${createHash('sha256').update(line).digest('hex').slice(0, 16)}`;
  const isOfMachine = typeof machine_id === 'string' && isUuid(machine_id);
  const tail = `${source}:session_metadata:${timestamp}:${discriminator}`;
  return {
    id: toEventId(isOfMachine ? `${machine_id}:${tail}` : tail),
    timestamp, source, type: 'session_metadata', session_id, start_time,
    ...(machine_id === undefined ? {} : { machine_id }),
    ...rest,
  };
}
