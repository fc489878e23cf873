/** Opens regular files only, never through a link in the last part, never one that blocks. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

export interface OpenFile {
  fd: number;
  stat: Stats;
  close(): void;
}

/** Undefined where it can not be read, or is no regular file. */
export function openRegular(path: string): OpenFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, stat, close: () => closeSync(fd) };
  closeSync(fd);
  return undefined;
}

/** Fewer bytes where the file ends before. */
export function readAt(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const count = readSync(fd, buffer, got, length - got, from + got);
    if (count === 0) break;
    got += count;
  }
  return buffer.subarray(0, got);
}
