/**
 * One line of a session's file, over its bytes: the few top-level strings that
 * are of interest, and the same line with some of them changed. Everything else
 * stays as it was written, whatever it is: the line is not parsed and printed.
 */

/** A value in the line: a string of interest with its quotes, or where the entry was copied from. */
interface Place {
  name: string;
  /** Of its name. */
  memberStart: number;
  start: number;
  end: number;
}

export interface EntryStrings {
  uuid?: string;
  parentUuid?: string;
  type?: string;
  timestamp?: string;
  sessionId?: string;
  cwd?: string;
}

const FORKED_FROM = 'forkedFrom';
const NAMES = ['uuid', 'parentUuid', 'type', 'timestamp', 'sessionId', 'cwd'] as const satisfies readonly (keyof EntryStrings)[];
const isName = (name: string): name is (typeof NAMES)[number] => NAMES.some((each) => each === name);

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x22, 0x5c, 0x3a, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d];

/** Undefined: not one JSON object, as far as its outermost level shows. */
export function readStrings(line: Buffer): EntryStrings | undefined {
  return readEntry(line)?.strings;
}

export interface ReadEntry {
  strings: EntryStrings;
  /** What it says, wherever it stands: its bytes without its directory, its session and where it was copied from. */
  said: readonly Buffer[];
}

/** As `readStrings`. */
export function readEntry(line: Buffer): ReadEntry | undefined {
  const places = findPlaces(line);
  if (places === undefined) return undefined;
  const strings: EntryStrings = {};
  const said: Buffer[] = [];
  let done = 0;
  for (const { name, memberStart, start, end } of places) {
    const text = isName(name) ? textAt(line, start, end) : undefined;
    if (isName(name) && text !== undefined) strings[name] = text;
    if (name !== 'cwd' && name !== 'sessionId' && name !== FORKED_FROM) continue;
    // A copy has it behind everything else, with the comma in front.
    const from = name === FORKED_FROM ? Math.max(done, line.lastIndexOf(COMMA, memberStart)) : start;
    said.push(line.subarray(done, from));
    done = end;
  }
  said.push(line.subarray(done));
  return { strings, said };
}

export interface LineChange {
  /** What another machine calls this directory; undefined: the same. */
  toDirectory?: (path: string) => string | undefined;
  /** Gives the line to another session, as a fork of its own does. */
  toSession?: { from: string; to: string };
}

/** The same object where nothing is to change; a line that is no JSON object stays as it is. */
export function changeLine(line: Buffer, { toDirectory, toSession }: LineChange): Buffer {
  const places = findPlaces(line);
  if (places === undefined) return line;
  const parts: Buffer[] = [];
  let done = 0;
  const put = (place: Place, text: string): void => {
    parts.push(line.subarray(done, place.start), Buffer.from(JSON.stringify(text)));
    done = place.end;
  };
  let uuid: string | undefined;
  for (const place of places) {
    if (!isName(place.name)) continue;
    const text = textAt(line, place.start, place.end);
    if (text === undefined) continue;
    if (place.name === 'uuid') uuid = text;
    const directory = place.name === 'cwd' ? toDirectory?.(text) : undefined;
    if (directory !== undefined && directory !== text) put(place, directory);
    if (place.name === 'sessionId' && text === toSession?.from) put(place, toSession.to);
  }
  const end = line.lastIndexOf(CLOSE);
  if (toSession && uuid !== undefined && !line.includes('"forkedFrom":')) {
    // Where it comes from, in the harness's own words: so no count takes it for new.
    parts.push(line.subarray(done, end), Buffer.from(`,"${FORKED_FROM}":${JSON.stringify({ sessionId: toSession.from, messageUuid: uuid })}`));
    done = end;
  }
  return parts.length === 0 ? line : Buffer.concat([...parts, line.subarray(done)]);
}

/** The top-level members that are of interest. Not a parser: what a malformed line means is nobody's business here. */
function findPlaces(line: Buffer): Place[] | undefined {
  let at = skipBlank(line, 0);
  if (line[at] !== OPEN) return undefined;
  const places: Place[] = [];
  at = skipBlank(line, at + 1);
  while (line[at] === QUOTE) {
    const memberStart = at;
    const keyEnd = stringEnd(line, at);
    const name = keyEnd === undefined ? undefined : textAt(line, at, keyEnd);
    if (keyEnd === undefined || name === undefined) return undefined;
    at = skipBlank(line, keyEnd);
    if (line[at] !== COLON) return undefined;
    const start = skipBlank(line, at + 1);
    const end = valueEnd(line, start);
    if (end === undefined) return undefined;
    if ((line[start] === QUOTE && isName(name)) || name === FORKED_FROM) places.push({ name, memberStart, start, end });
    at = skipBlank(line, end);
    if (line[at] === COMMA) at = skipBlank(line, at + 1);
    else break;
  }
  return line[at] === CLOSE && skipBlank(line, at + 1) === line.length ? places : undefined;
}

function valueEnd(line: Buffer, start: number): number | undefined {
  const first = line[start];
  if (first === QUOTE) return stringEnd(line, start);
  if (first !== OPEN && first !== OPEN_LIST) {
    let at = start;
    while (at < line.length && !isStructure(line[at])) at += 1;
    return at === start || at === line.length ? undefined : at;
  }
  let depth = 0;
  for (let at = start; at < line.length; at += 1) {
    const byte = line[at];
    if (byte === QUOTE) {
      const end = stringEnd(line, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (byte === OPEN || byte === OPEN_LIST) depth += 1;
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

/** Behind the closing quote of the string that begins at `start`. */
function stringEnd(line: Buffer, start: number): number | undefined {
  for (let at = line.indexOf(QUOTE, start + 1); at !== -1; at = line.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (line[at - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  return undefined;
}

function isStructure(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE || byte === CLOSE_LIST;
}

function skipBlank(line: Buffer, from: number): number {
  let at = from;
  while (line[at] === 0x20 || line[at] === 0x09 || line[at] === 0x0d || line[at] === 0x0a) at += 1;
  return at;
}

function textAt(line: Buffer, start: number, end: number): string | undefined {
  const inner = line.subarray(start + 1, end - 1);
  if (!inner.includes(BACKSLASH)) return inner.toString('utf8');
  try {
    const value: unknown = JSON.parse(line.toString('utf8', start, end));
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
