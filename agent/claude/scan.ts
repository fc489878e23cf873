/**
 * What can be known of a line without parsing it. Most bytes of a log are noise
 * (progress records, request bodies, copies of files inside tool results), and
 * parsing is what costs; so noise is recognised and bulk cut out byte by byte.
 *
 * Guarantee: for a line that is one valid JSON object with unique keys the
 * answers agree with JSON.parse. Anything unusual is answered with "parse it".
 */
import { isStateType, STATE_TYPES } from './session-state.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const COLON = 0x3a;
const COMMA = 0x2c;

/** Types whose lines hold nothing we want, or only copies of what other lines hold. */
const NOISE: ReadonlySet<string> = new Set([
  'progress', 'file-history-snapshot', 'file-history-delta', 'atis-latch', 'tools-used',
  'api-request', 'api-request-shape', 'api-request-blob', 'bridge-session', 'frame-link',
]);

/** How records begin: those with a UUID, then those without. */
const CHAINED = Buffer.from('{"parentUuid":');
const TYPED = Buffer.from('{"type":"');
/** First bytes of the types of records without a UUID that we read: nearly all that is nested in noise begins otherwise. */
const FIRST_BYTES = new Set(['queue-operation', ...STATE_TYPES].map((type) => type.charCodeAt(0)));

/**
 * Index of the closing quote of the string that opens at `open`, or -1. A quote
 * ends it unless an odd number of backslashes stands before it; the native
 * search for quotes is several times faster than a loop over the bytes.
 */
export function closingQuote(bytes: Buffer, open: number): number {
  for (let quote = bytes.indexOf(QUOTE, open + 1); quote !== -1; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let before = quote - 1;
    while (bytes[before] === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 1) return quote;
  }
  return -1;
}

/** Index of the closing quote of a plain string, or -1: with an escape in it, other bytes may spell `type`. */
function plainEnd(bytes: Buffer, open: number): number {
  for (let at = open + 1; ; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte === undefined || byte >= 0x80) return -1;
  }
}

/** The line's top-level `type`, where it comes before any nested value; else undefined: parse it. */
export function leadingType(bytes: Buffer): string | undefined {
  if (bytes[0] !== OPEN_BRACE) return undefined;
  let at = 1;
  while (bytes[at] === QUOTE) {
    const keyEnd = plainEnd(bytes, at);
    if (keyEnd === -1 || bytes[keyEnd + 1] !== COLON) return undefined;
    const isType = keyEnd === at + 5 && bytes[at + 1] === 0x74 && bytes[at + 2] === 0x79 && bytes[at + 3] === 0x70 && bytes[at + 4] === 0x65;
    const value = keyEnd + 2;
    const end = scalarEnd(bytes, value);
    if (end === -1) return undefined;
    if (isType) return bytes[value] === QUOTE && plainEnd(bytes, value) === end - 1 ? bytes.toString('latin1', value + 1, end - 1) : undefined;
    if (bytes[end] !== COMMA) return undefined;
    at = end + 1;
  }
  return undefined;
}

/** Index behind a string or literal that starts at `at`; -1 for anything else. */
function scalarEnd(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return closingQuote(bytes, at) + 1 || -1;
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return -1;
  let end = at;
  for (let byte = first; byte !== COMMA && byte !== CLOSE_BRACE; byte = bytes[end]) {
    if (byte === undefined || byte <= 0x20 || byte === COLON) return -1;
    end += 1;
  }
  return end === at ? -1 : end;
}

/** May this line be passed over without parsing? Never true for a line into which another record was glued that we would read. */
export function isNoise(bytes: Buffer): boolean {
  const type = leadingType(bytes);
  return type !== undefined && NOISE.has(type) && bytes[bytes.length - 1] === CLOSE_BRACE
    && bytes.indexOf(CHAINED, 1) === -1 && !isTypedGlued(bytes);
}

/**
 * Does a record without a UUID start inside this one? It was glued on, and must
 * not vanish with the noise. Where no value of a printed record can start, one
 * does; elsewhere one of a type that we want.
 */
function isTypedGlued(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(TYPED, 1); at !== -1; at = bytes.indexOf(TYPED, at + 1)) {
    const before = bytes[at - 1];
    if (before !== COLON && before !== COMMA && before !== OPEN_BRACKET) return true;
    const open = at + TYPED.length - 1;
    if (!FIRST_BYTES.has(bytes[open + 1] ?? 0)) continue;
    const type = bytes.toString('latin1', open + 1, plainEnd(bytes, open));
    if (type === 'queue-operation' || isStateType(type)) return true;
  }
  return false;
}

/** For lines whose type is only known after parsing. */
export function isNoiseType(type: string): boolean {
  return NOISE.has(type);
}
