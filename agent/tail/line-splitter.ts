/**
 * Lines of a file, split on 0x0A over raw bytes. A line counts when its newline
 * is there: an unterminated tail is never consumed. One buffer is reused for
 * all files; a longer line gets a larger buffer for as long as it is read.
 */
import { LINE_BYTES, TAIL_HASH_BYTES } from '../../shared/limits.ts';
import type { FileAccess } from './file-access.ts';
import { isAtPlace, placeAt, SeamedReads, seamBytes, type Place, type ReadPlace } from './seam.ts';

const READ_BYTES = 256 * 1024;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** False: enough for now. The bytes are lent for the call. */
export type LineHandler = (bytes: Buffer, start: number, end: number) => boolean;

export interface LinesRead {
  /** Behind the newline of the last line handled; the bytes before it as they were read. */
  to: ReadPlace;
  /**
   * `end`: no further newline up to `scanned`. `long`: at `to` begins a line of more than 16 MiB.
   * `changed`: behind `to` are not the bytes that belong to those before it.
   */
  stop: 'enough' | 'end' | 'long' | 'changed';
  scanned: ReadPlace;
}

export type NewlineFound =
  | { kind: 'found' | 'none'; /** The newline, or the end of the file. */ scanned: ReadPlace }
  | { kind: 'changed' };

export interface LineSplitter {
  /** Handles lines from `from` on; none that begins at or after `until`. */
  readLines(fd: number, from: Place, onLine: LineHandler, until?: number): LinesRead;
  /** The first newline in `[from, ∞)`. */
  findNewline(fd: number, from: Place): NewlineFound;
}

export function createLineSplitter(files: FileAccess): LineSplitter {
  return new Splitter(files);
}

class Splitter implements LineSplitter {
  readonly #reads: SeamedReads;
  /** The bytes before the place that is read, then those behind it. */
  readonly #shared = Buffer.allocUnsafe(TAIL_HASH_BYTES + READ_BYTES);
  readonly #before = Buffer.allocUnsafe(TAIL_HASH_BYTES);

  constructor(files: FileAccess) {
    this.#reads = new SeamedReads(files);
  }

  readLines(fd: number, from: Place, onLine: LineHandler, until = Number.POSITIVE_INFINITY): LinesRead {
    let buffer = this.#shared;
    let at = from.offset;
    let reached: ReadPlace = { offset: at, tail: from.tail ?? '' };
    let filled = this.#readFrom(fd, buffer, from);
    for (;;) {
      const before = seamBytes(at);
      if (filled === undefined) return { to: reached, stop: 'changed', scanned: reached };
      const chunk = buffer.subarray(before, filled);
      const { read, isEnough } = handleLines(chunk, at, onLine, until);
      const to = placeAt(buffer, before + read, at + read);
      if (isEnough) return { to, stop: 'enough', scanned: to };
      if (filled < buffer.length) return { to, stop: 'end', scanned: read === chunk.length ? to : placeAt(buffer, filled, at + chunk.length) };
      if (read === 0 && chunk.length > LINE_BYTES) return { to, stop: 'long', scanned: placeAt(buffer, filled, at + chunk.length) };
      const seam = this.#keepBefore(buffer, before + read, at + read);
      at += read;
      reached = to;
      buffer = read > 0 ? this.#shared : Buffer.allocUnsafe(seam.length + Math.min(chunk.length * 4, LINE_BYTES + 1));
      filled = this.#reads.fillBehind(fd, buffer, at - seam.length, seam);
    }
  }

  findNewline(fd: number, from: Place): NewlineFound {
    const buffer = this.#shared;
    let at = from.offset;
    let filled = this.#readFrom(fd, buffer, from);
    for (;;) {
      if (filled === undefined) return { kind: 'changed' };
      const before = seamBytes(at);
      const newline = buffer.subarray(0, filled).indexOf(NEWLINE, before);
      if (newline !== -1) return { kind: 'found', scanned: placeAt(buffer, newline, at + newline - before) };
      at += filled - before;
      if (filled < buffer.length) return { kind: 'none', scanned: placeAt(buffer, filled, at) };
      const seam = this.#keepBefore(buffer, filled, at);
      filled = this.#reads.fillBehind(fd, buffer, at - seam.length, seam);
    }
  }

  /** How far the buffer is filled, the bytes before the place included. */
  #readFrom(fd: number, buffer: Buffer, place: Place): number | undefined {
    const before = seamBytes(place.offset);
    const filled = this.#reads.fill(fd, buffer, place.offset - before);
    return filled !== undefined && filled >= before && isAtPlace(place, buffer.subarray(0, before)) ? filled : undefined;
  }

  /** The next read overwrites the buffer. */
  #keepBefore(buffer: Buffer, end: number, offset: number): Buffer {
    const seam = this.#before.subarray(0, seamBytes(offset));
    buffer.copy(seam, 0, end - seam.length, end);
    return seam;
  }
}

/** Gives the complete lines of a chunk; `read`: behind the newline of the last of them. */
function handleLines(chunk: Buffer, at: number, onLine: LineHandler, until: number): { read: number; isEnough: boolean } {
  let start = 0;
  for (let newline = chunk.indexOf(NEWLINE); newline !== -1 && at + start < until; newline = chunk.indexOf(NEWLINE, start)) {
    const begin = start;
    const end = newline > begin && chunk[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline;
    start = newline + 1;
    if (end > begin && !onLine(chunk.subarray(begin, end), at + begin, at + end)) return { read: start, isEnough: true };
  }
  return { read: start, isEnough: at + start >= until };
}
