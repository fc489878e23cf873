/**
 * One look at one path: is there a file, is it the one we know, did it grow?
 * Events of the watcher are only hints about where to look; what counts is
 * `stat` against what was read. An unchanged file is not opened.
 */
import type { SourceKind } from '../extraction.ts';
import type { Departed } from './departed.ts';
import type { FileAccess, FileStat } from './file-access.ts';
import type { FileTable } from './file-table.ts';
import type { GapLog } from './gap-log.ts';
import { hasSameContent, hasSamePrefix, isSameBirth, mintGeneration, readTailHash } from './generation.ts';
import type { KeptFiles } from './kept-files.ts';
import type { Lanes } from './lanes.ts';
import type { Readers } from './readers.ts';
import { createTailedFile, scannedEnd, takenEnd, type TailedFile } from './tailed-file.ts';
import { isAbsence, unreadableWords, type Unreadable } from './unreadable.ts';

export interface LooksDeps {
  files: FileAccess;
  table: FileTable;
  lanes: Lanes;
  readers: Readers;
  kept: KeptFiles;
  gaps: GapLog;
  departed: Departed;
  unreadable: Unreadable;
  now(): number;
  /** Number of the full look that runs or ran last. */
  lookNumber(): number;
  /** Until the first full look has ended, what is found was there before us. */
  isFirstLook(): boolean;
  /** The record of this generation must be written again. */
  touched(file: TailedFile): void;
  /** `old` is no more; `replacement` takes its place. */
  dropped(old: TailedFile, replacement: TailedFile): void;
}

export interface Looks {
  /** How many looks found something changed. */
  readonly changes: number;
  /** True when something changed since the last look. What can be read waits in its lane then. */
  look(path: string, source: SourceKind): boolean;
  /** The content is not what was read: a new generation at 0. Bytes of the old one that nobody read are gone, but for the first `left` ones. */
  replaceGeneration(file: TailedFile, left?: number): TailedFile;
  /** The same, found by comparing bytes: the last look may have met the new content already. */
  contentChanged(file: TailedFile): TailedFile;
  /** The same content again, as another generation. */
  renewGeneration(file: TailedFile): TailedFile;
  vanish(file: TailedFile): void;
}

export function createLooks(deps: LooksDeps): Looks {
  return new FileLooks(deps);
}

class FileLooks implements Looks {
  readonly #deps: LooksDeps;
  #changes = 0;

  constructor(deps: LooksDeps) {
    this.#deps = deps;
  }

  get changes(): number {
    return this.#changes;
  }

  look(path: string, source: SourceKind): boolean {
    const hasChanged = this.#look(path, source);
    if (hasChanged) this.#changes += 1;
    return hasChanged;
  }

  #look(path: string, source: SourceKind): boolean {
    const known = this.#deps.table.byPath(path);
    // No object: of ten thousand looks nearly all find nothing.
    const size = known?.size;
    const mtimeMs = known?.mtimeMs;
    try {
      const stat = this.#deps.files.stat(path);
      if (!this.#deps.unreadable.isEmpty) this.#deps.unreadable.clear(path);
      if (!stat.isFile) return this.#left(known);
      const file = known === undefined ? this.#adopt(path, stat, source) : this.#update(known, path, stat, source);
      if (file === undefined) return false;
      file.lookNumber = this.#deps.lookNumber();
      this.#hold(file);
      this.#deps.lanes.enqueue(file);
      return file !== known || size !== file.size || mtimeMs !== file.mtimeMs;
    } catch (error) {
      return this.#failed(path, known, error);
    }
  }

  #failed(path: string, known: TailedFile | undefined, error: unknown): boolean {
    this.#deps.unreadable.note(path, error);
    if (isAbsence(error)) return this.#left(known);
    if (known !== undefined) known.problem = unreadableWords(path, error);
    return false;
  }

  /** Its path leads nowhere, or to what is no file. */
  #left(known: TailedFile | undefined): boolean {
    if (known === undefined) return false;
    const wasPresent = known.presence === 'present';
    if (wasPresent) this.vanish(known);
    if (this.#deps.readers.isHeld(known)) this.#deps.lanes.enqueue(known);
    return wasPresent;
  }

  #hold(file: TailedFile): void {
    if (file.size <= file.positions.acknowledged.offset) this.#deps.kept.spare(file.gen);
    else if (this.#deps.kept.hold(file) === 'foreign') this.#deps.kept.hold(this.contentChanged(file));
  }

  #update(known: TailedFile, path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    if (known.source === undefined) known.source = source;
    if (known.ino !== stat.ino || known.dev !== stat.dev) return this.#replaced(known, path, stat, source);
    // The inode of a deleted file, taken by the next one.
    if (!isSameBirth(known, stat)) return this.#displaced(known, path, stat, source);
    const isBack = known.presence !== 'present';
    if (isBack && !this.#isSame(known, path, stat)) return this.#displaced(known, path, stat, source);
    return this.#refresh(known, stat);
  }

  /** Same path and inode: did its size or time change? */
  #refresh(file: TailedFile, stat: FileStat): TailedFile {
    // What is read from now on is the file again, not its copy.
    if (file.presence !== 'present' && this.#isCopied(file)) this.#deps.readers.close(file);
    file.presence = 'present';
    file.vanishedAt = null;
    if (file.gap !== null) this.#deps.gaps.withdraw(file.gen);
    file.gap = null;
    file.problem = null;
    if (stat.size === file.size && stat.mtimeMs === file.mtimeMs) return file;
    const isCut = stat.size < takenEnd(file) || (stat.size < file.size && this.#isCopied(file));
    if (isCut) return this.#withStat(this.replaceGeneration(file, stat.size), stat);
    if (stat.size < file.size) this.#declareTruncated(file, Math.max(stat.size, scannedEnd(file)));
    // An unterminated tail may have been cut and written anew.
    if (stat.size < file.scannedTo) file.scannedTo = 0;
    if (stat.size > file.size && !this.#deps.isFirstLook()) file.wantsLive = true;
    file.sizeBefore = file.size;
    return this.#withStat(file, stat);
  }

  #withStat(file: TailedFile, stat: FileStat): TailedFile {
    file.size = stat.size;
    file.mtimeMs = stat.mtimeMs;
    return file;
  }

  /** Another inode at a known path. */
  #replaced(known: TailedFile, path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    const hasRead = known.positions.cursor.offset > 0;
    if (!hasRead || this.#hasUnreadKept(known) || !this.#isSame(known, path, stat)) return this.#displaced(known, path, stat, source);
    // Written anew with all we read in it, or on a device with a new number since a restart.
    this.#deps.readers.close(known);
    this.#deps.table.move(known, { path, dev: stat.dev, ino: stat.ino });
    known.birthMs = stat.birthMs;
    this.#deps.touched(known);
    if (this.#deps.kept.get(known.gen) !== undefined) {
      this.#deps.kept.release(known.gen);
      this.#deps.kept.hold(known);
    }
    return this.#refresh(known, stat);
  }

  /** Bytes that only what is kept of it holds for certain. */
  #hasUnreadKept(file: TailedFile): boolean {
    return (this.#deps.kept.measure(file.gen)?.size ?? 0) > scannedEnd(file);
  }

  #displaced(known: TailedFile, path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    if (known.ino === stat.ino && known.dev === stat.dev) {
      const replacement = this.#isCopied(known) ? this.#leaveToCopy(known) : this.replaceGeneration(known);
      replacement.birthMs = stat.birthMs;
      replacement.presence = 'present';
      replacement.vanishedAt = null;
      return this.#withStat(replacement, stat);
    }
    if (known.presence !== 'vanished' && known.presence !== 'gone') this.vanish(known);
    return this.#adopt(path, stat, source);
  }

  /** A path that none of the known files has: one of them renamed, or a new one. */
  #adopt(path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    for (const candidate of this.#deps.table.byInode(stat)) {
      // A second name of a file that is read.
      if (candidate.path !== path && !this.#isKeptPath(candidate) && this.#isAt(candidate.path, stat)) return undefined;
      if (!this.#isSame(candidate, path, stat)) continue;
      this.#deps.table.move(candidate, { path, dev: stat.dev, ino: stat.ino });
      candidate.source = source;
      // Not a rename but a new file that begins like one that is gone, in its inode.
      candidate.birthMs = stat.birthMs;
      this.#deps.touched(candidate);
      return this.#refresh(candidate, stat);
    }
    const file = createTailedFile(mintGeneration(), source, path, stat);
    file.lane = this.#deps.isFirstLook() ? 'backfill' : 'live';
    this.#deps.table.add(file);
    return file;
  }

  /** It was found in `kept/`, its own path unknown. */
  #isKeptPath({ gen, path }: TailedFile): boolean {
    return this.#deps.kept.get(gen)?.at === path;
  }

  #isAt(path: string, stat: FileStat): boolean {
    try {
      const other = this.#deps.files.stat(path);
      return other.ino === stat.ino && other.dev === stat.dev;
    } catch {
      return false;
    }
  }

  /** Are the bytes that were read of `file` those at the beginning of what `path` leads to now? */
  #isSame(file: TailedFile, path: string, stat: FileStat): boolean {
    const offset = takenEnd(file);
    if (stat.size < offset) return false;
    if (stat.size === file.size && stat.mtimeMs === file.mtimeMs && stat.ino === file.ino && stat.dev === file.dev) return true;
    if (offset === 0) return stat.ino === file.ino && stat.birthMs === file.birthMs;
    const fd = this.#deps.files.open(path);
    try {
      return hasSameContent(this.#deps.files, fd, file);
    } finally {
      this.#deps.files.close(fd);
    }
  }

  vanish(file: TailedFile): void {
    // The last lines may have been written after the last look: only the descriptor and the kept link still show them.
    const openSize = this.#deps.readers.sizeOf(file);
    const measure = this.#deps.kept.measure(file.gen);
    if (measure === undefined) this.#deps.kept.release(file.gen); // Somebody cleared `kept/`.
    const left = measure?.size ?? openSize;
    if (left !== undefined && !this.#isCopied(file) && left < takenEnd(file)) {
      // It was cut before its name went: whatever was written behind the cut is in the link, or behind the descriptor alone, below where we read.
      return this.#vanishAs(this.#replaceGeneration(file, { left, staysOpen: measure === undefined }), left);
    }
    const heldSize = Math.max(openSize ?? 0, measure?.size ?? 0);
    if (this.#isCopied(file)) {
      if (openSize !== undefined && openSize < heldSize) this.#deps.readers.close(file);
    } else if (this.#deps.readers.isHeld(file) && heldSize < file.size) {
      this.#declareTruncated(file, Math.max(heldSize, scannedEnd(file)));
      file.size = 0;
    }
    this.#vanishAs(file, Math.max(file.size, heldSize));
  }

  #vanishAs(file: TailedFile, size: number): void {
    file.size = size;
    file.presence = 'vanished';
    file.problem = null; // With its path: what is kept of it may well be read.
    file.vanishedAt = this.#deps.now();
    file.lookNumber = this.#deps.lookNumber();
    this.#deps.touched(file);
    if (this.#deps.readers.isHeld(file)) this.#deps.lanes.enqueue(file);
  }

  replaceGeneration(file: TailedFile, left = 0): TailedFile {
    return this.#replaceGeneration(file, { left, staysOpen: false });
  }

  #replaceGeneration(file: TailedFile, { left, staysOpen }: { left: number; staysOpen: boolean }): TailedFile {
    if (file.presence !== 'gone' && this.#isCopied(file)) return this.#leaveToCopy(file);
    const intact = left > 0 && this.#beginsAsRead(file) ? left : 0;
    if (file.size > scannedEnd(file)) this.#declareTruncated(file, Math.max(intact, file.positions.cursor.offset));
    this.#deps.departed.add(file, this.#intactTo(file, intact), 'truncated');
    return this.#renewGeneration(file, staysOpen);
  }

  /**
   * How far it has what was read of it, at most `most`. It may have been cut further and have grown again since:
   * only where a slice ended its bytes are known, so what is said to be lost may reach back to the end of one.
   */
  #intactTo(file: TailedFile, most: number): number {
    if (most === 0 || !file.positions.hasPending) return most;
    const mark = this.#reading(file, (fd) => [...file.positions.marks()].find(({ offset, tail }) => offset <= most && readTailHash(this.#deps.files, fd, offset) === tail));
    return mark?.offset ?? 0;
  }

  /** Cut, and not written anew as well? False where that cannot be told; of a file of which nothing was read, no one can say otherwise. */
  #beginsAsRead(file: TailedFile): boolean {
    return file.prefix.bytes === 0 || this.#reading(file, (fd) => hasSamePrefix(this.#deps.files, fd, file.prefix)) === true;
  }

  /** By its link where there is one: its own name may lead elsewhere by now. */
  #reading<T>(file: TailedFile, use: (fd: number) => T): T | undefined {
    return this.#deps.readers.borrow(file, this.#deps.kept.get(file.gen)?.at ?? file.path, use);
  }

  /**
   * Where the file is as the last look saw it, that look's growth is new content, of which nothing is
   * lost. Otherwise nobody can tell, and all that was seen counts as lost.
   */
  contentChanged(file: TailedFile): TailedFile {
    if (file.presence !== 'present') return this.replaceGeneration(file);
    const stat = this.#deps.files.stat(file.path);
    const isAsSeen = stat.ino === file.ino && stat.dev === file.dev && stat.size === file.size && stat.mtimeMs === file.mtimeMs;
    if (!isAsSeen) return this.replaceGeneration(file);
    file.size = Math.min(file.size, file.sizeBefore);
    const replacement = this.#withStat(this.replaceGeneration(file), stat);
    this.#deps.lanes.enqueue(replacement);
    return replacement;
  }

  #isCopied(file: TailedFile): boolean {
    return this.#deps.kept.get(file.gen)?.isCopy === true;
  }

  #declareTruncated(file: TailedFile, unread: number): void {
    // What the collector has of it is not lost, although our checkpoint is behind that.
    const from = Math.max(unread, file.stored?.offset ?? 0);
    if (file.gap !== null || file.size <= from) return;
    this.#deps.gaps.declare({
      gen: file.gen, path: file.path, from, to: file.size, t_from: file.lastTimestamp, t_to: '', reason: 'truncated',
    });
  }

  /** The file has other bytes now, but those that were copied are still to be read. */
  #leaveToCopy(file: TailedFile): TailedFile {
    const copied = this.#deps.kept.measure(file.gen)?.size ?? 0;
    const replacement = this.#successorOf(file);
    this.#declareTruncated(file, Math.max(copied, file.positions.cursor.offset));
    this.#deps.readers.close(file);
    this.#deps.lanes.remove(file);
    this.#deps.table.move(file, { path: file.path, dev: 0, ino: 0 });
    file.size = copied;
    file.presence = 'gone';
    file.vanishedAt = this.#deps.now();
    this.#deps.touched(file);
    this.#deps.table.add(replacement);
    this.#deps.lanes.enqueue(file);
    this.#deps.lanes.enqueue(replacement);
    return replacement;
  }

  renewGeneration(file: TailedFile): TailedFile {
    return this.#renewGeneration(file, false);
  }

  #renewGeneration(file: TailedFile, staysOpen: boolean): TailedFile {
    if (!staysOpen) this.#deps.readers.close(file);
    this.#deps.lanes.remove(file);
    this.#deps.table.remove(file);
    const replacement = { ...this.#successorOf(file), presence: file.presence, vanishedAt: file.vanishedAt };
    this.#deps.table.add(replacement);
    if (staysOpen) this.#deps.readers.pass(file, replacement);
    // A link shares the bytes of the file, whatever they are now.
    this.#deps.kept.pass(file.gen, replacement.gen);
    this.#deps.dropped(file, replacement);
    return replacement;
  }

  #successorOf(file: TailedFile): TailedFile {
    return {
      ...createTailedFile(mintGeneration(), file.source, file.path, { ...file, isFile: true, isDirectory: false }),
      lane: file.lane,
      lookNumber: file.lookNumber,
    };
  }
}
