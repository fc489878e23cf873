import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { BINARY_KINDS } from './frames.ts';

/**
 * A JSON frame as a binary frame of kind 1. Quality 1: 7.6 times smaller at
 * 700 MB/s (performance.md §4). Only for links that are not loopback.
 */
export function compressFrame(text: string | Uint8Array): Buffer {
  const compressed = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
  });
  return Buffer.concat([Buffer.of(BINARY_KINDS.brotli), compressed]);
}

/** Throws when the frame would grow past `limitBytes`: a few bytes must not become a gigabyte. */
export function decompressFrame(frame: Uint8Array, limitBytes: number): Buffer {
  return brotliDecompressSync(frame.subarray(1), { maxOutputLength: limitBytes });
}
