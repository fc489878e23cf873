import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { openRegular } from './regular-file.ts';

/** SHA-256 of the first `size` bytes of each, one after the other; null where a file has fewer or can not be read. */
export async function hashFiles(files: readonly { path: string | undefined; size: number }[]): Promise<(string | null)[]> {
  const hashes: (string | null)[] = [];
  for (const { path, size } of files) hashes.push(path === undefined ? null : await hashFile(path, size));
  return hashes;
}

/** Of one. */
export async function hashFile(path: string, size: number): Promise<string | null> {
  const open = openRegular(path);
  if (open === undefined) return null;
  const hash = createHash('sha256');
  let read = 0;
  try {
    // `end` is the last byte that is read.
    if (size > 0) {
      for await (const bytes of createReadStream('', { fd: open.fd, autoClose: false, start: 0, end: size - 1 }) as AsyncIterable<Buffer>) {
        hash.update(bytes);
        read += bytes.length;
      }
    }
    return read === size ? hash.digest('hex') : null;
  } catch {
    return null;
  } finally {
    open.close();
  }
}
