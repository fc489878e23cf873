/** Reads one file of the registry, and nothing else that may lie beside it (`*.key` files hold secrets). */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { systemCode } from '../../shared/errors.ts';

const NAME = /^\d{1,10}\.json$/;
/** Real ones have less than one KiB. */
const FILE_BYTES = 64 * 1024;

export function isRegistryName(name: string): boolean {
  return NAME.test(name);
}

export interface RegistryFile {
  /** Undefined for what is no file, is too large or can not be read: nothing that parses. */
  text: string | undefined;
  /** Equal stamps of a file that has rested: nothing was written in between. */
  stamp: string;
  modifiedAtMs: number;
}

/** Without opening it; undefined when there is nothing. */
export function stampOf(path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : printStamp(stats);
}

function printStamp({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

/** Undefined when there is no such file. Never waits, whatever lies there: neither a pipe nor a link is followed. */
export function readRegistryFile(path: string): RegistryFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? undefined : { text: undefined, stamp: '', modifiedAtMs: 0 };
  }
  try {
    const stats = fstatSync(fd);
    const stamp = printStamp(stats);
    if (!stats.isFile() || stats.size > FILE_BYTES) return { text: undefined, stamp, modifiedAtMs: stats.mtimeMs };
    const buffer = Buffer.alloc(stats.size);
    const read = readSync(fd, buffer, 0, buffer.length, 0);
    return { text: buffer.toString('utf8', 0, read), stamp, modifiedAtMs: stats.mtimeMs };
  } finally {
    closeSync(fd);
  }
}
