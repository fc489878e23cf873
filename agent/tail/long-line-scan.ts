/** Steps over a line that is too long to hold, hashing it on the way. */
import { createHash } from 'node:crypto';
import { BAD_LINE_HEAD_BYTES, TAIL_HASH_BYTES } from '../../shared/limits.ts';
import type { FileAccess } from './file-access.ts';
import { isAtPlace, placeAt, SeamedReads, seamBytes, type Place, type ReadPlace } from './seam.ts';

const READ_BYTES = 256 * 1024;
const NEWLINE = 10;

export interface LongLine {
  kind: 'line';
  /** SHA-256 of the whole line, hex. */
  hash: string;
  head: Buffer;
  length: number;
  /** Behind its newline. */
  to: ReadPlace;
}

export class LongLineScan {
  readonly start: number;
  readonly #reads: SeamedReads;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(TAIL_HASH_BYTES + READ_BYTES);
  #head = Buffer.alloc(0);
  #at: Place;
  /** The bytes before `#at`, from the second read on. */
  #before: Buffer | undefined;

  constructor(files: FileAccess, start: Place) {
    this.#reads = new SeamedReads(files);
    this.#at = start;
    this.start = start.offset;
  }

  get scanned(): Place {
    return this.#at;
  }

  /** One chunk further. `end`: no newline yet, and the file has no more bytes. */
  step(fd: number): { kind: 'more' | 'end' | 'changed' } | LongLine {
    const { offset } = this.#at;
    const before = seamBytes(offset);
    const filled = this.#read(fd, offset - before);
    if (filled === undefined || filled < before) return { kind: 'changed' };
    const bytes = this.#buffer.subarray(0, filled);
    if (filled === before) return { kind: 'end' };
    const newline = bytes.indexOf(NEWLINE, before);
    const line = bytes.subarray(before, newline === -1 ? filled : newline);
    this.#hash.update(line);
    if (this.#head.length < BAD_LINE_HEAD_BYTES) {
      this.#head = Buffer.concat([this.#head, line]).subarray(0, BAD_LINE_HEAD_BYTES);
    }
    if (newline !== -1) {
      const end = offset + line.length;
      return { kind: 'line', hash: this.#hash.digest('hex'), head: this.#head, length: end - this.start, to: placeAt(bytes, newline + 1, end + 1) };
    }
    this.#at = placeAt(bytes, filled, offset + line.length);
    this.#before = Buffer.from(bytes.subarray(filled - seamBytes(this.#at.offset)));
    return { kind: filled < this.#buffer.length ? 'end' : 'more' };
  }

  #read(fd: number, position: number): number | undefined {
    if (this.#before !== undefined) return this.#reads.fillBehind(fd, this.#buffer, position, this.#before);
    const filled = this.#reads.fill(fd, this.#buffer, position);
    return filled !== undefined && isAtPlace(this.#at, this.#buffer.subarray(0, seamBytes(this.#at.offset))) ? filled : undefined;
  }
}
