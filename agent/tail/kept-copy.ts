/**
 * A copy of what is not acknowledged of a file, for where it cannot be linked.
 * Bytes lie where they lie in the file, with a hole in front: whoever reads it
 * need not know. Limit: what is written and vanishes between two looks is not in it.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { PREFIX_HASH_BYTES, TAIL_HASH_BYTES } from '../../shared/limits.ts';
import { PRIVATE_FILE_MODE } from '../../shared/atomic-file.ts';

const CHUNK_BYTES = 256 * 1024;

export interface CopyRequest {
  /** The living file, which must have this inode, and its copy. */
  from: string;
  inode: { dev: number; ino: number };
  to: string;
  /** First byte that matters; what the content checks need before it is copied too. */
  since: number;
  /** At most so many bytes at once. */
  bytes: number;
}

/**
 * Extends the copy. `behind`: there is more to copy. `foreign`: the file is
 * another one, or its bytes are not those that were copied. Throws the system's
 * errors; what was copied before stays.
 */
export function extendCopy({ from, inode, to, since, bytes }: CopyRequest): 'whole' | 'behind' | 'foreign' {
  const source = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(source);
    if (!stat.isFile() || stat.ino !== inode.ino || stat.dev !== inode.dev) return 'foreign';
    const target = openSync(to, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, PRIVATE_FILE_MODE);
    try {
      return extend(source, target, { size: stat.size, since, bytes });
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

function extend(source: number, target: number, { size, since, bytes }: { size: number; since: number; bytes: number }): 'whole' | 'behind' | 'foreign' {
  let copied = fstatSync(target).size;
  if (copied === 0) {
    copied = Math.max(0, since - TAIL_HASH_BYTES);
    copyRange(source, target, 0, Math.min(PREFIX_HASH_BYTES, copied));
  } else if (size < copied || !hasSameEnd(source, target, copied)) return 'foreign';
  const end = Math.min(size, copied + bytes);
  return copyRange(source, target, copied, end) < size ? 'behind' : 'whole';
}

/** Are the bytes copied last those of the open file `source`? Throws the system's errors. */
export function isCopyOf(source: number, copy: string): boolean {
  const target = openSync(copy, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const copied = fstatSync(target).size;
    return fstatSync(source).size >= copied && hasSameEnd(source, target, copied);
  } finally {
    closeSync(target);
  }
}

function hasSameEnd(source: number, target: number, end: number): boolean {
  const start = Math.max(0, end - TAIL_HASH_BYTES);
  return read(source, start, end).equals(read(target, start, end));
}

/** Returns where it got to: a file may have shrunk meanwhile. */
function copyRange(source: number, target: number, from: number, to: number): number {
  for (let at = from; at < to;) {
    const chunk = read(source, at, Math.min(to, at + CHUNK_BYTES));
    if (chunk.length === 0) return to;
    for (let done = 0; done < chunk.length;) done += writeSync(target, chunk, done, chunk.length - done, at + done);
    at += chunk.length;
  }
  return to;
}

function read(fd: number, from: number, to: number): Buffer {
  const buffer = Buffer.allocUnsafe(to - from);
  return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from));
}
