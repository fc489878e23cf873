import { toTimestamp, type Timestamp } from './ids.ts';

const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
/** Anything RFC 3339 allows; the date and the offset are checked by `Date.parse`. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Milliseconds after which a four-digit year no longer fits the 24 characters. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * `Date.parse` takes 30 February for 2 March and 24:00 for the next day. An ID
 * with such a timestamp would come out of the database as another ID.
 */
function namesRealTime(text: string): boolean {
  if (text.startsWith('24', 11)) return false;
  const day = Number(text.slice(8, 10));
  return day <= 28 || new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === day;
}

export function isCanonicalTimestamp(text: string): boolean {
  return text.length === 24 && CANONICAL.test(text) && !Number.isNaN(Date.parse(text)) && namesRealTime(text);
}

/** `ms` since the epoch, UTC, printed in the 24-character form. Throws outside years 0-9999. */
export function printTimestamp(ms: number): Timestamp {
  if (!(ms >= -62167219200000 && ms <= LAST_MS)) throw new RangeError(`no timestamp has ${ms} ms`);
  return toTimestamp(new Date(ms).toISOString());
}

/**
 * A timestamp as a log printed it, re-printed in the canonical form: fractions
 * are truncated to milliseconds, never rounded. Undefined for what is no RFC
 * 3339 time, for leap seconds, and where UTC falls outside the years 0-9999.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  if (isCanonicalTimestamp(text)) return toTimestamp(text);
  if (!RFC_3339.test(text) || !namesRealTime(text)) return undefined;
  const truncated = text.replace(/(\.\d{3})\d+/, '$1').replace(' ', 'T');
  const ms = Date.parse(truncated);
  if (Number.isNaN(ms) || ms < -62167219200000 || ms > LAST_MS) return undefined;
  return printTimestamp(ms);
}

/** Epoch milliseconds of a canonical timestamp. */
export function timestampMs(timestamp: Timestamp): number {
  return Date.parse(timestamp);
}
