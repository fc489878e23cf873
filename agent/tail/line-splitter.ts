/**
 * Lines of a file, split on 0x0A over raw bytes. A line counts when its newline
 * is there: an unterminated tail is never consumed. One buffer is reused for
 * all files; a longer line gets a larger buffer for as long as it is read.
 */
import { createHash } from 'node:crypto';
import { BAD_LINE_HEAD_BYTES, LINE_BYTES } from '../../shared/limits.ts';
import type { FileAccess } from './file-access.ts';

const READ_BYTES = 256 * 1024;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** False: enough for now. The bytes are lent for the call. */
export type LineHandler = (bytes: Buffer, start: number, end: number) => boolean;

export interface LinesRead {
  /** Behind the newline of the last line handled. */
  to: number;
  /** `end`: no further newline up to `scannedTo`. `long`: at `to` begins a line of more than 16 MiB. */
  stop: 'enough' | 'end' | 'long';
  scannedTo: number;
}

export interface LongLine {
  /** SHA-256 of the whole line, hex. */
  hash: string;
  head: Buffer;
  length: number;
}

export interface LineSplitter {
  /** Handles lines from `from` on; none that begins at or after `until`. */
  readLines(fd: number, from: number, onLine: LineHandler, until?: number): LinesRead;
  /** Position of the first newline in `[from, ∞)`; undefined when there is none before `scannedTo`. */
  findNewline(fd: number, from: number): { at: number | undefined; scannedTo: number };
}

export function createLineSplitter(files: FileAccess): LineSplitter {
  const shared = Buffer.allocUnsafe(READ_BYTES);

  function readLines(fd: number, from: number, onLine: LineHandler, until = Number.POSITIVE_INFINITY): LinesRead {
    let buffer = shared;
    let at = from;
    while (at < until) {
      const chunk = buffer.subarray(0, fill(files, fd, buffer, at));
      let start = 0;
      for (let newline = chunk.indexOf(NEWLINE); newline !== -1; newline = chunk.indexOf(NEWLINE, start)) {
        const begin = start;
        const end = newline > begin && chunk[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline;
        start = newline + 1;
        if (end > begin && !onLine(chunk.subarray(begin, end), at + begin, at + end)) {
          return { to: at + start, stop: 'enough', scannedTo: at + start };
        }
        if (at + start >= until) return { to: at + start, stop: 'enough', scannedTo: at + start };
      }
      if (chunk.length < buffer.length) return { to: at + start, stop: 'end', scannedTo: at + chunk.length };
      if (start > 0) {
        at += start;
        buffer = shared;
      } else if (buffer.length > LINE_BYTES) {
        return { to: at, stop: 'long', scannedTo: at + chunk.length };
      } else {
        buffer = Buffer.allocUnsafe(Math.min(buffer.length * 4, LINE_BYTES + 1));
      }
    }
    return { to: at, stop: 'enough', scannedTo: at };
  }

  function findNewline(fd: number, from: number): { at: number | undefined; scannedTo: number } {
    let at = from;
    for (;;) {
      const chunk = shared.subarray(0, files.read(fd, shared, at));
      const newline = chunk.indexOf(NEWLINE);
      if (newline !== -1) return { at: at + newline, scannedTo: at + newline };
      at += chunk.length;
      if (chunk.length === 0) return { at: undefined, scannedTo: at };
    }
  }

  return { readLines, findNewline };
}

/** A read may give less than the file holds; only 0 means its end. */
function fill(files: FileAccess, fd: number, buffer: Buffer, position: number): number {
  let filled = files.read(fd, buffer, position);
  if (filled === 0 || filled === buffer.length) return filled;
  // A short read at the end of a file costs one more call; in its middle it would look like the end.
  for (;;) {
    const more = files.read(fd, buffer.subarray(filled), position + filled);
    filled += more;
    if (more === 0 || filled === buffer.length) return filled;
  }
}

/** Steps over a line that is too long to hold, hashing it on the way. */
export class LongLineScan {
  readonly start: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  #head = Buffer.alloc(0);
  #at: number;

  constructor(start: number) {
    this.start = start;
    this.#at = start;
  }

  get scannedTo(): number {
    return this.#at;
  }

  /** One chunk further. `end`: no newline yet, and the file has no more bytes. */
  step(files: FileAccess, fd: number): 'more' | 'end' | LongLine {
    const chunk = this.#buffer.subarray(0, files.read(fd, this.#buffer, this.#at));
    if (chunk.length === 0) return 'end';
    const newline = chunk.indexOf(NEWLINE);
    const line = newline === -1 ? chunk : chunk.subarray(0, newline);
    this.#hash.update(line);
    if (this.#head.length < BAD_LINE_HEAD_BYTES) {
      this.#head = Buffer.concat([this.#head, line]).subarray(0, BAD_LINE_HEAD_BYTES);
    }
    this.#at += line.length;
    if (newline === -1) return 'more';
    return { hash: this.#hash.digest('hex'), head: this.#head, length: this.#at - this.start };
  }
}
