import { toTimestamp, type Timestamp } from './ids.ts';

/** Anything RFC 3339 allows; the date and the offset are checked by `Date.parse`. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

const FIRST_MS = -62_167_219_200_000;
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
  return !Number.isNaN(canonicalMs(text));
}

/** `count` decimal digits from `at`; NaN where one is none. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

const SEPARATORS: readonly (readonly [at: number, code: number])[] = [[4, 45], [7, 45], [10, 84], [13, 58], [16, 58], [19, 46], [23, 90]];
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : MONTH_DAYS[month - 1] ?? 0;
}

/** Days since the epoch; the year starts in March, so that leap days come last (Hinnant, `days_from_civil`). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

/** By hand, because it runs for every event: `Date.parse` and two patterns cost more than the rest of an ID's check. */
function canonicalMs(text: string): number {
  if (text.length !== 24) return NaN;
  for (const [at, code] of SEPARATORS) if (text.charCodeAt(at) !== code) return NaN;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2)];
  const [hour, minute, second] = [digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)];
  const isReal = day >= 1 && day <= daysIn(year, month) && hour <= 23 && minute <= 59 && second <= 59;
  if (!isReal) return NaN;
  return daysSinceEpoch(year, month, day) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + digits(text, 20, 3);
}

/** Is it within the years 0-9999? */
export function isPrintable(ms: number): boolean {
  return ms >= FIRST_MS && ms <= LAST_MS;
}

/** `ms` since the epoch, UTC, printed in the 24-character form. Throws outside years 0-9999. */
export function printTimestamp(ms: number): Timestamp {
  if (!isPrintable(ms)) throw new RangeError(`no timestamp has ${ms} ms`);
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
  if (!isPrintable(ms)) return undefined;
  return printTimestamp(ms);
}

/** Epoch milliseconds of a canonical timestamp. */
export function timestampMs(timestamp: Timestamp): number {
  return canonicalMs(timestamp);
}
