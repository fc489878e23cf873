/** One event as it stands in a row: a claim that a machine, a file and a session make about a fact. */
import { hasSharedFact, parseEventId, type EventIdParts } from '../../shared/event-id.ts';
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { RefusalCode } from '../../shared/protocol/frames.ts';
import { timestampMs } from '../../shared/timestamp.ts';
import { factHash } from './fact-hash.ts';
import type { Keys, Kind } from './keys.ts';

export interface Claim {
  machine: number;
  at: number;
  kind: number;
  session: number;
  discriminator: string;
  fact: number;
  cwd: number | null;
  bornAt: number | null;
  schemaVersion: number;
  data: string | null;
}

/** A claim with what derived tables read, so that nobody parses `data` again. */
export interface NewClaim extends Claim {
  event: TtEvent;
  kindName: Kind;
}

export type Checked = { ok: true; event: TtEvent; parts: EventIdParts } | { ok: false; code: RefusalCode; subject: string };

const MAX_KEY_TEXT = 1024;

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_KEY_TEXT;
}

/**
 * An event of a machine's own, as the wire brings it: ID canonical, with the
 * machine's own prefix, and agreeing with its other keys. By hand, because it
 * runs for every event; what it lets through, `toClaim` relies on.
 */
export function checkEvent(value: unknown, machineId: MachineId): Checked {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed('not an object');
  const event = value as Record<string, JsonValue | undefined>;
  const id = event['id'];
  if (!isShortText(id)) return malformed('no id');
  if (!id.startsWith(machineId)) {
    return { ok: false, code: 'foreign_machine', subject: id.slice(0, 36) };
  }
  const parts = parseEventId(id, machineId);
  // A lone surrogate would come out of the database as another character, so as another ID.
  if (parts === undefined || parts.machineId !== machineId || !isWellFormed(id)) return malformed(id);
  if (parts.timestamp !== event['timestamp'] || parts.source !== event['source'] || parts.type !== event['type']) {
    return malformed(id);
  }
  if (!isOptionalText(event['cwd']) || !isOptionalText(event['session_id'])) return malformed(id);
  const version = event['schema_version'];
  if (version !== undefined && !Number.isSafeInteger(version)) return malformed(id);
  return { ok: true, event: value as TtEvent, parts };
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && value.length <= 65536);
}

function malformed(subject: string): Checked {
  return { ok: false, code: 'malformed', subject: subject.slice(0, 200) };
}

/** Keys that have a column. Printed as undefined, which is not at all: cheaper than to copy all others. */
const IN_COLUMNS = {
  id: undefined, timestamp: undefined, source: undefined, type: undefined, schema_version: undefined, cwd: undefined,
  session_id: undefined,
};

/** SQLite reads JSON at most 1000 deep; one deeper row would break the views for every row. */
const MAX_DEPTH = 500;

export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth > MAX_DEPTH || Object.values(value).some((child) => isTooDeep(child, depth + 1));
}

/** JSON of every key that has no column; null for none. Throws RangeError for an event nested too deep. */
export function dataOf(event: TtEvent): string | null {
  const data = JSON.stringify({ ...event, ...IN_COLUMNS });
  if (data.length > 2 * MAX_DEPTH && isTooDeep(event)) throw new RangeError('nested too deep');
  return data === '{}' ? null : data;
}

/**
 * `event` has passed `checkEvent`, or comes from an import that has seen to the
 * same. Its `data` is still null: a duplicate never needs it printed.
 */
export function toClaim(event: TtEvent, parts: EventIdParts | undefined, keys: Keys, bornAt: number | null): NewClaim {
  const { id, timestamp, source, type, schema_version, cwd, session_id } = event;
  const version = schema_version ?? 1;
  const isCanonical = parts !== undefined && parts.timestamp === timestamp && parts.source === source && parts.type === type;
  const isShared = isCanonical && hasSharedFact(type, version, event['agent']);
  const kind = keys.kind(source, type, !isCanonical ? 'opaque' : isShared ? 'fact' : 'id');
  const discriminator = isCanonical ? parts.discriminator : id;
  const machineId = parts?.machineId ?? (typeof event['machine_id'] === 'string' ? event['machine_id'] : '');
  return {
    machine: keys.machine(machineId),
    at: timestampMs(timestamp),
    kind: kind.kind,
    session: typeof session_id === 'string' ? keys.session(session_id) : 0,
    discriminator,
    fact: factHash(isShared ? `${type}:${discriminator}` : id),
    cwd: typeof cwd === 'string' ? keys.cwd(cwd) : null,
    bornAt,
    schemaVersion: version,
    data: null,
    event,
    kindName: kind,
  };
}

/** Same fact, compared in full; a hash only proposed it. */
export function isSameFact(a: Claim, b: Claim, keys: Keys): boolean {
  if (a.fact !== b.fact || a.discriminator !== b.discriminator) return false;
  const [kindA, kindB] = [keys.kindOf(a.kind), keys.kindOf(b.kind)];
  if (kindA.form === 'opaque' || kindB.form === 'opaque') return kindA.form === kindB.form;
  if (kindA.type !== kindB.type || kindA.form !== kindB.form) return false;
  if (kindA.form === 'fact') return true;
  return kindA.source === kindB.source && a.machine === b.machine && a.at === b.at;
}

export type ClaimIdentity = Pick<Claim, 'machine' | 'at' | 'kind' | 'session' | 'discriminator'>;

/** Same ID said by the same session: not a second claim but the first one again. */
export function isSameClaim(a: ClaimIdentity, b: ClaimIdentity): boolean {
  return a.machine === b.machine && a.at === b.at && a.kind === b.kind && a.session === b.session
    && a.discriminator === b.discriminator;
}
