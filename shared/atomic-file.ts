/**
 * Durable writes. A file appears whole or not at all, and a name that was
 * returned survives a power cut: temporary file, fsync, rename, fsync of the
 * directory. Limit: only as far as the disk honours fsync.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

export const PRIVATE_FILE_MODE = 0o600;
export const PRIVATE_DIRECTORY_MODE = 0o700;

/**
 * Makes `path` and what is missing above it. Step by step, because Node's own
 * recursive form never returns where a parent exists and takes no child (`/proc`).
 */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: PRIVATE_DIRECTORY_MODE });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || existsSync(parent)) throw error;
    makePrivateDirectory(parent);
    makePrivateDirectory(path);
  }
}

/** Makes what is in `path` durable. */
export function syncFile(path: string): void {
  sync(path);
}

/** Makes names in `directory` durable: a rename or a new file is only then on disk. */
export function syncDirectory(directory: string): void {
  sync(directory);
}

function sync(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Replaces `path` with `content`. On any failure the old file stays and nothing is left beside it. */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = PRIVATE_FILE_MODE): void {
  const directory = dirname(path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const fd = openSync(temporary, 'wx', mode);
    try {
      writeFully(fd, typeof content === 'string' ? Buffer.from(content) : content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(directory);
}

/** Replaces `path` for whoever reads it, whole or not at all. Not durable: for what is written again anyway. */
export function replaceFile(path: string, content: string, mode = PRIVATE_FILE_MODE): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** `write(2)` may take less than it was given (a disk that fills up): go on until all is taken or it throws. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

/** Content of a file, or `undefined` when it does not exist. Every other failure throws. */
export function readFileIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
