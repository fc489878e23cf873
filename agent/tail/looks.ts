/**
 * One look at one path: is there a file, is it the one we know, did it grow?
 * Events of the watcher are only hints about where to look; what counts is
 * `stat` against what was read. An unchanged file is not opened.
 */
import type { SourceKind } from '../extraction.ts';
import { messageOf, systemCode, TtError } from '../../shared/errors.ts';
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { FileAccess, FileStat } from './file-access.ts';
import type { FileTable } from './file-table.ts';
import { hasSameContent, mintGeneration } from './generation.ts';
import type { Lanes } from './lanes.ts';
import type { Readers } from './readers.ts';
import { createTailedFile, scannedEnd, type TailedFile } from './tailed-file.ts';

export interface LooksDeps {
  files: FileAccess;
  table: FileTable;
  lanes: Lanes;
  readers: Readers;
  now(): number;
  /** Number of the full look that runs or ran last. */
  lookNumber(): number;
  /** Until the first full look has ended, what is found was there before us. */
  isFirstLook(): boolean;
  /** The record of this generation must be written again. */
  touched(file: TailedFile): void;
  /** `old` is no more; `replacement` takes its place. */
  dropped(old: TailedFile, replacement: TailedFile): void;
  lost(gap: GapReport): void;
}

export interface Looks {
  /** True when something changed since the last look. What can be read waits in its lane then. */
  look(path: string, source: SourceKind): boolean;
  /** The content is not what was read: a new generation at 0. Bytes of the old one that nobody read are gone. */
  replaceGeneration(file: TailedFile): TailedFile;
  /** The same content again, as another generation. */
  renewGeneration(file: TailedFile): TailedFile;
  vanish(file: TailedFile): void;
}

export function createLooks(deps: LooksDeps): Looks {
  return new FileLooks(deps);
}

class FileLooks implements Looks {
  readonly #deps: LooksDeps;

  constructor(deps: LooksDeps) {
    this.#deps = deps;
  }

  look(path: string, source: SourceKind): boolean {
    const known = this.#deps.table.byPath(path);
    const before = known === undefined ? undefined : { size: known.size, mtimeMs: known.mtimeMs };
    try {
      const stat = this.#deps.files.stat(path);
      if (!stat.isFile) return false;
      const file = known === undefined ? this.#adopt(path, stat, source) : this.#update(known, path, stat, source);
      if (file === undefined) return false;
      file.lookNumber = this.#deps.lookNumber();
      this.#deps.lanes.enqueue(file);
      return file !== known || before?.size !== file.size || before.mtimeMs !== file.mtimeMs;
    } catch (error) {
      return this.#failed(path, known, error);
    }
  }

  #failed(path: string, known: TailedFile | undefined, error: unknown): boolean {
    const code = systemCode(error);
    if (known === undefined) return false;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      const wasPresent = known.presence === 'present';
      if (wasPresent) this.vanish(known);
      if (this.#deps.readers.has(known)) this.#deps.lanes.enqueue(known);
      return wasPresent;
    }
    known.problem = `cannot look at ${path}: ${code ?? messageOf(error)}`;
    return false;
  }

  #update(known: TailedFile, path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    if (known.source === undefined) known.source = source;
    if (known.ino !== stat.ino || known.dev !== stat.dev) return this.#replaced(known, path, stat, source);
    const isBack = known.presence !== 'present';
    if (isBack && !this.#isSame(known, path, stat)) return this.#displaced(known, path, stat, source);
    return this.#refresh(known, stat);
  }

  /** Same path and inode: did its size or time change? */
  #refresh(file: TailedFile, stat: FileStat): TailedFile {
    file.presence = 'present';
    file.vanishedAt = null;
    file.gap = null;
    file.problem = null;
    if (stat.size === file.size && stat.mtimeMs === file.mtimeMs) return file;
    if (stat.size < file.positions.cursor.offset) return this.#withStat(this.replaceGeneration(file), stat);
    // An unterminated tail may have been cut and written anew.
    if (stat.size < file.scannedTo) file.scannedTo = 0;
    if (stat.size > file.size && !this.#deps.isFirstLook()) file.wantsLive = true;
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
    if (!hasRead || !this.#isSame(known, path, stat)) return this.#displaced(known, path, stat, source);
    // Written anew with all we read in it, or on a device with a new number since a restart.
    this.#deps.readers.close(known);
    this.#deps.table.move(known, { path, dev: stat.dev, ino: stat.ino });
    known.birthMs = stat.birthMs;
    this.#deps.touched(known);
    return this.#refresh(known, stat);
  }

  #displaced(known: TailedFile, path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    if (known.ino === stat.ino && known.dev === stat.dev) return this.#withStat(this.replaceGeneration(known), stat);
    if (known.presence !== 'vanished' && known.presence !== 'gone') this.vanish(known);
    return this.#adopt(path, stat, source);
  }

  /** A path that none of the known files has: one of them renamed, or a new one. */
  #adopt(path: string, stat: FileStat, source: SourceKind): TailedFile | undefined {
    for (const candidate of this.#deps.table.byInode(stat)) {
      if (candidate.path !== path && this.#isAt(candidate.path, stat)) return undefined; // A second name of a file that is read.
      if (!this.#isSame(candidate, path, stat)) continue;
      this.#deps.table.move(candidate, { path, dev: stat.dev, ino: stat.ino });
      candidate.source = source;
      this.#deps.touched(candidate);
      return this.#refresh(candidate, stat);
    }
    const file = createTailedFile(mintGeneration(), source, path, stat);
    file.lane = this.#deps.isFirstLook() ? 'backfill' : 'live';
    this.#deps.table.add(file);
    return file;
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
    const { offset } = file.positions.cursor;
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
    // The last lines may have been written after the last look: only the descriptor still shows them.
    const reader = this.#deps.readers.get(file);
    if (reader !== undefined) file.size = Math.max(file.size, this.#deps.files.fstat(reader.fd).size);
    file.presence = 'vanished';
    file.vanishedAt = this.#deps.now();
    file.lookNumber = this.#deps.lookNumber();
    this.#deps.touched(file);
  }

  replaceGeneration(file: TailedFile): TailedFile {
    const unreadFrom = scannedEnd(file);
    if (file.size > unreadFrom && file.gap === null) {
      this.#deps.lost({
        gen: file.gen, path: file.path, from: file.positions.cursor.offset, to: file.size,
        t_from: file.lastTimestamp, t_to: '', reason: 'truncated',
      });
    }
    return this.renewGeneration(file);
  }

  renewGeneration(file: TailedFile): TailedFile {
    const { source } = file;
    this.#deps.readers.close(file);
    this.#deps.lanes.remove(file);
    this.#deps.table.remove(file);
    const replacement: TailedFile = {
      ...createTailedFile(mintGeneration(), requireSource(source), file.path, {
        ...file, isFile: true, isDirectory: false,
      }),
      lane: file.lane,
      lookNumber: file.lookNumber,
    };
    this.#deps.table.add(replacement);
    this.#deps.dropped(file, replacement);
    return replacement;
  }
}

function requireSource(source: SourceKind | undefined): SourceKind {
  if (source === undefined) throw new TtError('source_missing', 'a file that no source claims was read', { hint: 'report this' });
  return source;
}
