/**
 * Branded identifiers. A brand is minted only here (or by the parser that owns
 * the grammar, `event-id.ts`); everywhere else a plain string is not an ID.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** UUID of an enrolled device, lower case with hyphens. */
export type MachineId = Branded<string, 'MachineId'>;
/** UUID of one collector: survives a restored database, not a new `collector.json`. */
export type CollectorId = Branded<string, 'CollectorId'>;
/** `{machine}:{source}:{type}:{timestamp}:{discriminator}` (docs/protocol.md). */
export type EventId = Branded<string, 'EventId'>;
/** What an event says, whichever machine or file says it. */
export type FactKey = Branded<string, 'FactKey'>;
/** The harness's own ID of one conversation, as its entries print it. */
export type SessionId = Branded<string, 'SessionId'>;
/** One life of one file: 16 random bytes in hex, minted by the agent. */
export type Generation = Branded<string, 'Generation'>;
/** One run of one agent process; tells a reconnect from a clone. */
export type InstanceId = Branded<string, 'InstanceId'>;
/** `YYYY-MM-DDTHH:MM:SS.mmmZ`: 24 characters, so text order is time order. */
export type Timestamp = Branded<string, 'Timestamp'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const GENERATION = /^[0-9a-f]{32}$/;
const LABEL = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export function isUuid(text: string): boolean {
  return text.length === 36 && UUID.test(text);
}

export function parseMachineId(text: string): MachineId | undefined {
  return isUuid(text) ? (text as MachineId) : undefined;
}

export function parseCollectorId(text: string): CollectorId | undefined {
  return isUuid(text) ? (text as CollectorId) : undefined;
}

export function parseGeneration(text: string): Generation | undefined {
  return GENERATION.test(text) ? (text as Generation) : undefined;
}

export function toSessionId(text: string): SessionId {
  return text as SessionId;
}

export function toInstanceId(text: string): InstanceId {
  return text as InstanceId;
}

/** Only `timestamp.ts` and `event-id.ts` call this, after checking the form. */
export function toTimestamp(text: string): Timestamp {
  return text as Timestamp;
}

/** Only `event-id.ts` calls these two. */
export function toEventId(text: string): EventId {
  return text as EventId;
}
export function toFactKey(text: string): FactKey {
  return text as FactKey;
}

export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

/**
 * A label out of a host name: lower case, cut at the first dot, every other
 * character a hyphen (design §3). An unusable name gives `machine`.
 */
export function toLabel(hostname: string): string {
  const first = hostname.toLowerCase().split('.')[0] ?? '';
  const label = first.replace(/[^a-z0-9_-]/g, '-').replace(/^[-_]+/, '').slice(0, 64);
  return isLabel(label) ? label : 'machine';
}
