/**
 * Binary frames of kind 2: bytes of a file, as they are. Layout: the kind, the
 * length of the header (2 bytes, big-endian), the header (JSON, UTF-8), the bytes.
 */
import { brotliDecompressSync } from 'node:zlib';
import * as z from 'zod';
import { ARCHIVE_CHUNK_BYTES } from '../limits.ts';
import { compressFrame } from './compression.ts';
import { BINARY_KINDS, type ChunkHeader } from './frames.ts';

export interface Chunk {
  header: ChunkHeader;
  bytes: Buffer;
}

const HEADER_AT = 3;
const HEADER_BYTES = 4096;
/** Below this a header costs more than is saved. */
const MIN_COMPRESSED_BYTES = 512;

const headerSchema = z.looseObject({
  seq: z.number().int().min(1),
  name: z.string().max(4096),
  from: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  bytes: z.number().int().min(0).max(ARCHIVE_CHUNK_BYTES),
  mark: z.string().max(64),
  mtime: z.number().min(0).max(8.64e15),
  fresh: z.literal(true).optional(),
  brotli: z.literal(true).optional(),
});

export function encodeChunk(header: Omit<ChunkHeader, 'bytes' | 'brotli'>, bytes: Buffer, { mayCompress }: { mayCompress: boolean }): Buffer {
  const packed = mayCompress && bytes.length >= MIN_COMPRESSED_BYTES ? compressFrame(bytes).subarray(1) : bytes;
  const isShorter = packed.length < bytes.length;
  const text = Buffer.from(JSON.stringify({ ...header, bytes: bytes.length, ...(isShorter ? { brotli: true } : {}) }));
  const start = Buffer.alloc(HEADER_AT);
  start.writeUInt8(BINARY_KINDS.chunk);
  start.writeUInt16BE(text.length, 1);
  return Buffer.concat([start, text, isShorter ? packed : bytes]);
}

export type DecodedChunk = { ok: true; chunk: Chunk } | { ok: false; reason: string };

/** Never more bytes than a chunk may have, whatever it was compressed from. */
export function decodeChunk(frame: Buffer): DecodedChunk {
  if (frame.length < HEADER_AT) return { ok: false, reason: 'a chunk without a header' };
  const bodyAt = HEADER_AT + frame.readUInt16BE(1);
  if (bodyAt > frame.length || bodyAt > HEADER_AT + HEADER_BYTES) return { ok: false, reason: 'a header that does not fit its chunk' };
  const parsed = parseHeader(frame.toString('utf8', HEADER_AT, bodyAt));
  if (!parsed.success) return { ok: false, reason: 'a chunk with a header that says nothing' };
  const header = parsed.data as ChunkHeader;
  const bytes = unpacked(frame.subarray(bodyAt), header);
  return bytes?.length === header.bytes ? { ok: true, chunk: { header, bytes } } : { ok: false, reason: 'a chunk with other bytes than its header says' };
}

function parseHeader(text: string): ReturnType<typeof headerSchema.safeParse> {
  try {
    return headerSchema.safeParse(JSON.parse(text));
  } catch {
    return headerSchema.safeParse(undefined);
  }
}

function unpacked(body: Buffer, { brotli, bytes }: ChunkHeader): Buffer | undefined {
  if (brotli !== true) return body;
  try {
    return brotliDecompressSync(body, { maxOutputLength: Math.max(1, bytes) });
  } catch {
    return undefined;
  }
}
