/**
 * Valid records inside a damaged line. Seen in the wild: a record cut off with
 * the next one glued to it, two records without a newline between them, a run of
 * NULs before a record, a byte order mark.
 */
import { parseEntry, textOf, type JsonObject } from '../shared/json-line.ts';

export interface Salvaged {
  /** Byte range in the line. */
  from: number;
  to: number;
  /** Undefined: nothing in the range parses. Half characters are replaced. */
  entry: JsonObject | undefined;
}

/** Starts tried and bytes parsed for one line: hostile input costs bounded time. */
const TRIES = 4096;
const BUDGET_BYTES = 64 * 1024 * 1024;
const START = Buffer.from('{"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Blanks, NULs and byte order marks hold nothing and are nobody's loss. */
export function isFiller(byte: number | undefined): boolean {
  return byte === 0x00 || byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0xef || byte === 0xbb || byte === 0xbf;
}

/** Records and unreadable ranges of the line, in order and without overlap. */
export function salvage(bytes: Buffer): Salvaged[] {
  const found: Salvaged[] = [];
  const budget = { tries: TRIES, bytes: BUDGET_BYTES };
  let at = skipFiller(bytes, 0);
  let lostFrom = -1;
  while (at !== -1 && at < bytes.length) {
    const end = recordEnd(bytes, at, budget);
    const entry = end === -1 ? undefined : parseEntry(bytes.toString('utf8', at, end));
    if (entry !== undefined && (textOf(entry, 'type') !== undefined || textOf(entry, 'id') !== undefined)) {
      if (lostFrom !== -1) found.push({ from: lostFrom, to: at, entry: undefined });
      found.push({ from: at, to: end, entry });
      lostFrom = -1;
      at = skipFiller(bytes, end);
    } else {
      if (lostFrom === -1) lostFrom = at;
      at = budget.tries > 0 && budget.bytes > 0 ? bytes.indexOf(START, at + 1) : -1;
    }
  }
  if (lostFrom !== -1) found.push({ from: lostFrom, to: bytes.length, entry: undefined });
  return found;
}

function skipFiller(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isFiller(bytes[at])) at += 1;
  return at;
}

/**
 * Behind the brace that closes the object at `open`, where a record can end: at
 * the end of the line, before filler or before the next record. An object inside
 * a torn record ends before a comma or a brace instead. -1: no record here.
 */
function recordEnd(bytes: Buffer, open: number, budget: { tries: number; bytes: number }): number {
  budget.tries -= 1;
  if (bytes[open] !== OPEN_BRACE) return -1;
  let depth = 0;
  let inString = false;
  let end = -1;
  let at = open;
  for (; at < bytes.length && end === -1; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE) depth += 1;
    else if (byte === CLOSE_BRACE) {
      depth -= 1;
      if (depth === 0) end = at + 1;
    }
  }
  budget.bytes -= at - open;
  if (end === -1) return -1;
  const next = bytes[end];
  return next === undefined || next === OPEN_BRACE || isFiller(next) ? end : -1;
}
