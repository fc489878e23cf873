/**
 * Open files and their extractors: at most 256 at once, least recently used
 * first out. A reader can be dropped at any time: everything it knows is in the
 * file's cursor. The exception is a vanished file with unread bytes: its
 * descriptor is the only way to them, so it stays, unless the file is kept.
 */
import type { Extractor, ExtractionSink } from '../extraction.ts';
import type { JsonValue } from '../../shared/event.ts';
import { TtError } from '../../shared/errors.ts';
import type { FileAccess } from './file-access.ts';
import { hasSameContent, hasSameTail, isSameBirth } from './generation.ts';
import type { KeptFiles } from './kept-files.ts';
import type { LineSplitter } from './line-splitter.ts';
import { LongLineScan } from './long-line-scan.ts';
import { scannedEnd, type TailedFile } from './tailed-file.ts';

export interface Reader {
  readonly fd: number;
  extractor: Extractor | undefined;
  /** Lines before this offset were given to the extractor. */
  extractedTo: number;
  longLine: LongLineScan | undefined;
  usedAtMs: number;
}

export type Opened =
  | { kind: 'ready'; reader: Reader; extractor: Extractor }
  /** Lines before the cursor are still being fed to the extractor: call again. */
  | { kind: 'warming' }
  /** The content is not what was read before. */
  | { kind: 'changed' }
  /** The path leads to another file now: look at it again. */
  | { kind: 'replaced' };

const OPEN_FILES = 256;
const IDLE_MS = 60_000;

const ignoringSink: ExtractionSink = { event() {}, state() {}, edge() {}, entry() {}, unknown() {}, bad() {} };

export interface Readers {
  open(file: TailedFile, mayContinue: () => boolean): Opened;
  /** Of what is open; undefined where nothing is, or its file system does not answer any more: it is closed then. */
  sizeOf(file: TailedFile): number | undefined;
  /** Can it be read without its own path: is it open, or kept? */
  isHeld(file: TailedFile): boolean;
  /** Its descriptor for as long as `use` runs: that of its reader, else a passing one of `path`. Undefined where it cannot be read. */
  borrow<T>(file: TailedFile, path: string | undefined, use: (fd: number) => T): T | undefined;
  /** What is open as `from` is read as `to`, from its beginning. */
  pass(from: TailedFile, to: TailedFile): void;
  close(file: TailedFile): void;
  /** Closes files that were not read for a minute and have nothing left. */
  closeIdle(): void;
  closeAll(): void;
  readonly openCount: number;
}

export interface ReadersDeps {
  files: FileAccess;
  splitter: LineSplitter;
  kept: KeptFiles;
  monotonic(): number;
}

export function createReaders(deps: ReadersDeps): Readers {
  return new OpenReaders(deps);
}

class OpenReaders implements Readers {
  readonly #deps: ReadersDeps;
  readonly #readers = new Map<TailedFile, Reader>();

  constructor(deps: ReadersDeps) {
    this.#deps = deps;
  }

  open(file: TailedFile, mayContinue: () => boolean): Opened {
    const known = this.#readers.get(file);
    const reader = known ?? this.#openReader(file);
    if (reader === undefined) return { kind: 'replaced' };
    reader.usedAtMs = this.#deps.monotonic();
    this.#readers.delete(file);
    this.#readers.set(file, reader);
    // Each time, not only when a look saw a new mtime: the file may have been cut and have grown again since that look.
    const isSame = known === undefined ? hasSameContent(this.#deps.files, reader.fd, file) : hasSameTail(this.#deps.files, reader.fd, file);
    if (!isSame || !this.#agreesWithCopy(file, reader.fd)) return { kind: 'changed' };
    file.verifiedMtimeMs = file.mtimeMs;
    const extractor = this.#extractorAtCursor(file, reader, mayContinue);
    return extractor === undefined ? { kind: 'warming' } : { kind: 'ready', reader, extractor };
  }

  /**
   * Of what was not read yet, only the copy tells whether it is still there: the file may have been written
   * anew, or be another in its inode, born in the same millisecond. Nothing to ask where it is linked.
   */
  #agreesWithCopy(file: TailedFile, fd: number): boolean {
    return isAbsent(file) || this.#deps.kept.agrees(file.gen, fd);
  }

  #openReader(file: TailedFile): Reader | undefined {
    const kept = isAbsent(file) ? this.#deps.kept.get(file.gen) : undefined;
    const fd = this.#deps.files.open(kept?.at ?? file.path);
    let isExpected = false;
    try {
      const stat = this.#deps.files.fstat(fd);
      isExpected = stat.isFile && (kept !== undefined || (stat.ino === file.ino && stat.dev === file.dev && isSameBirth(file, stat)));
    } finally {
      if (!isExpected) this.#closeDescriptor(fd);
    }
    if (!isExpected) return undefined;
    this.#makeRoom();
    return { fd, extractor: undefined, extractedTo: 0, longLine: undefined, usedAtMs: 0 };
  }

  #extractorAtCursor(file: TailedFile, reader: Reader, mayContinue: () => boolean): Extractor | undefined {
    const cursor = file.positions.cursor;
    if (file.source === undefined) return undefined;
    if (reader.extractor === undefined || reader.extractedTo > cursor.offset) {
      const carry = cursor.carry === null || cursor.offset === 0 ? undefined : parseCarry(cursor.carry);
      const continued = carry === undefined ? undefined : file.source.open({ gen: file.gen, path: file.path }, carry);
      reader.extractor = continued ?? file.source.open({ gen: file.gen, path: file.path }, undefined);
      reader.extractedTo = continued === undefined ? 0 : cursor.offset;
      reader.longLine = undefined;
    }
    if (reader.extractor === undefined) throw refusal(file);
    if (reader.extractedTo < cursor.offset) this.#warm(reader, reader.extractor, cursor.offset, mayContinue);
    return reader.extractedTo >= cursor.offset ? reader.extractor : undefined;
  }

  /** Feeds the lines before the cursor without keeping what they give, a slice of time at once. */
  #warm(reader: Reader, extractor: Extractor, until: number, mayContinue: () => boolean): void {
    if (reader.longLine === undefined) {
      const from = { offset: reader.extractedTo, tail: undefined };
      const read = this.#deps.splitter.readLines(reader.fd, from, (bytes, start, end) => {
        extractor.line(bytes, start, end, ignoringSink);
        return mayContinue();
      }, until);
      reader.extractedTo = read.stop === 'end' ? until : read.to.offset;
      if (read.stop === 'changed') reader.extractor = undefined;
      if (read.stop !== 'long') return;
      reader.longLine = new LongLineScan(this.#deps.files, read.to);
    }
    do {
      const step = reader.longLine.step(reader.fd);
      if (step.kind === 'more') continue;
      reader.extractedTo = step.kind === 'line' ? step.to.offset : until;
      if (step.kind === 'changed') reader.extractor = undefined;
      reader.longLine = undefined;
      return;
    } while (mayContinue());
  }

  pass(from: TailedFile, to: TailedFile): void {
    const reader = this.#readers.get(from);
    if (reader === undefined) return;
    this.#readers.delete(from);
    this.#readers.set(to, { ...reader, extractor: undefined, extractedTo: 0, longLine: undefined });
  }

  close(file: TailedFile): void {
    const reader = this.#readers.get(file);
    if (reader === undefined) return;
    this.#readers.delete(file);
    this.#closeDescriptor(reader.fd);
  }

  #closeDescriptor(fd: number): void {
    try {
      this.#deps.files.close(fd);
    } catch {
      // The file system died behind it. The descriptor is gone all the same.
    }
  }

  #makeRoom(): void {
    if (this.#readers.size < OPEN_FILES) return;
    for (const file of this.#readers.keys()) {
      if (isAbsent(file) && this.#deps.kept.get(file.gen) === undefined && (file.positions.hasPending || this.#hasUnread(file))) continue;
      this.close(file);
      if (this.#readers.size < OPEN_FILES) return;
    }
  }

  /** A line written just before the close would wait for the rescan: ask the descriptor first. */
  #hasUnread(file: TailedFile): boolean {
    const size = this.sizeOf(file);
    if (size === undefined) return false;
    file.size = Math.max(file.size, size);
    return file.size > scannedEnd(file);
  }

  sizeOf(file: TailedFile): number | undefined {
    const reader = this.#readers.get(file);
    try {
      return reader && this.#deps.files.fstat(reader.fd).size;
    } catch {
      this.close(file);
      return undefined;
    }
  }

  closeIdle(): void {
    const before = this.#deps.monotonic() - IDLE_MS;
    for (const [file, reader] of this.#readers) {
      if (reader.usedAtMs < before && !file.positions.hasPending && !this.#hasUnread(file)) this.close(file);
    }
  }

  isHeld(file: TailedFile): boolean {
    return this.#readers.has(file) || this.#deps.kept.get(file.gen) !== undefined;
  }

  borrow<T>(file: TailedFile, path: string | undefined, use: (fd: number) => T): T | undefined {
    try {
      const open = this.#readers.get(file)?.fd;
      if (open !== undefined) return use(open);
      if (path === undefined) return undefined;
      const fd = this.#deps.files.open(path);
      try {
        return use(fd);
      } finally {
        this.#deps.files.close(fd);
      }
    } catch {
      return undefined;
    }
  }

  closeAll(): void {
    for (const file of this.#readers.keys()) this.close(file);
  }

  get openCount(): number {
    return this.#readers.size;
  }
}

/** Its path leads elsewhere or nowhere. */
export function isAbsent({ presence }: TailedFile): boolean {
  return presence === 'vanished' || presence === 'gone';
}

function refusal(file: TailedFile): TtError {
  return new TtError('source_refused', `${file.source?.name} does not read ${file.path} from its beginning`, { hint: 'report this' });
}

function parseCarry(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
