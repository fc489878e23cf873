/**
 * Mirrors the files of this machine's sessions to the collector, as far as its
 * owner allows it and the collector asks for it. What the collector has on its
 * disk is asked for at every connect; nothing about it is kept here.
 *
 * Guarantee: bytes leave in file order, each chunk with proof of those before it,
 * and a file counts as archived only when the collector said that it is on disk.
 * Deleted files are mirrored to their end where a link to them was kept.
 */
import { fstatSync, realpathSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { markOf } from '../../shared/protocol/archive-mark.ts';
import type { ArchivedFrame, ArchiveFrame, ArchiveReport, ArchiveRefusal, ChunkHeader, HoldingsFrame, OfferedFile } from '../../shared/protocol/frames.ts';
import { ARCHIVE_OFFER_FILES } from '../../shared/limits.ts';
import { hashFiles } from '../../shared/file-hashes.ts';
import { createMirrorLooks, type MirrorLooks } from './mirror-looks.ts';
import { MirrorTable, type KeptPlace } from './mirror-table.ts';
import { inodeKey, type MirroredFile } from './mirrored-file.ts';
import type { ProjectRule } from './project-rule.ts';
import { openRegular, readAt, type OpenFile } from '../../shared/regular-file.ts';
import { createSessionDirectories } from './session-directories.ts';

export interface OutgoingChunk {
  header: Omit<ChunkHeader, 'seq' | 'bytes' | 'brotli'>;
  bytes: Buffer;
}

/** What the uplink asks of it. Between `begin` and `end` there is one connection. */
export interface Mirror {
  /** What the collector wishes; also again. */
  begin(wish: Pick<ArchiveFrame, 'on'>): void;
  end(): void;
  /** These files were read on, so they grew. */
  grew(paths: readonly string[]): void;
  hasWork(): boolean;
  /** Undefined: nothing to offer now, or the last offer is not answered. `later`: call again, it is still reading. */
  nextOffer(): OfferedFile[] | 'later' | undefined;
  offered(answer: Pick<HoldingsFrame, 'files'>): void;
  nextChunk(maxBytes: number): OutgoingChunk | 'later' | undefined;
  archived(chunk: OutgoingChunk, answer: Pick<ArchivedFrame, 'code'>): void;
  audit(files: readonly { name: string; size: number }[]): Promise<(string | null)[]>;
  /** One listener, called when there may be work. */
  onWork(listener: () => void): void;
  report(): ArchiveReport;
  close(): void;
}

export interface MirrorDeps {
  clock: Clock;
  log: Log;
  /** Directories `projects` of Claude Code. */
  roots: readonly string[];
  rule: ProjectRule;
  /** Of files that are gone from their place. */
  kept: () => Iterable<KeptPlace>;
}

/** A file that is written anew all the time is left alone until the next full look. */
const MAX_MISSES = 8;

export function createMirror(deps: MirrorDeps): Mirror {
  return new SessionMirror(deps);
}

class SessionMirror implements Mirror {
  readonly #deps: MirrorDeps;
  readonly #table = new MirrorTable();
  readonly #directories = createSessionDirectories();
  readonly #looks: MirrorLooks;
  readonly #sentAs = new WeakMap<OutgoingChunk, { file: MirroredFile; attempt: number }>();
  #state: ArchiveReport['state'] = 'off';
  #problem: string | null = null;
  #offer: { file: MirroredFile; attempt: number; size: number }[] | undefined;
  /** `inode`: of the file when it was opened. */
  #open: (OpenFile & { file: MirroredFile; inode: string }) | undefined;
  #listener: () => void = () => {};

  constructor(deps: MirrorDeps) {
    this.#deps = deps;
    this.#looks = createMirrorLooks({
      clock: deps.clock, table: this.#table, roots: () => distinctRoots(deps.roots), kept: deps.kept, onLooked: () => this.#listener(),
    });
  }

  begin({ on }: Pick<ArchiveFrame, 'on'>): void {
    this.end();
    if (!on) return;
    this.#state = this.#deps.rule.isClosed ? 'not_allowed' : 'on';
    if (this.#state === 'on') this.#looks.start();
  }

  end(): void {
    this.#state = 'off';
    this.#problem = null;
    this.#offer = undefined;
    this.#closeFile();
    this.#looks.stop();
    this.#table.forgetHoldings();
  }

  grew(paths: readonly string[]): void {
    if (this.#state === 'on') this.#looks.grew(paths);
  }

  hasWork(): boolean {
    if (this.#state !== 'on') return false;
    return this.#table.toSend.size > 0 || (this.#offer === undefined && this.#looks.hasEnded && this.#table.toOffer.size > 0);
  }

  nextOffer(): OfferedFile[] | 'later' | undefined {
    if (this.#state !== 'on' || this.#offer !== undefined || !this.#looks.hasEnded) return undefined;
    const files: MirroredFile[] = [];
    let isReading = false;
    for (const file of this.#table.toOffer) {
      if (files.length === ARCHIVE_OFFER_FILES) break;
      const verdict = this.#guarded(file, () => this.#verdict(file) ?? 'later');
      if (verdict === 'later') {
        isReading = true;
        break;
      }
      this.#table.toOffer.delete(file);
      if (verdict) files.push(file);
      else file.state = 'refused';
    }
    if (files.length === 0) return isReading ? 'later' : undefined;
    this.#offer = files.map((file) => {
      file.state = 'offered';
      return { file, attempt: file.attempt, size: file.size };
    });
    return files.map(({ name, size, was }) => ({ name: name.name, size, ...(was === undefined ? {} : { was: was.name }) }));
  }

  offered({ files }: Pick<HoldingsFrame, 'files'>): void {
    const offer = this.#offer ?? [];
    this.#offer = undefined;
    for (const [index, { file, attempt, size }] of offer.entries()) {
      const held = files[index];
      if (held === undefined || file.attempt !== attempt) continue;
      file.was = undefined;
      if ('code' in held) this.#refused(file, held.code);
      else this.#guarded(file, () => this.#compare(file, held, size));
    }
    this.#listener();
  }

  #compare(file: MirroredFile, held: { size: number; at: number; mark: string }, offeredSize: number): void {
    const mine = held.at === Math.min(held.size, offeredSize) ? markOfFile(file, held.at) : undefined;
    if (mine === undefined) return this.#missed(file);
    const isStart = mine === held.mark;
    file.held = isStart ? held.size : 0;
    file.sent = file.held;
    file.isFresh = !isStart;
    // Written anew: what was read of it before says nothing of what it has now.
    if (!isStart) this.#directories.forget(file.path);
    // An empty file has to be told, too: nothing of it is archived otherwise.
    if (!isStart || held.size < file.size || held.size === 0) this.#table.behind(file);
    else file.state = 'held';
  }

  nextChunk(maxBytes: number): OutgoingChunk | 'later' | undefined {
    if (this.#state !== 'on') return undefined;
    for (const file of this.#table.toSend) {
      const chunk = this.#guarded(file, () => this.#read(file, maxBytes));
      if (chunk !== undefined) return chunk;
    }
    return undefined;
  }

  #read(file: MirroredFile, maxBytes: number): OutgoingChunk | 'later' | undefined {
    const verdict = this.#verdict(file);
    if (verdict !== true) {
      if (verdict === undefined) return 'later';
      this.#leave(file);
      return undefined;
    }
    const open = this.#opened(file);
    if (open === undefined) return this.#gone(file);
    const { size, mtimeMs } = fstatSync(open.fd);
    const from = file.sent;
    const upTo = this.#deps.rule.needsDirectories ? Math.min(size, Math.max(from, this.#readableTo(file))) : size;
    const read = (at: number, length: number): Buffer => readAt(open.fd, at, length);
    const mark = size < from ? undefined : markOf(from, read);
    if (mark === undefined) return this.#missed(file);
    const bytes = Buffer.from(read(from, Math.min(maxBytes, upTo - from)));
    file.sent += bytes.length;
    const chunk: OutgoingChunk = {
      header: { name: file.name.name, from, mark, mtime: Math.max(0, Math.floor(mtimeMs)), ...(file.isFresh ? { fresh: true } : {}) }, bytes,
    };
    file.isFresh = false;
    this.#sentAs.set(chunk, { file, attempt: file.attempt });
    if (file.sent >= upTo) this.#finish(file);
    return bytes.length > 0 || size === 0 || chunk.header.fresh === true ? chunk : undefined;
  }

  archived(chunk: OutgoingChunk, { code }: Pick<ArchivedFrame, 'code'>): void {
    const sent = this.#sentAs.get(chunk);
    if (sent === undefined || sent.file.attempt !== sent.attempt) return;
    const { file } = sent;
    if (code !== undefined) return code === 'differs' ? this.#missed(file) : this.#refused(file, code);
    this.#problem = null;
    file.misses = 0;
    file.held = chunk.header.from + chunk.bytes.length;
    if (file.held < file.size) this.#table.behind(file);
    else if (file.held === file.sent) file.state = 'held';
    this.#listener();
  }

  /** It is not what the collector has: ask again, but not for ever. */
  #missed(file: MirroredFile): undefined {
    this.#finish(file);
    file.misses += 1;
    if (file.misses < MAX_MISSES) this.#table.again(file);
    else {
      this.#leave(file);
      this.#table.doubt(file);
    }
    return undefined;
  }

  #refused(file: MirroredFile, code: ArchiveRefusal): void {
    this.#finish(file);
    if (code === 'disk_full' || code === 'failed') {
      this.#problem = code === 'disk_full' ? 'paused: the collector has no room' : 'paused: the collector can not write it';
      return this.#table.again(file);
    }
    if (code !== 'off' && code !== 'forgotten') this.#deps.log.warn({ name: file.name.name, code }, 'the collector does not archive a file');
    this.#leave(file);
  }

  #leave(file: MirroredFile): void {
    this.#finish(file);
    this.#table.toOffer.delete(file);
    file.state = 'refused';
    file.attempt += 1;
    file.misses = 0;
  }

  /** A file that cannot be read (a bad sector, a stale handle) is left alone until a look finds it changed; the others, and the events, go on. */
  #guarded<T>(file: MirroredFile, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#problem = `cannot read ${file.path}: ${systemCode(error) ?? messageOf(error)}`;
      this.#deps.log.warn({ name: file.name.name, error: messageOf(error) }, 'a session file cannot be read');
      this.#leave(file);
      return undefined;
    }
  }

  /** Another look finds out where it is now, or that it is nowhere; or there was no descriptor left to open it with. */
  #gone(file: MirroredFile): undefined {
    this.#finish(file);
    file.state = 'refused';
    file.misses += 1;
    this.#table.doubt(file);
    if (file.misses < MAX_MISSES) this.#looks.soon();
    return undefined;
  }

  /** True, false, or not known yet: its session has to be read first, a little at each call. */
  #verdict(file: MirroredFile): boolean | undefined {
    const { rule } = this.#deps;
    if (!rule.needsDirectories) return !rule.isClosed;
    const transcript = this.#table.byName(`${file.session}.jsonl`);
    for (const each of new Set([transcript ?? file, file])) {
      if (each.path.endsWith('.json') || each.path.endsWith('.txt')) continue;
      if (!this.#directories.read(each, each.size)) return undefined;
    }
    return rule.allows(this.#directories.of(file.session));
  }

  /** What was not looked through must not leave. */
  #readableTo(file: MirroredFile): number {
    return file.name.isTranscript || file.path.endsWith('.jsonl') ? this.#directories.readTo(file.path) : Number.MAX_SAFE_INTEGER;
  }

  #opened(file: MirroredFile): OpenFile | undefined {
    // Deleted it is read to its end; replaced it is another one.
    if (this.#open?.file === file && this.#open.inode === inodeKey(file)) return this.#open;
    this.#closeFile();
    const open = openRegular(file.path);
    if (open !== undefined) this.#open = { ...open, file, inode: inodeKey(file) };
    this.#table.open = open && file;
    return open;
  }

  #finish(file: MirroredFile): void {
    this.#table.toSend.delete(file);
    if (this.#open?.file === file) this.#closeFile();
  }

  #closeFile(): void {
    this.#open?.close();
    this.#open = undefined;
    this.#table.open = undefined;
  }

  audit(files: readonly { name: string; size: number }[]): Promise<(string | null)[]> {
    return hashFiles(files.map(({ name, size }) => {
      const file = this.#table.byName(name);
      const mayLeave = file !== undefined && this.#guarded(file, () => this.#verdict(file)) === true;
      return { path: mayLeave ? file.path : undefined, size };
    }));
  }

  onWork(listener: () => void): void {
    this.#listener = listener;
  }

  report(): ArchiveReport {
    const isKnown = this.#state === 'on' && this.#looks.hasEnded;
    const counts = { bytes: 0, waitingFiles: 0, waitingBytes: 0, refused: 0 };
    const withheld = new Set<string>();
    for (const file of isKnown ? this.#table.all() : []) {
      counts.bytes += file.size;
      if (file.state === 'refused') {
        if (this.#isWithheld(file)) withheld.add(file.session);
        else counts.refused += 1;
      } else if (file.state !== 'held') {
        counts.waitingFiles += 1;
        counts.waitingBytes += Math.max(0, file.size - file.held);
      }
    }
    return {
      state: this.#state, files: isKnown ? this.#table.size : null, bytes: isKnown ? counts.bytes : null,
      waiting_files: isKnown ? counts.waitingFiles : null, waiting_bytes: isKnown ? counts.waitingBytes : null,
      withheld_sessions: withheld.size, skipped_files: this.#looks.skipped + this.#table.clashes.size + counts.refused,
      problem: this.#problem ?? clashWords([...this.#table.clashes]),
    };
  }

  #isWithheld({ session }: MirroredFile): boolean {
    const { rule } = this.#deps;
    return rule.needsDirectories && !rule.allows(this.#directories.of(session));
  }

  close(): void {
    this.end();
    this.#looks.close();
  }
}

function markOfFile(file: MirroredFile, size: number): string | undefined {
  const open = openRegular(file.path);
  if (open === undefined) return undefined;
  try {
    return markOf(size, (from, length) => readAt(open.fd, from, length));
  } finally {
    open.close();
  }
}

function clashWords(clashes: readonly string[]): string | null {
  const [first] = clashes;
  if (first === undefined) return null;
  const more = clashes.length > 1 ? ` (and ${clashes.length - 1} more)` : '';
  return `another directory of Claude Code has a file of the same name, so this one is not archived: ${first}${more}`;
}

/** A root that is the same directory as another, by a link, is one. */
function distinctRoots(roots: readonly string[]): string[] {
  const real = roots.flatMap((root) => {
    try {
      return [{ root, real: realpathSync(root) }];
    } catch {
      return []; // Not there yet.
    }
  });
  return real.filter((each, index) => real.findIndex((other) => other.real === each.real) === index).map(({ root }) => root);
}
