/**
 * Puts one file where it belongs, so that nothing that was there is lost: whole
 * or not at all, what it replaces kept, and what somebody wrote to the replaced
 * file at the last moment taken over.
 */
import { closeSync, constants, fstatSync, fsyncSync, linkSync, openSync, readSync, renameSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncDirectory, syncFile, writeFully } from '../../shared/atomic-file.ts';
import { systemCode, TtError } from '../../shared/errors.ts';
import { openIfThere } from '../../shared/regular-file.ts';
import { eachLineToEnd, lineFact, readLines, type FileLine } from '../../shared/session-file/file-lines.ts';
import { identityOf, planMerge, type MergePlan } from '../../shared/session-file/merge.ts';
import { createFile, entryAt, keepFile } from './safe-files.ts';

export interface LandingDeps {
  /** What is replaced is kept below it, under its name. */
  replacedDir: string;
  nowMs: number;
  /** `rename(2)`: replaced by tests that write at the worst moment. */
  rename(from: string, to: string): void;
}

/** Written so lately that somebody may be at it. */
export const QUIET_MS = 60_000;

/** An open file of a session as it was read, to its last whole line; the last one may lack its newline. */
export interface ReadFile {
  path: string;
  fd: number;
  stats: Stats;
  lines: FileLine[];
  /** Behind the last whole line and its newline. */
  end: number;
}

/** The caller closes `fd`. Undefined: there is none. Throws `just_changed`, `not_a_file`. */
export function readHeld(path: string, nowMs: number): ReadFile | undefined {
  const open = openIfThere(path);
  if (open === undefined) return undefined;
  const { fd, stat: stats } = open;
  try {
    if (nowMs - stats.mtimeMs < QUIET_MS) throw justChanged(path);
    const lines: FileLine[] = [];
    const end = eachLineToEnd(fd, { from: 0, until: stats.size }, (line, start) => void lines.push(lineFact(line, start)));
    return { path, fd, stats, lines, end };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Throws `just_changed`, `not_a_file`. */
export function refuseRestless(path: string, nowMs: number): void {
  const open = openIfThere(path);
  open?.close();
  if (open && nowMs - open.stat.mtimeMs < QUIET_MS) throw justChanged(path);
}

export function planFor(held: ReadFile, offered: string): MergePlan {
  const fd = openSync(offered, 'r');
  try {
    return planMerge(held.lines, readLines(fd, fstatSync(fd).size));
  } finally {
    closeSync(fd);
  }
}

/** A name that nothing has; the caller syncs its directory. `offered` is left where it is. Throws `just_changed` where something has it by now. */
export function putNew(path: string, offered: string): void {
  syncFile(offered);
  try {
    linkSync(offered, path);
  } catch (error) {
    // Where the disk has no links, a look before the rename has to do.
    if (systemCode(error) === 'EEXIST' || entryAt(path) !== undefined) throw justChanged(path);
    renameSync(offered, path);
  }
}

export interface Replaced {
  /** Where the file of before is kept. */
  keptAs: string;
  lateLines: number;
}

/** `offered` takes the place of `held`. Throws `just_changed` while nothing has happened yet. */
export function replaceHeld(held: ReadFile, offered: string, { replacedDir, rename }: Pick<LandingDeps, 'replacedDir' | 'rename'>): Replaced {
  const { path, fd, stats } = held;
  syncFile(offered);
  const [now, open] = [entryAt(path), fstatSync(fd)];
  if (now?.ino !== stats.ino || now.dev !== stats.dev || open.size !== stats.size || open.mtimeMs !== stats.mtimeMs) throw justChanged(path);
  const keptAs = join(replacedDir, path.slice(dirname(path).length + 1));
  keepFile(path, keptAs);
  rename(offered, path);
  syncDirectory(dirname(path));
  return { keptAs, lateLines: takeOver(held, path) };
}

/** Lines that came to the old file after it was read: whoever had it open, or was about to, wrote there. */
function takeOver({ fd, end }: ReadFile, path: string): number {
  const { size } = fstatSync(fd);
  if (size <= end) return 0;
  const to = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW);
  try {
    const known = new Set(readLines(to, fstatSync(to).size).map(identityOf));
    const late: Buffer[] = [];
    eachLineToEnd(fd, { from: end, until: size }, (line) => {
      // The newline that the last line lacked.
      if (line.length > 0 && !known.has(identityOf(lineFact(line, 0)))) late.push(Buffer.concat([line, Buffer.from('\n')]));
    });
    if (late.length > 0) writeFully(to, Buffer.concat(late));
    fsyncSync(to);
    return late.length;
  } finally {
    closeSync(to);
  }
}

/** `offered` with the lines of `held` that a plan carries over; on disk when it returns. */
export function mergedFile(held: ReadFile, offered: string, { carry, before }: Extract<MergePlan, { kind: 'take' }>): string {
  if (carry.length === 0) return offered;
  const to = `${offered}.merged`;
  const [from, fd] = [openSync(offered, 'r'), createFile(to)];
  try {
    const lines = readLines(from, fstatSync(from).size);
    const at = lines[before]?.start ?? fstatSync(from).size;
    copyRange(from, fd, 0, at);
    for (const index of carry) {
      const line = held.lines[index];
      if (!line) continue;
      copyRange(held.fd, fd, line.start, line.end);
      writeFully(fd, Buffer.from('\n'));
    }
    copyRange(from, fd, at, fstatSync(from).size);
    fsyncSync(fd);
    return to;
  } finally {
    closeSync(from);
    closeSync(fd);
  }
}

/** What a file that is open has up to `end`, as a file of its own; of lines, each with its newline. */
export function copyHeld({ path, fd, end, lines, stats }: ReadFile, to: string): void {
  const copy = createFile(to);
  try {
    copyRange(fd, copy, 0, path.endsWith('.jsonl') ? end : stats.size);
    if (path.endsWith('.jsonl') && lines.at(-1)?.end === end) writeFully(copy, Buffer.from('\n'));
    fsyncSync(copy);
  } finally {
    closeSync(copy);
  }
}

const COPY_BYTES = 1024 * 1024;

function copyRange(from: number, to: number, start: number, end: number): void {
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  for (let at = start; at < end;) {
    const read = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at);
    if (read === 0) throw new TtError('cut_off', 'a file became shorter while it was read', { hint: 'do it again', retryable: true });
    writeFully(to, buffer.subarray(0, read));
    at += read;
  }
}

export function justChanged(path: string): TtError {
  return new TtError('just_changed', `${path} was written to within the last minute`, { hint: 'end the session there, wait a minute, then do this again; nothing was changed', retryable: true });
}

export const renameFile: LandingDeps['rename'] = (from, to) => renameSync(from, to);
