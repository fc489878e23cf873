/**
 * The archived files of one machine, `archive/<machine_id>/projects/…`, under the
 * names that they have there. Nothing below the archive is ever opened through a
 * link, and nothing but regular files is.
 *
 * Guarantee: bytes that are archived under a name stay, under that name or, when
 * the file was written anew, under one of a previous content beside it.
 */
import {
  closeSync, constants, fstatSync, ftruncateSync, futimesSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync, type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isSameInSession, previousName, type ArchiveName } from '../../shared/archive-name.ts';
import { PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE, writeFully } from '../../shared/atomic-file.ts';
import { systemCode, TtError } from '../../shared/errors.ts';
import type { MachineId } from '../../shared/ids.ts';
import { ARCHIVE_PREVIOUS_FILES } from '../../shared/limits.ts';
import { markOf } from '../../shared/protocol/archive-mark.ts';
import type { Chunk } from '../../shared/protocol/chunk.ts';
import { readAt } from '../../shared/regular-file.ts';

/** Claude Code's own name for the directory of its sessions. */
export const PROJECTS = 'projects';

export function projectsOf(archiveDir: string, machineId: string): string {
  return join(archiveDir, machineId, PROJECTS);
}

/** Written, and not on disk before `fd` and the directories of `touched` are synced. */
export interface Appended {
  name: string;
  fd: number;
  /** Where it ended before. */
  from: number;
}

export interface Held {
  size: number;
  /** How many of the first bytes the mark is over. */
  at: number;
  mark: string;
}

export class MachineArchive {
  readonly #archiveDir: string;
  readonly #projects: string;
  /** Directories with names that are not on disk yet. */
  readonly touched = new Set<string>();

  constructor(archiveDir: string, machineId: MachineId) {
    this.#archiveDir = archiveDir;
    this.#projects = projectsOf(archiveDir, machineId);
  }

  /** What is archived of a file that has `size` bytes there. Throws `archive_unsafe` and what the system says. */
  held(name: ArchiveName, size: number): Held {
    const fd = this.#open(name, constants.O_RDONLY);
    if (fd === undefined) return { size: 0, at: 0, mark: markAt(0, () => Buffer.of()) };
    try {
      const held = regular(fd, name).size;
      const at = Math.min(held, size);
      return { size: held, at, mark: markAt(at, (from, length) => readAt(fd, from, length)) };
    } finally {
      closeSync(fd);
    }
  }

  /** The file has another project's directory now. Nothing happens where something has the new name, or nothing the old one. */
  rename(was: ArchiveName, name: ArchiveName): void {
    if (!isSameInSession(was, name)) return;
    const from = this.#pathOf(was);
    if (!isRegular(from) || !this.#isSafe(dirname(from))) return;
    const to = this.#pathOf(name);
    if (entryAt(to) !== undefined) return;
    this.#make(dirname(to));
    renameSync(from, to);
    this.touched.add(dirname(from)).add(dirname(to));
  }

  /** The caller syncs, and closes `fd`. Throws `archive_unsafe` and what the system says; then nothing of it is there. */
  append(name: ArchiveName, { header, bytes }: Chunk): Appended | 'differs' | 'too_many_previous' {
    const path = this.#pathOf(name);
    this.#make(dirname(path));
    if (header.fresh === true) {
      if (header.from !== 0) return 'differs';
      if (!this.#putAside(path)) return 'too_many_previous';
    }
    const fd = this.#openForWriting(name, path);
    try {
      const { size } = regular(fd, name);
      if (size !== header.from || markAt(size, (from, length) => readAt(fd, from, length)) !== header.mark) {
        closeSync(fd);
        return 'differs';
      }
      extend(fd, size, bytes);
      futimesSync(fd, header.mtime / 1000, header.mtime / 1000);
      return { name: name.name, fd, from: size };
    } catch (error) {
      closeQuietly(fd);
      throw error;
    }
  }

  /** What is archived under this name becomes a previous content. False: there are too many already. */
  putAside(name: ArchiveName): boolean {
    const path = this.#pathOf(name);
    return !this.#isSafe(dirname(path)) || this.#putAside(path);
  }

  #putAside(path: string): boolean {
    const stat = entryAt(path);
    if (stat === undefined || stat.size === 0) return true;
    if (!stat.isFile()) throw unsafe(path);
    const directory = dirname(path);
    const file = path.slice(directory.length + 1);
    const names = new Set(readdirSync(directory).filter((name) => name.startsWith(`${file}.before-`)));
    if (names.size >= ARCHIVE_PREVIOUS_FILES) return false;
    // Named by when its bytes came: a clock that jumped back must not give one name twice.
    let again = 0;
    while (names.has(previousName(file, stat.ctime, again))) again += 1;
    renameSync(path, join(directory, previousName(file, stat.ctime, again)));
    this.touched.add(directory);
    return true;
  }

  #pathOf({ parts }: ArchiveName): string {
    return join(this.#projects, ...parts);
  }

  #open(name: ArchiveName, flags: number): number | undefined {
    const path = this.#pathOf(name);
    if (!this.#isSafe(dirname(path))) return undefined;
    try {
      return openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw systemCode(error) === 'ELOOP' ? unsafe(path) : error;
    }
  }

  #openForWriting(name: ArchiveName, path: string): number {
    const existing = this.#open(name, constants.O_RDWR | constants.O_APPEND);
    if (existing !== undefined) return existing;
    this.touched.add(dirname(path));
    return openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, PRIVATE_FILE_MODE);
  }

  /** Directories from the archive's own down to this one, none of them a link. False: some are not there. */
  #isSafe(directory: string): boolean {
    return this.#steps(directory).every((step) => {
      const stat = entryAt(step);
      if (stat !== undefined && !stat.isDirectory()) throw unsafe(step);
      return stat !== undefined;
    });
  }

  #make(directory: string): void {
    for (const step of this.#steps(directory)) {
      const stat = entryAt(step);
      if (stat?.isDirectory()) continue;
      if (stat !== undefined) throw unsafe(step);
      mkdirSync(step, { mode: PRIVATE_DIRECTORY_MODE });
      this.touched.add(dirname(step)).add(step);
    }
  }

  #steps(directory: string): string[] {
    const below = directory.slice(this.#archiveDir.length + 1).split('/');
    return [this.#archiveDir, ...below.map((_part, index) => join(this.#archiveDir, ...below.slice(0, index + 1)))];
  }
}

/** All of it or nothing. */
function extend(fd: number, size: number, bytes: Buffer): void {
  try {
    writeFully(fd, bytes);
  } catch (error) {
    ftruncateSync(fd, size);
    throw error;
  }
}

function markAt(size: number, read: (from: number, length: number) => Buffer): string {
  // Only this program writes these files; one that ends within its own size has no mark that could be right.
  return markOf(size, read) ?? '';
}

function regular(fd: number, { name }: ArchiveName): Stats {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw unsafe(name);
  return stat;
}

/** Undefined where there is nothing. */
function entryAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isRegular(path: string): boolean {
  try {
    return entryAt(path)?.isFile() === true;
  } catch {
    return false;
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was closed before.
  }
}

function unsafe(path: string): TtError {
  return new TtError('archive_unsafe', `${path} in the archive is a link, or neither file nor directory`, {
    hint: 'tt made no such thing: look who did, move it away, then: tt archive verify',
  });
}
