/**
 * Bytes that gave nothing: kept in `bad/`, counted, never in the way. A ring of
 * two files, 64 MiB together: the older half goes when the newer one is full.
 */
import { appendFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateDirectory, PRIVATE_FILE_MODE } from '../../shared/atomic-file.ts';
import { messageOf } from '../../shared/errors.ts';
import { BAD_LINE_HEAD_BYTES, BAD_RING_BYTES } from '../../shared/limits.ts';

/** One line of `bad/current.jsonl` or `bad/previous.jsonl`. */
export interface BadLine {
  gen: string;
  path: string;
  offset: number;
  length: number;
  /** SHA-256 of all its bytes, hex. */
  hash: string;
  reason: string;
  /** At most the first 4 KiB. */
  head: Uint8Array;
}

export interface BadLines {
  record(line: BadLine): void;
  /** All that are in the ring or were put there since the start. */
  readonly count: number;
  /** Why the ring could not be written, in words. */
  readonly problem: string | null;
}

const RECORD_VERSION = 1;
const NEWLINE = 10;

export function openBadLines(directory: string, options: { ringBytes: number } = { ringBytes: BAD_RING_BYTES }): BadLines {
  const current = join(directory, 'current.jsonl');
  const previous = join(directory, 'previous.jsonl');
  let problem: string | null = null;
  const begun = measure(current);
  let count = begun.lines + measure(previous).lines;
  let currentBytes = begun.bytes;

  function append(text: string): void {
    if (currentBytes + text.length > options.ringBytes / 2) {
      if (currentBytes > 0) renameSync(current, previous);
      currentBytes = 0;
    }
    makePrivateDirectory(directory);
    appendFileSync(current, text, { mode: PRIVATE_FILE_MODE });
    currentBytes += text.length;
  }

  function record({ head, ...line }: BadLine): void {
    count += 1;
    const kept = Buffer.from(head.subarray(0, BAD_LINE_HEAD_BYTES)).toString('base64');
    try {
      append(`${JSON.stringify({ v: RECORD_VERSION, ...line, head: kept })}\n`);
      problem = null;
    } catch (error) {
      problem = `cannot keep bad lines in ${directory}: ${messageOf(error)}`;
    }
  }

  return {
    record,
    get count() {
      return count;
    },
    get problem() {
      return problem;
    },
  };
}

/** Bytes and lines of one file of the ring. The ring is no reason not to start: what cannot be read counts as empty. */
function measure(path: string): { bytes: number; lines: number } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return { bytes: 0, lines: 0 };
  }
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return { bytes: bytes.length, lines };
}
