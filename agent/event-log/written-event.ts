/**
 * Events that hooks, `tt-agent ingest`, the earlier tool or somebody else wrote
 * into one of our logs. Every key stays as it is; what is set right is what the
 * collector needs to tell events apart: ID, timestamp, and the two legacy types.
 */
import { EVENT_SOURCES, type JsonValue, type TtEvent } from '../../shared/event.ts';
import { buildEventId, machineOf, parseEventId } from '../../shared/event-id.ts';
import type { MachineId, Timestamp } from '../../shared/ids.ts';
import type { FormerMachines } from '../new-identity.ts';
import { parseTimestamp } from '../../shared/timestamp.ts';

export type WrittenEvent = { event: TtEvent } | { problem: string };

type Line = { [key: string]: JsonValue };

const LEGACY_ACTIONS: ReadonlyMap<string, string> = new Map([['session_start', 'started'], ['session_end', 'ended']]);
const NAME = /^[^\s:]{1,64}$/;
const UUID_LENGTH = 36;

/** What a writer that gives no ID says instead: type → source, and the key that tells events of one time apart. */
const WITHOUT_ID: Readonly<Record<string, { source: string; key: string }>> = {
  tmux_pane_focus: { source: EVENT_SOURCES.tmux, key: 'pane_id' },
  tmux_scroll: { source: EVENT_SOURCES.tmux, key: 'pane_id' },
  afk_change: { source: EVENT_SOURCES.watcher, key: 'status' },
  window_focus: { source: EVENT_SOURCES.watcher, key: 'window_app_id' },
};

/** `line` becomes the event: it is changed in place. */
export function toEvent(line: Line, machineId: MachineId, former?: FormerMachines): WrittenEvent {
  const rawType = line['type'];
  const rawTime = line['timestamp'];
  if (typeof rawType !== 'string' || !NAME.test(rawType)) return { problem: 'no type' };
  const timestamp = typeof rawTime === 'string' ? parseTimestamp(rawTime) : undefined;
  if (timestamp === undefined) return { problem: 'no timestamp' };
  const action = LEGACY_ACTIONS.get(rawType);
  const type = action === undefined ? rawType : 'agent_session';
  const source = line['source'] ?? WITHOUT_ID[type]?.source;
  if (typeof source !== 'string' || !NAME.test(source)) return { problem: 'no source' };
  const id = idOf(line, { machineId, source, type, timestamp }, former);
  if (id === undefined) return { problem: 'no id' };

  const head = { id, timestamp, source, type };
  const event: TtEvent = { ...head, ...line, ...head };
  if (action !== undefined) event['action'] = action;
  if (typeof line['id'] === 'string' && line['id'] !== id) event['raw_id'] = line['id'];
  if (rawTime !== timestamp) event['timestamp_raw'] = rawTime ?? null;
  return { event };
}

interface Parts {
  machineId: MachineId;
  source: string;
  type: string;
  timestamp: Timestamp;
}

/**
 * The ID in its canonical form, made of what the event says. A prefix of another
 * machine stays: whether it may be sent is the collector's decision. Later lines of
 * the machine that this one was copied from are this one's.
 */
function idOf(line: Line, parts: Parts, former: FormerMachines | undefined): TtEvent['id'] | undefined {
  const raw = line['id'] ?? '';
  if (typeof raw !== 'string') return undefined;
  const prefix = machineOf(raw);
  const rest = prefix === undefined ? raw : raw.slice(UUID_LENGTH + 1);
  const discriminator = rest === '' ? line[WITHOUT_ID[parts.type]?.key ?? ''] : discriminatorOf(rest, line);
  if (typeof discriminator !== 'string' || discriminator === '') return undefined;
  const until = prefix === undefined ? undefined : former?.get(prefix);
  const isOther = prefix !== undefined && (until === undefined || parts.timestamp <= until);
  return buildEventId({ ...parts, machineId: isOther ? prefix : parts.machineId, discriminator });
}

/** Behind `{source}:{type}:{timestamp}:` as the line has them, canonical or not; else all there is. */
function discriminatorOf(rest: string, line: Line): string {
  const head = `${['source', 'type', 'timestamp'].map((key) => (typeof line[key] === 'string' ? line[key] : '')).join(':')}:`;
  if (rest.startsWith(head) && rest.length > head.length) return rest.slice(head.length);
  return parseEventId(`${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}:${rest}`)?.discriminator ?? rest;
}
