/** Files as they come, beside where they will lie: whole, with the sum that was announced. On disk they are when they are put in place. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { writeFully } from '../../shared/atomic-file.ts';
import { TtError } from '../../shared/errors.ts';
import { REQUEST_BYTES, type HandoverRequest } from '../../shared/protocol/handover.ts';
import { changeLine, type LineChange } from '../../shared/session-file/entry-line.ts';
import { eachLineToEnd } from '../../shared/session-file/file-lines.ts';
import { createFile } from './safe-files.ts';

/** Bytes of a stream, in the order in which they are asked for. */
export interface ByteStream {
  /** Up to the first newline, without it. Throws `cut_off` or `protocol`. */
  line(): Promise<string>;
  /** Exactly so many. */
  bytes(count: number, take: (chunk: Buffer) => void): Promise<void>;
}

export function readBytes(input: Readable): ByteStream {
  const chunks = input[Symbol.asyncIterator]();
  let rest = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const next: IteratorResult<unknown, unknown> = await chunks.next();
    if (next.done === true) throw new TtError('cut_off', 'what was sent ended before its end', { hint: 'do it again; nothing was changed', retryable: true });
    rest = Buffer.concat([rest, Buffer.isBuffer(next.value) ? next.value : Buffer.from(String(next.value))]);
  };
  return {
    async line() {
      for (;;) {
        const end = rest.indexOf(10);
        if (end > REQUEST_BYTES || (end === -1 && rest.length > REQUEST_BYTES)) throw new TtError('protocol', 'a request of that size is none', { hint: 'bring both sides to the same version' });
        if (end !== -1) {
          const text = rest.toString('utf8', 0, end);
          rest = rest.subarray(end + 1);
          return text;
        }
        await more();
      }
    },
    async bytes(count, take) {
      for (let left = count; left > 0;) {
        if (rest.length === 0) await more();
        const chunk = rest.subarray(0, left);
        take(chunk);
        left -= chunk.length;
        rest = rest.subarray(chunk.length);
      }
    },
  };
}

/** Name of the file → where it lies meanwhile. */
export type Staged = ReadonlyMap<string, string>;

export async function stageFiles({ files }: HandoverRequest, directory: string, { input, change }: { input: ByteStream; change: LineChange }): Promise<Staged> {
  const staged = new Map<string, string>();
  for (const [index, { name, bytes, sha256 }] of files.entries()) {
    const path = join(directory, `${index}.part`);
    const fd = createFile(path);
    try {
      const hash = createHash('sha256');
      await input.bytes(bytes, (chunk) => {
        hash.update(chunk);
        writeFully(fd, chunk);
      });
      if (hash.digest('hex') !== sha256) throw new TtError('damaged', `${name} did not arrive as it was sent`, { hint: 'do it again; nothing was changed', retryable: true });
    } finally {
      closeSync(fd);
    }
    staged.set(name, name.endsWith('.jsonl') ? rewritten(path, change) : path);
  }
  return staged;
}

/** Whole lines only: half a line at the end is taken where it is one but for its newline. */
export function rewritten(path: string, change: LineChange): string {
  const to = `${path}.lines`;
  const from = openSync(path, 'r');
  const fd = createFile(to);
  try {
    const { size } = fstatSync(from);
    const put = (line: Buffer): void => writeFully(fd, Buffer.concat([changeLine(line, change), Buffer.from('\n')]));
    eachLineToEnd(from, { from: 0, until: size }, put);
  } finally {
    closeSync(from);
    closeSync(fd);
  }
  rmSync(path);
  return to;
}
