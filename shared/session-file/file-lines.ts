/** Reads a session's file line by line, however large it is, and what its lines are. */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { TtError } from '../errors.ts';
import { readAt } from '../regular-file.ts';
import { readEntry, readStrings, type EntryStrings } from './entry-line.ts';
import type { LineFact } from './merge.ts';

export interface FileLine extends LineFact {
  /** Bytes of the line in its file, without its newline. */
  start: number;
  end: number;
  strings: EntryStrings | undefined;
}

/** More than any line that was ever seen; more is no log. */
export const LONGEST_LINE_BYTES = 256 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const NEWLINE = 10;

/** Calls `onLine` with each line whose newline is there, up to `until`; returns where the last one ended. The bytes are lent for the call. */
export function eachLine(fd: number, { from, until }: { from: number; until: number }, onLine: (line: Buffer, start: number) => void): number {
  let [buffer, filled, start, at] = [Buffer.allocUnsafe(READ_BYTES), 0, from, from];
  for (;;) {
    const wanted = Math.min(buffer.length - filled, until - at);
    const read = wanted > 0 ? readSync(fd, buffer, filled, wanted, at) : 0;
    if (read === 0) return start;
    at += read;
    filled += read;
    let done = 0;
    for (let end = buffer.subarray(0, filled).indexOf(NEWLINE); end !== -1; end = buffer.subarray(0, filled).indexOf(NEWLINE, done)) {
      onLine(buffer.subarray(done, end), start + done);
      done = end + 1;
    }
    buffer.copyWithin(0, done, filled);
    filled -= done;
    start += done;
    if (filled < buffer.length) continue;
    if (buffer.length >= LONGEST_LINE_BYTES) throw lineTooLong(start);
    buffer = Buffer.concat([buffer], buffer.length * 4);
  }
}

/** More than that behind the last newline is half a line, whatever it is. */
const TAIL_BYTES = 64 * 1024 * 1024;

/**
 * As `eachLine`, and what stands behind the last newline where that is an entry but for its newline:
 * whoever wrote it ended just then. Half an entry is none.
 */
export function eachLineToEnd(fd: number, { from, until }: { from: number; until: number }, onLine: (line: Buffer, start: number) => void): number {
  const end = eachLine(fd, { from, until }, onLine);
  if (until <= end || until - end > TAIL_BYTES) return end;
  const tail = readAt(fd, end, until - end);
  if (end + tail.length !== until || readStrings(tail) === undefined) return end;
  onLine(tail, end);
  return until;
}

export function readLines(fd: number, until: number): FileLine[] {
  const lines: FileLine[] = [];
  eachLine(fd, { from: 0, until }, (line, start) => void lines.push(lineFact(line, start)));
  return lines;
}

/** Entries of very old versions have no uuid, but a type. */
const ENTRY_TYPES: ReadonlySet<string> = new Set(['user', 'assistant']);

export function lineFact(line: Buffer, start: number): FileLine {
  const { strings, said } = readEntry(line) ?? {};
  const atMs = strings?.timestamp === undefined ? Number.NaN : Date.parse(strings.timestamp);
  const isEntry = strings?.uuid !== undefined || ENTRY_TYPES.has(strings?.type ?? '');
  const hash = createHash('sha1');
  for (const part of strings?.uuid === undefined ? [line] : (said ?? [])) hash.update(part);
  return {
    ...(strings?.uuid === undefined ? { key: `#${hash.digest('base64')}` } : { key: strings.uuid, said: hash.digest('base64') }),
    isEntry, atMs: Number.isFinite(atMs) ? atMs : undefined, start, end: start + line.length, strings,
  };
}

function lineTooLong(at: number): TtError {
  return new TtError('line_too_long', `at byte ${at} begins a line of more than ${LONGEST_LINE_BYTES / 1024 ** 2} MiB`, { hint: 'such a file is no log of a session' });
}
