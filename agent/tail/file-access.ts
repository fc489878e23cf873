/**
 * What the tailer asks of the file system, as a parameter: a test can count
 * the calls or make one fail. All calls are synchronous: on 10,000 files that
 * costs a tenth of the CPU of the promise variants.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync, type Dirent, type Stats } from 'node:fs';

export interface FileStat {
  dev: number;
  ino: number;
  size: number;
  mtimeMs: number;
  /** Null where the file system does not tell. */
  birthMs: number | null;
  isFile: boolean;
  isDirectory: boolean;
}

export interface DirectoryEntry {
  name: string;
  /** A symbolic link is neither. */
  isFile: boolean;
  isDirectory: boolean;
  isSymbolicLink: boolean;
}

/** Each call throws Node's system errors (`code` `ENOENT`, `EACCES`, …). */
export interface FileAccess {
  stat(path: string): FileStat;
  readDirectory(path: string): DirectoryEntry[];
  open(path: string): number;
  fstat(fd: number): FileStat;
  /** Reads into `buffer` from `position` of the file; returns how many bytes there were. */
  read(fd: number, buffer: Buffer, position: number): number;
  close(fd: number): void;
}

function toFileStat(stats: Stats): FileStat {
  return {
    dev: stats.dev,
    ino: stats.ino,
    size: stats.size,
    mtimeMs: stats.mtimeMs,
    birthMs: stats.birthtimeMs > 0 ? Math.floor(stats.birthtimeMs) : null,
    isFile: stats.isFile(),
    isDirectory: stats.isDirectory(),
  };
}

function toEntry(entry: Dirent): DirectoryEntry {
  return {
    name: entry.name,
    isFile: entry.isFile(),
    isDirectory: entry.isDirectory(),
    isSymbolicLink: entry.isSymbolicLink(),
  };
}

export const systemFiles: FileAccess = {
  stat: (path) => toFileStat(statSync(path)),
  readDirectory: (path) => readdirSync(path, { withFileTypes: true }).map(toEntry),
  // A pipe in the place of a log would otherwise wait for a writer, and everything with it.
  open: (path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
  fstat: (fd) => toFileStat(fstatSync(fd)),
  read: (fd, buffer, position) => readSync(fd, buffer, 0, buffer.length, position),
  close: (fd) => closeSync(fd),
};
