/**
 * Is this still the file whose bytes were read? Decided by its content: device,
 * inode and birth time are only hints (ext4 gives the inode of a deleted file to
 * the next one created).
 *
 * Limit: bytes changed in place, behind the first KiB and before the last 256
 * bytes read, with nothing moved, are not noticed.
 */
import { randomBytes } from 'node:crypto';
import { TtError } from '../../shared/errors.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';
import { PREFIX_HASH_BYTES, TAIL_HASH_BYTES } from '../../shared/limits.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import type { Witness } from '../checkpoint/positions.ts';
import type { FileAccess } from './file-access.ts';
import type { PrefixHash, TailedFile } from './tailed-file.ts';

export function mintGeneration(): Generation {
  const gen = parseGeneration(randomBytes(16).toString('hex'));
  if (gen === undefined) throw new TtError('generation_invalid', 'random bytes did not print as a generation', { hint: 'report this' });
  return gen;
}

/** False: certainly not one life of one inode. Not every file system tells. */
export function isSameBirth(a: { birthMs: number | null }, b: { birthMs: number | null }): boolean {
  return a.birthMs === b.birthMs || a.birthMs === null || b.birthMs === null;
}

/** Reads exactly `[from, to)`; undefined when the file is shorter. */
export function readRange(files: FileAccess, fd: number, from: number, to: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(to - from);
  let filled = 0;
  while (filled < bytes.length) {
    const count = files.read(fd, bytes.subarray(filled), from + filled);
    if (count === 0) return undefined;
    filled += count;
  }
  return bytes;
}

/** Hash of the ≤ 256 bytes before `offset`; undefined when the file is shorter. */
export function readTailHash(files: FileAccess, fd: number, offset: number): string | undefined {
  const bytes = readRange(files, fd, Math.max(0, offset - TAIL_HASH_BYTES), offset);
  return bytes === undefined ? undefined : hashBytes(bytes);
}

/** Cheap check, before each read. */
export function hasSameTail(files: FileAccess, fd: number, file: TailedFile): boolean {
  const { offset, tail } = file.positions.cursor;
  const { stored, positions } = file;
  return (offset === 0 || readTailHash(files, fd, offset) === tail) && hasWitness(files, fd, file, stored) && hasWitness(files, fd, file, positions.reached);
}

/** Cut or written anew while the cursor is behind what was sent or stored, it would go on under a name that stands for other bytes. */
function hasWitness(files: FileAccess, fd: number, { positions, presence }: TailedFile, witness: Witness | null): boolean {
  if (witness === null || witness.offset <= positions.cursor.offset) return true;
  const tail = readTailHash(files, fd, witness.offset);
  // What is kept of a file that is gone may be shorter.
  return tail === undefined ? presence !== 'present' : tail === witness.tail;
}

/** False also where the file is shorter than what is compared. */
export function hasSamePrefix(files: FileAccess, fd: number, prefix: PrefixHash): boolean {
  if (prefix.bytes === 0) return true;
  const bytes = readRange(files, fd, 0, prefix.bytes);
  return bytes !== undefined && hashBytes(bytes) === prefix.hash;
}

/** Full check: at open, when the inode changed, when a vanished file seems to have come back. */
export function hasSameContent(files: FileAccess, fd: number, file: TailedFile): boolean {
  return hasSameTail(files, fd, file) && hasSamePrefix(files, fd, file.prefix);
}

/** Extends the prefix hash up to `offset`, at most 1 KiB. Keeps the shorter one when the bytes are gone. */
export function extendPrefix(files: FileAccess, fd: number, prefix: PrefixHash, offset: number): PrefixHash {
  const bytes = Math.min(PREFIX_HASH_BYTES, offset);
  if (bytes <= prefix.bytes) return prefix;
  const content = readRange(files, fd, 0, bytes);
  return content === undefined ? prefix : { bytes, hash: hashBytes(content) };
}
