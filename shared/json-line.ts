/** Reading a line of a log: JSON whose shape nobody promised. Nothing here throws. */
import { parseTimestamp } from './timestamp.ts';
import { toTimestamp, type Timestamp } from './ids.ts';
import type { JsonValue } from './event.ts';

export type JsonObject = { [key: string]: JsonValue };
export type Entry = JsonObject;

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `JSON.parse`, or undefined for what is not one JSON object. */
function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A non-empty string, else undefined. */
export function textOf(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const NAME_LENGTH = 256;
const PATH_LENGTH = 4096;

/** An ID, a version, a model: real ones are short, and one that is not must not make its event too large to send. */
export function nameOf(object: JsonObject, key: string): string | undefined {
  const value = textOf(object, key);
  return value === undefined || value.length > NAME_LENGTH ? undefined : value;
}

/** A path of at most the length that systems allow. */
export function pathOf(object: JsonObject, key: string): string | undefined {
  const value = textOf(object, key);
  return value === undefined || value.length > PATH_LENGTH ? undefined : value;
}

export function numberOf(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === 'number' ? value : undefined;
}

export function objectOf(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key];
  return isObject(value) ? value : undefined;
}

export interface EntryTime {
  timestamp: Timestamp;
  /** As the log printed it, where that is not the canonical form. */
  raw: string | undefined;
}

const PLAIN_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Canonical beyond doubt, without asking the calendar: nine of ten days. */
function isPlainTime(text: string): boolean {
  return text.length === 24 && PLAIN_TIME.test(text);
}

/** When the entry says it happened; undefined for a missing, numeric or impossible time. */
export function timeOf(entry: Entry): EntryTime | undefined {
  const raw = textOf(entry, 'timestamp');
  if (raw === undefined) return undefined;
  const timestamp = isPlainTime(raw) ? toTimestamp(raw) : parseTimestamp(raw);
  return timestamp === undefined ? undefined : { timestamp, raw: timestamp === raw ? undefined : raw };
}

/** Blocks of `message.content`; a string counts as one text block. */
export function blocksOf(content: JsonValue | undefined): JsonObject[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? content.filter(isObject) : [];
}

const SURROGATE = /\p{Surrogate}/gu;

/** Half an emoji is valid JSON but no UTF-8: it becomes U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(SURROGATE, '\uFFFD');
}

/** Can the text of a line spell half a character? Only an escape can: bytes that are no UTF-8 become U+FFFD when they are decoded. */
function holdsSurrogateEscape(text: string): boolean {
  return text.includes('\\ud') || text.includes('\\uD');
}

/** The same for every string below `value`, in place. Bounded by the depth cap of what is parsed. */
function makeWellFormed(value: JsonObject | JsonValue[]): void {
  const open: (JsonObject | JsonValue[])[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const container = next as JsonObject;
    for (const key of Object.keys(container)) {
      const child = container[key];
      if (typeof child === 'string') container[key] = wellFormed(child);
      else if (typeof child === 'object' && child !== null) open.push(child);
    }
  }
}

/** One JSON object whose strings can all be printed as UTF-8; undefined for anything else. */
export function parseEntry(text: string): JsonObject | undefined {
  const entry = parseObject(text);
  if (entry !== undefined && holdsSurrogateEscape(text)) makeWellFormed(entry);
  return entry;
}

/** Is anything nested deeper than `limit`? Iterative: a hostile line must not exhaust the stack. */
export function isDeeperThan(value: JsonValue, limit: number): boolean {
  const open: [JsonValue, number][] = [[value, 1]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [current, depth] = next;
    if (typeof current !== 'object' || current === null) continue;
    if (depth > limit) return true;
    for (const child of Object.values(current)) open.push([child, depth + 1]);
  }
  return false;
}

/** At most `limit` UTF-8 bytes of `text`, cut between characters. */
export function cutToBytes(text: string, limit: number): string {
  if (text.length * 3 <= limit || Buffer.byteLength(text) <= limit) return text;
  const bytes = Buffer.from(text.slice(0, limit));
  let end = Math.min(limit, bytes.length);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** The last `limit` characters of `text` (code points, so no character is halved). */
export function lastCharacters(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const tail = [...text.slice(-2 * limit)];
  return wellFormed(tail.slice(-limit).join(''));
}
