/**
 * Prints an event once, below the size one event may have on the wire. An event
 * that is too large loses text, longest first, with a mark; one that still does
 * not fit, or nests too deeply to be printed again elsewhere, is not printed.
 */
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';

export interface PrintedEvent {
  text: string;
  /** UTF-8. */
  bytes: number;
}

/** Printing recurses: what we pass on must be printable by everyone behind us, whatever their stack. */
const NESTING_LIMIT = 128;
const CUT_MARK = '…[cut]';
const CUT_STEPS = [4096, 1024, 256] as const;
/** A cut between the two halves of a character would leave one that UTF-8 cannot carry. */
const LONE_SURROGATE = /[\uD800-\uDBFF]$/;

export function printEvent(event: TtEvent): PrintedEvent | undefined {
  const printed = print(event);
  if (printed === undefined || printed.bytes <= WIRE_LIMITS.eventBytes) return printed;
  for (const limit of CUT_STEPS) {
    const shorter = print({ ...event, ...cutTexts(event, limit) });
    if (shorter !== undefined && shorter.bytes <= WIRE_LIMITS.eventBytes) return shorter;
  }
  return undefined;
}

function print(event: TtEvent): PrintedEvent | undefined {
  let text: string;
  try {
    text = JSON.stringify(event);
  } catch {
    return undefined;
  }
  if (opens(text, NESTING_LIMIT) && nestsDeeper(text, NESTING_LIMIT)) return undefined;
  return { text, bytes: Buffer.byteLength(text) };
}

const BEYOND_ASCII = /[\u0080-\uffff]/g;
/** Of a text's bytes: what is mostly beyond ASCII would grow by more than it saves. */
const ESCAPED_SHARE = 1 / 8;

/**
 * The same JSON for a frame. A dash or an emoji somewhere in it would make the text
 * of a whole frame twice as large in memory, and reading it twice as slow, so the
 * few characters beyond ASCII are escaped.
 */
export function asciiWhereRare({ text, bytes }: PrintedEvent): PrintedEvent {
  const extra = bytes - text.length;
  if (extra === 0 || extra > bytes * ESCAPED_SHARE) return { text, bytes };
  const escaped = text.replace(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { text: escaped, bytes: escaped.length };
}

/** IDs, times and types stay whole: they say which event it is. */
const IDENTITY_KEYS: ReadonlySet<string> = new Set(['id', 'raw_id', 'timestamp', 'timestamp_raw', 'source', 'type', 'session_id', 'agent_id']);

function cutTexts(event: TtEvent, limit: number): Record<string, JsonValue> {
  const cut: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(event)) {
    if (value !== undefined && !IDENTITY_KEYS.has(key)) cut[key] = cutValue(value, limit);
  }
  return cut;
}

function cutValue(value: JsonValue, limit: number): JsonValue {
  if (typeof value === 'string') return value.length > limit ? value.slice(0, limit).replace(LONE_SURROGATE, '') + CUT_MARK : value;
  if (Array.isArray(value)) return value.map((item) => cutValue(item, limit));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutValue(item, limit)]));
}

const QUOTE = 34;
const BACKSLASH = 92;

/** Are there more brackets than that, in or outside of strings? Hardly ever; native search tells at once. */
function opens(json: string, limit: number): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = json.indexOf(bracket); at !== -1; at = json.indexOf(bracket, at + 1)) {
      count += 1;
      if (count > limit) return true;
    }
  }
  return false;
}

/** Depth of brackets outside strings. */
function nestsDeeper(json: string, limit: number): boolean {
  let depth = 0;
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index);
    if (code === QUOTE) index = endOfString(json, index);
    else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > limit) return true;
    } else if (code === 125 || code === 93) depth -= 1;
  }
  return false;
}

function endOfString(json: string, quote: number): number {
  let end = json.indexOf('"', quote + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (json.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
    end = json.indexOf('"', end + 1);
  }
  return json.length;
}
