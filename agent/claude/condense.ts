/**
 * Cuts bulk out of a line before it is parsed: the copy of a tool's result at
 * the top level, tool output, file contents in tool inputs, thinking, base64
 * images. What a person or a model said stays whole, also where it stands in a
 * tool's result: answers to a question, the reason of a refusal.
 *
 * Guarantee: parsing the condensed text gives what parsing the line gives, with
 * `toolUseResult` null where it was long and has no key `answers`, and long
 * strings empty where `isBulk` says so and they are no refusal. Limit: what is
 * cut is not checked to be valid JSON.
 */
import { REFUSAL } from './answers.ts';
import { closingQuote } from './scan.ts';

export const CONDENSE_FROM_BYTES = 4096;
export const BULK_BYTES = 1024;

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
/** Deeper lines are parsed whole, if at all. */
const DEEPEST = 256;

const BULK_KEYS_OF_BLOCKS: ReadonlySet<string> = new Set(['content', 'thinking', 'signature', 'data']);
const WORDS_OF_ATTACHMENTS: ReadonlySet<string> = new Set(['prompt', 'text']);

/**
 * May a string of more than `BULK_BYTES` be emptied? `depth` counts the
 * containers around it (1: a value of the line itself), `top` is the line's key
 * above it, `key` the nearest key.
 */
export function isBulk(depth: number, top: string, key: string): boolean {
  if (depth === 1) return false;
  if (top === 'message') return depth > 4 || (depth === 4 && BULK_KEYS_OF_BLOCKS.has(key));
  if (top === 'attachment') return depth > 4 || !WORDS_OF_ATTACHMENTS.has(key);
  return true;
}

interface Cut {
  from: number;
  to: number;
  with: string;
}

/** Text to parse in place of the line. */
export function condense(bytes: Buffer): string {
  const cuts = bytes.length < CONDENSE_FROM_BYTES ? [] : cutsOf(bytes);
  if (cuts.length === 0) return bytes.toString('utf8', 0, bytes.length);
  let text = '';
  let at = 0;
  for (const cut of cuts) {
    text += bytes.toString('utf8', at, cut.from) + cut.with;
    at = cut.to;
  }
  return text + bytes.toString('utf8', at, bytes.length);
}

/** Keys are kept as where they stand; few of them are ever read. */
interface Place {
  depth: number;
  /** By depth: start and end of the nearest key. */
  keyFrom: Int32Array;
  keyTo: Int32Array;
}

const TOOL_USE_RESULT = Buffer.from('toolUseResult');
const ANSWERS = Buffer.from('answers');
const REFUSED = Buffer.from(REFUSAL);

/** One pass over the line; no cuts where its structure is not understood. */
function cutsOf(bytes: Buffer): Cut[] {
  const cuts: Cut[] = [];
  const isArray = new Uint8Array(DEEPEST + 1);
  const place: Place = { depth: 0, keyFrom: new Int32Array(DEEPEST + 1), keyTo: new Int32Array(DEEPEST + 1) };
  const { keyFrom, keyTo } = place;
  const length = bytes.length;
  let depth = 0;
  let inKey = false;
  /** Where the value of `toolUseResult` starts, while inside it. */
  let resultFrom = -1;
  /** It holds a person's answers, and stays. */
  let isAnswer = false;
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = closingQuote(bytes, at);
      if (end === -1) return [];
      if (inKey) {
        inKey = false;
        keyFrom[depth] = at + 1;
        keyTo[depth] = end;
        if (depth === 1 && end - at === 14 && TOOL_USE_RESULT.equals(bytes.subarray(at + 1, end)) && bytes[end + 1] === COLON) resultFrom = end + 2;
        else if (depth === 2 && resultFrom !== -1 && end - at === 8 && ANSWERS.equals(bytes.subarray(at + 1, end))) isAnswer = true;
      } else if (end - at - 1 > BULK_BYTES && resultFrom === -1) {
        place.depth = depth;
        if (isBulkAt(bytes, place) && !startsWith(bytes, at + 1, REFUSED)) cuts.push({ from: at + 1, to: end, with: '' });
      }
      at = end;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === DEEPEST) return [];
      depth += 1;
      isArray[depth] = byte === OPEN_BRACKET ? 1 : 0;
      // Elements of an array go by the key of the array.
      keyFrom[depth] = byte === OPEN_BRACKET ? (keyFrom[depth - 1] ?? 0) : 0;
      keyTo[depth] = byte === OPEN_BRACKET ? (keyTo[depth - 1] ?? 0) : 0;
      inKey = byte === OPEN_BRACE;
    } else if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (resultFrom !== -1 && depth === 1) {
        if (at - resultFrom > BULK_BYTES && !isAnswer) cuts.push({ from: resultFrom, to: at, with: 'null' });
        resultFrom = -1;
        isAnswer = false;
      }
      inKey = byte === COMMA && isArray[depth] === 0;
      if (byte !== COMMA) depth -= 1;
      if (depth < 0) return [];
    }
  }
  return depth === 0 ? cuts : [];
}

function isBulkAt(bytes: Buffer, { depth, keyFrom, keyTo }: Place): boolean {
  const keyAt = (level: number): string => bytes.toString('latin1', keyFrom[level] ?? 0, keyTo[level] ?? 0);
  return isBulk(depth, keyAt(1), keyAt(depth));
}

function startsWith(bytes: Buffer, at: number, text: Buffer): boolean {
  return bytes[at] === text[0] && bytes.compare(text, 0, text.length, at, at + text.length) === 0;
}
