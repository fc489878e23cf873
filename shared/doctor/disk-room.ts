/** Room on the disk of a directory; of the nearest one above that exists. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { bytesWords } from '../status-words.ts';
import { fail, ok, warn, type Check } from './check.ts';

export interface DiskRoom {
  directory: string;
  freeBytes: number;
  totalBytes: number;
}

const LITTLE_BYTES = 2 * 1024 ** 3;
const NONE_BYTES = 200 * 1024 ** 2;

export function readRoom(directory: string): DiskRoom {
  let existing = directory;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, blocks, bsize } = statfsSync(existing);
  return { directory, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** `neededBytes`: what the largest work there (writing the database anew) takes at once. */
export function judgeRoom({ directory, freeBytes }: Pick<DiskRoom, 'directory' | 'freeBytes'>, neededBytes = 0): Check[] {
  const room = `${bytesWords(freeBytes)} free at ${directory}`;
  if (freeBytes < NONE_BYTES) return [fail('disk', room, 'make room: what can not be written waits, and is kept, on its machine')];
  if (freeBytes < Math.max(LITTLE_BYTES, neededBytes)) {
    return [warn('disk', room, neededBytes > freeBytes ? `make room: writing the database anew takes ${bytesWords(neededBytes)}` : 'make room')];
  }
  return [ok('disk', room)];
}
