/**
 * Files below one directory, none of them through a link. Limit: between a look
 * at a directory and its use another process of the same user could put a link
 * there; who can do that can write there anyway.
 */
import { constants, copyFileSync, lstatSync, linkSync, mkdirSync, openSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateDirectory, PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE, syncDirectory, syncFile } from '../../shared/atomic-file.ts';
import { systemCode } from '../../shared/errors.ts';
import { notAFile } from '../../shared/regular-file.ts';

/** Makes the directories of `parts` below `root`, which is real; those that are there must be directories themselves. */
export function makeDirectories(root: string, parts: readonly string[]): string {
  makePrivateDirectory(root);
  let path = root;
  for (const part of parts) {
    const parent = path;
    path = join(path, part);
    const stats = entryAt(path);
    if (stats === undefined) {
      mkdirSync(path, { mode: PRIVATE_DIRECTORY_MODE });
      syncDirectory(parent);
    } else if (!stats.isDirectory()) throw notAFile(path);
  }
  return path;
}

/** A new file that nobody else has. */
export function createFile(path: string): number {
  return openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW, PRIVATE_FILE_MODE);
}

export function entryAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Another name for the same file, or a copy where the disk is another. `to` must not be there. */
export function keepFile(path: string, to: string): void {
  makePrivateDirectory(dirname(to));
  try {
    linkSync(path, to);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw error;
    copyFileSync(path, to, constants.COPYFILE_EXCL);
    syncFile(to);
  }
  syncDirectory(dirname(to));
}

/** Removes what is older; names are `<prefix><ms since the epoch>-…`. */
export function removeOlder(directory: string, beforeMs: number, prefix = ''): void {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    const [, atMs] = name.startsWith(prefix) ? (/^(\d{13})-/.exec(name.slice(prefix.length)) ?? []) : [];
    if (atMs !== undefined && Number(atMs) < beforeMs) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
