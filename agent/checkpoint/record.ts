/**
 * One line of a checkpoint file: the state of one generation, or that it is no
 * more, behind a CRC-32 of its text. Versioned by the file's first line.
 */
import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { parseGeneration, type Generation } from '../../shared/ids.ts';

export const CHECKPOINT_VERSION = 1;

const offset = z.number().int().min(0);
const generation = z.string().transform((text, context): Generation => {
  const gen = parseGeneration(text);
  if (gen !== undefined) return gen;
  context.addIssue({ code: 'custom', message: 'not a generation' });
  return z.NEVER;
});

const recordSchema = z.object({
  gen: generation,
  path: z.string(),
  dev: z.number(),
  ino: z.number(),
  birth_ms: z.number().nullable(),
  /** Acknowledged, with the hash of the ≤ 256 bytes before. */
  offset,
  tail: z.string(),
  /** The extractor's carry-over at `offset`, as JSON text. */
  carry: z.string().nullable(),
  prefix_bytes: offset,
  prefix_hash: z.string(),
  /** As of the look before the last read: a file that still has them was not written since. */
  size: offset,
  mtime_ms: z.number(),
  /** No newline in `[offset, scanned_to)`. */
  scanned_to: offset,
  vanished_at: z.number().nullable(),
  /** When `offset` moved last; older records do not say. */
  acked_at: z.number().nullable().default(null),
  replace_until: offset,
  last_timestamp: z.string(),
});
export type CheckpointRecord = z.infer<typeof recordSchema>;

const lineSchema = z.union([
  z.object({ n: z.number(), put: recordSchema }),
  z.object({ n: z.number(), drop: generation }),
  /** First line of each file; a journal's `n` counts from its snapshot's. */
  z.object({ n: z.number(), version: z.literal(CHECKPOINT_VERSION) }),
  /** Last line of a snapshot: how many records it holds. */
  z.object({ n: z.number(), count: z.number() }),
]);
/** `n` grows by one with each line ever written: what a snapshot holds already is not applied again. */
export type CheckpointLine = z.infer<typeof lineSchema>;

export function encodeLine(line: CheckpointLine): string {
  const json = JSON.stringify(line);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** Undefined for a torn, damaged or newer line. */
export function decodeLine(text: string): CheckpointLine | undefined {
  const json = text.slice(9);
  if (text[8] !== ' ' || Number.parseInt(text.slice(0, 8), 16) !== crc32(json)) return undefined;
  try {
    const parsed = lineSchema.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
