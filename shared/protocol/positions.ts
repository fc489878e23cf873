import { createHash } from 'node:crypto';

/**
 * Digest of all `(gen, offset)` of a machine; equal digests mean that ledger and
 * checkpoints agree and no ledger needs to be sent. Order does not matter.
 */
export function positionsDigest(positions: Iterable<readonly [gen: string, offset: number]>): string {
  const hash = createHash('sha256');
  const lines: string[] = [];
  for (const [gen, offset] of positions) {
    // Offset 0 says nothing: a file that was only looked at is the same as one never seen.
    if (offset > 0) lines.push(`${gen}:${offset}\n`);
  }
  for (const line of lines.sort()) hash.update(line);
  return hash.digest('hex');
}

/** 64 bits of SHA-256 in hex: proves that bytes before an offset are the ones that were read. */
export function hashBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
