/**
 * What can be told of a batch frame without parsing a quarter megabyte:
 * `encodeBatch` writes `seq` and `lane` first.
 */
import { decompressFrame } from '../../shared/protocol/compression.ts';
import { BINARY_KINDS, type Lane } from '../../shared/protocol/frames.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import type { BatchJob } from './messages.ts';

const HEAD = /^\{"type":"batch","seq":(\d{1,15}),"lane":"(live|backfill)"/;
const HEAD_BYTES = 64;
/** A compressed frame does not tell its lane; a small one is what live lines give. */
const SMALL_COMPRESSED_BYTES = 4096;

/** The lane only orders work: a peer that lies about it changes the order of its own batches. */
export function laneOf(data: Buffer): Lane {
  if (data[0] === BINARY_KINDS.brotli) return data.length <= SMALL_COMPRESSED_BYTES ? 'live' : 'backfill';
  return HEAD.exec(data.toString('latin1', 0, HEAD_BYTES))?.[2] === 'live' ? 'live' : 'backfill';
}

/** A frame that was not compressed may have half of it; compressing must not be a way around. */
export const DECOMPRESSED_BYTES = 2 * WIRE_LIMITS.frameBytes;

const COMPRESSED_RATIO = 4;
const LEAST_COMPRESSED_BYTES = 64 * 1024;
const LEAST_BYTES = 1024;

/**
 * What a frame costs the writer, as bytes of text that cost as much. A few bytes
 * can be unpacked into 2 MiB, and an empty batch is looked at all the same: by
 * their length alone a peer could have minutes of work waiting.
 */
export function workBytes(length: number, isCompressed: boolean): number {
  return isCompressed ? Math.max(length * COMPRESSED_RATIO, LEAST_COMPRESSED_BYTES) : Math.max(length, LEAST_BYTES);
}

/** `seq` of a batch that was not taken; undefined where the frame is no batch at all. */
export function seqOf(job: Pick<BatchJob, 'bytes' | 'isCompressed'>): number | undefined {
  const data = Buffer.from(job.bytes);
  try {
    const text = job.isCompressed ? decompressFrame(data, DECOMPRESSED_BYTES) : data;
    const seq = HEAD.exec(text.toString('latin1', 0, HEAD_BYTES))?.[1];
    return seq === undefined ? undefined : Number(seq);
  } catch {
    return undefined;
  }
}
