/**
 * One file read in several reads: each begins in what the one before it gave,
 * and must find the same bytes there. A file that is cut and written anew
 * between two of them would else be read as one that never was, half old, half
 * new, and the hash of its last bytes would vouch for it ever after.
 *
 * Limit: a write inside a single read is not noticed, nor one that leaves the
 * 256 bytes before the seam as they were.
 */
import { TAIL_HASH_BYTES } from '../../shared/limits.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import type { FileAccess } from './file-access.ts';

const ATTEMPTS = 3;

/** A place in a file, by what lies before it. */
export interface Place {
  offset: number;
  /** Hash of the ≤ 256 bytes before `offset`; undefined: not known, so not compared. */
  tail: string | undefined;
}

export interface ReadPlace extends Place {
  tail: string;
}

/** A place that was read to: `end` in `bytes` is `offset` of the file. */
export function placeAt(bytes: Buffer, end: number, offset: number): ReadPlace {
  return { offset, tail: hashBytes(bytes.subarray(end - seamBytes(offset), end)) };
}

/** How many bytes before `offset` a seam compares. */
export function seamBytes(offset: number): number {
  return Math.min(offset, TAIL_HASH_BYTES);
}

export function isAtPlace(place: Place, before: Buffer): boolean {
  return place.offset === 0 || place.tail === undefined || hashBytes(before) === place.tail;
}

/** Reads into `buffer`, the bytes of the file from `position` on, as much as there is or fits; undefined where it changed meanwhile. */
export class SeamedReads {
  readonly #files: FileAccess;
  readonly #seam = Buffer.allocUnsafe(TAIL_HASH_BYTES);

  constructor(files: FileAccess) {
    this.#files = files;
  }

  fill(fd: number, buffer: Buffer, position: number): number | undefined {
    // What follows the seam was given to nobody yet: it may be read anew, and the caller compares what lies before it.
    for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
      const filled = this.#fillOnce(fd, buffer, position);
      if (filled !== undefined) return filled;
    }
    return this.#fillOnce(fd, buffer, position);
  }

  #fillOnce(fd: number, buffer: Buffer, position: number): number | undefined {
    let filled = this.#files.read(fd, buffer, position);
    // A short read at the end of a file costs one more call; in its middle it would look like the end.
    while (filled > 0 && filled < buffer.length) {
      const known = filled;
      const more = this.#readOn(fd, buffer, position, filled);
      if (more === undefined) return undefined;
      filled = more;
      if (filled === known) break;
    }
    return filled;
  }

  /** The same, where the bytes of `before` lie directly before the first byte wanted and are read again. */
  fillBehind(fd: number, buffer: Buffer, position: number, before: Buffer): number | undefined {
    const filled = this.fill(fd, buffer, position);
    return filled === undefined || !buffer.subarray(0, filled).subarray(0, before.length).equals(before) ? undefined : filled;
  }

  /** How far the buffer is filled then. */
  #readOn(fd: number, buffer: Buffer, position: number, filled: number): number | undefined {
    const before = seamBytes(filled);
    const from = filled - before;
    const seam = this.#seam.subarray(0, before);
    buffer.copy(seam, 0, from, filled);
    let read = 0;
    do {
      const count = this.#files.read(fd, buffer.subarray(from + read), position + from + read);
      if (count === 0) break;
      read += count;
    } while (read < before);
    return read >= before && buffer.subarray(from, filled).equals(seam) ? from + read : undefined;
  }
}
