/**
 * Says of the first `size` bytes of a file that they are the same at both ends,
 * by what stands at their start and at their end. What was changed in the middle
 * alone is only found by comparing whole files (`tt archive verify`).
 */
import { PREFIX_HASH_BYTES, TAIL_HASH_BYTES } from '../limits.ts';
import { hashBytes } from './positions.ts';

/** `read` gives exactly these bytes, or fewer where the file ends; then there is no mark. */
export function markOf(size: number, read: (from: number, length: number) => Buffer): string | undefined {
  const head = read(0, Math.min(size, PREFIX_HASH_BYTES));
  const from = Math.max(0, size - TAIL_HASH_BYTES);
  const tail = read(from, size - from);
  if (head.length + tail.length !== Math.min(size, PREFIX_HASH_BYTES) + size - from) return undefined;
  return hashBytes(Buffer.concat([head, tail]));
}
