/** Opens regular files only, never through a link in the last part, never one that blocks. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { systemCode, TtError } from './errors.ts';

export interface OpenFile {
  fd: number;
  stat: Stats;
  close(): void;
}

/** A link, and a socket. */
const NO_FILE: ReadonlySet<string> = new Set(['ELOOP', 'ENXIO']);

/** Undefined: there is none. Throws `not_a_file` where it is no regular file, and what the system says. */
export function openIfThere(path: string): OpenFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'ENOENT') return undefined;
    throw NO_FILE.has(code) ? notAFile(path) : error;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, stat, close: () => closeSync(fd) };
  closeSync(fd);
  throw notAFile(path);
}

/** Undefined where it can not be read, or is no regular file. */
export function openRegular(path: string): OpenFile | undefined {
  try {
    return openIfThere(path);
  } catch {
    return undefined;
  }
}

export function notAFile(path: string): TtError {
  return new TtError('not_a_file', `${path} is a link or no regular file`, { hint: 'look at what it is: nothing is read or written through a link' });
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

/** Something has that name, be it a link that leads nowhere. False also where nobody can tell. */
export function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
