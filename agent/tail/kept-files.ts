/**
 * A second name, `kept/<gen>`, for every file that holds something the collector
 * has not acknowledged: what is deleted or replaced stays readable. Where the
 * system refuses hard links, `kept/<gen>.copy` holds the unacknowledged range.
 *
 * Limits: a link shares its bytes with the file, so what is overwritten or cut
 * in place is gone; a symbolic link is not kept (its file may be anybody's).
 */
import { chmodSync, linkSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateDirectory, PRIVATE_DIRECTORY_MODE } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';
import { isThere } from '../../shared/regular-file.ts';
import { extendCopy, isCopyOf } from './kept-copy.ts';
import { openKeptIndex, type KeptIndex } from './kept-index.ts';
import type { TailedFile } from './tailed-file.ts';
import { isAbsence } from './unreadable.ts';

export interface KeptFile {
  readonly gen: Generation;
  /** Of the file it keeps; undefined when the index was lost. */
  readonly path: string | undefined;
  /** Where it lies. */
  readonly at: string;
  readonly isCopy: boolean;
}

export interface KeptFiles {
  /**
   * Keeps a file that is there: links it once, extends its copy. Cheap when
   * nothing is to do. `foreign`: its bytes are not those that were copied.
   */
  hold(file: TailedFile): 'foreign' | undefined;
  /** Everything of it is acknowledged: what was in the way of keeping it matters no more. Cheap. */
  spare(gen: Generation): void;
  /** False: what is open there is not the file that was copied, or has other bytes now. */
  agrees(gen: Generation, fd: number): boolean;
  get(gen: Generation): KeptFile | undefined;
  all(): Iterable<KeptFile>;
  readonly hasCopies: boolean;
  /** Size of the content, how much room it takes, and when it was kept or written last; undefined when it is not there any more. */
  measure(gen: Generation): KeptMeasure | undefined;
  /** Its content is from now on that of another generation. */
  pass(from: Generation, to: Generation): void;
  release(gen: Generation): void;
  /** Bytes that copies may still take. */
  setRoom(bytes: number): void;
  readonly problem: string | null;
  close(): void;
}

export interface KeptMeasure {
  size: number;
  roomBytes: number;
  changedMs: number;
  dev: number;
  ino: number;
  mtimeMs: number;
  birthMs: number | null;
}

export interface KeptFilesDeps {
  directory: string;
  clock: Pick<Clock, 'after'>;
  /** `link(2)`. Defaults to the system's. */
  link?: ((from: string, to: string) => void) | undefined;
}

/** The system cannot link this file here; it can only be copied. */
const NO_LINK: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);
const COPY_SUFFIX = '.copy';
const BLOCK_BYTES = 512;
/** A few ms of copying at once. */
const COPY_BYTES = 2 * 1024 * 1024;

export function openKeptFiles(deps: KeptFilesDeps): KeptFiles {
  return new LinkedFiles(deps);
}

/** Ten thousand of them: where it lies is made of what is there anyway. */
class KeptName implements KeptFile {
  readonly gen: Generation;
  /** Under whose name it lies: its own, unless the disk refused to rename it. */
  readonly named: Generation;
  path: string | undefined;
  readonly isCopy: boolean;
  readonly directory: string;

  constructor(directory: string, { gen, path, isCopy }: Omit<KeptFile, 'at'>, named = gen) {
    this.gen = gen;
    this.named = named;
    this.path = path;
    this.isCopy = isCopy;
    this.directory = directory;
  }

  get at(): string {
    return join(this.directory, this.isCopy ? this.named + COPY_SUFFIX : this.named);
  }
}

class LinkedFiles implements KeptFiles {
  readonly #deps: KeptFilesDeps;
  readonly #link: (from: string, to: string) => void;
  readonly #index: KeptIndex;
  readonly #kept = new Map<Generation, KeptName>();
  /** And the mtime at which the file was last compared with its copy; NaN: not yet. */
  readonly #copies = new Map<Generation, number>();
  /** Symbolic links: looked at once. */
  readonly #unkept = new Set<Generation>();
  /** Copies that are not whole yet. */
  readonly #behind = new Set<TailedFile>();
  #cancelCopying: (() => void) | undefined;
  #roomBytes = Number.POSITIVE_INFINITY;
  #hasDirectory = false;
  /** Why something is not kept that may be lost therefore, and why something is not removed. */
  readonly #unsafe = new Map<Generation, string>();
  readonly #unremoved = new Map<Generation, string>();

  constructor(deps: KeptFilesDeps) {
    this.#deps = deps;
    this.#link = deps.link ?? linkSync;
    this.#index = openKeptIndex(deps.directory);
    for (const name of namesIn(deps.directory)) {
      const isCopy = name.endsWith(COPY_SUFFIX);
      const gen = parseGeneration(isCopy ? name.slice(0, -COPY_SUFFIX.length) : name);
      if (gen === undefined) continue;
      this.#kept.set(gen, new KeptName(deps.directory, { gen, path: this.#index.pathOf(gen), isCopy }));
      if (isCopy) this.#copies.set(gen, Number.NaN);
    }
  }

  hold(file: TailedFile): 'foreign' | undefined {
    const known = this.#kept.get(file.gen);
    if (known === undefined ? this.#unkept.has(file.gen) : known.path === file.path && !known.isCopy) return undefined;
    return this.#try(file, () => {
      this.#prepare();
      this.#index.put(file.gen, file.path);
      const kept = this.#kept.get(file.gen);
      if (kept === undefined) return this.#keep(file);
      kept.path = file.path;
      return kept.isCopy ? this.#copy(file, kept) : undefined;
    });
  }

  spare(gen: Generation): void {
    if (this.#unsafe.size > 0) this.#unsafe.delete(gen);
  }

  #try(file: TailedFile, keep: () => 'foreign' | undefined): 'foreign' | undefined {
    try {
      return this.#attempt(file, keep);
    } catch (error) {
      if (!isAbsence(error)) return this.#failed(file, error);
      // It vanished, or something else took its name: the next look sees to it. If it is there, what it is kept in is not.
      if (systemCode(error) === 'ELOOP' || !isThere(file.path)) return undefined;
    }
    this.#beginAnew();
    try {
      return this.#attempt(file, keep);
    } catch (error) {
      return isThere(file.path) ? this.#failed(file, error) : undefined;
    }
  }

  #attempt(file: TailedFile, keep: () => 'foreign' | undefined): 'foreign' | undefined {
    const result = keep();
    this.#unsafe.delete(file.gen);
    return result;
  }

  #failed(file: TailedFile, error: unknown): undefined {
    const reason = systemCode(error) ?? messageOf(error);
    this.#unsafe.set(file.gen, `cannot keep ${file.path} in ${this.#deps.directory}: ${reason}; if it is deleted before it is acknowledged, it is lost`);
  }

  /** Somebody cleared `kept/`, or a part of it: what is there no more is kept again by the next looks. */
  #beginAnew(): void {
    this.#hasDirectory = false;
    this.#index.close();
    for (const gen of this.#kept.keys()) if (this.measure(gen) === undefined) this.#forget(gen);
  }

  #forget(gen: Generation): void {
    this.#kept.delete(gen);
    this.#copies.delete(gen);
    this.#index.forget(gen);
  }

  #prepare(): void {
    if (this.#hasDirectory) return;
    makePrivateDirectory(this.#deps.directory);
    chmodSync(this.#deps.directory, PRIVATE_DIRECTORY_MODE);
    this.#hasDirectory = true;
  }

  #keep(file: TailedFile): 'foreign' | undefined {
    const { directory } = this.#deps;
    const at = join(directory, file.gen);
    try {
      rmSync(at, { force: true });
      this.#link(file.path, at);
    } catch (error) {
      const code = systemCode(error);
      if (code !== undefined && NO_LINK.has(code)) {
        return this.#copy(file, new KeptName(directory, { gen: file.gen, path: file.path, isCopy: true }));
      }
      throw error;
    }
    const linked = lstatSync(at);
    if (linked.isFile() && linked.ino === file.ino) {
      this.#kept.set(file.gen, new KeptName(directory, { gen: file.gen, path: file.path, isCopy: false }));
      return undefined;
    }
    rmSync(at, { force: true });
    if (linked.isSymbolicLink()) this.#unkept.add(file.gen);
    return undefined;
  }

  #copy(file: TailedFile, kept: KeptName): 'foreign' | undefined {
    if (this.#roomBytes <= 0) return undefined;
    // The size alone proves nothing: it may be written anew with as many bytes.
    if (this.#copies.get(file.gen) === file.mtimeMs && file.size === lstatSync(kept.at).size) return undefined;
    const bytes = Math.min(COPY_BYTES, this.#roomBytes);
    const result = extendCopy({ from: file.path, inode: file, to: kept.at, since: file.positions.acknowledged.offset, bytes });
    this.#roomBytes -= Math.min(bytes, file.size);
    this.#kept.set(file.gen, kept);
    this.#copies.set(file.gen, result === 'foreign' ? Number.NaN : file.mtimeMs);
    if (result !== 'behind') {
      this.#behind.delete(file);
      return result === 'foreign' ? result : undefined;
    }
    this.#behind.add(file);
    this.#cancelCopying ??= this.#deps.clock.after(0, () => this.#copyOn());
    return undefined;
  }

  #copyOn(): void {
    this.#cancelCopying = undefined;
    for (const file of this.#behind) {
      this.#behind.delete(file);
      const kept = this.#kept.get(file.gen);
      if (kept !== undefined && file.presence === 'present') this.#try(file, () => this.#copy(file, kept));
      break;
    }
    if (this.#behind.size > 0) this.#cancelCopying ??= this.#deps.clock.after(0, () => this.#copyOn());
  }

  agrees(gen: Generation, fd: number): boolean {
    const kept = this.#kept.get(gen);
    if (kept?.isCopy !== true) return true;
    try {
      return isCopyOf(fd, kept.at);
    } catch {
      return true; // Without its copy there is nothing to lose by reading on.
    }
  }

  get(gen: Generation): KeptFile | undefined {
    return this.#kept.get(gen);
  }

  all(): Iterable<KeptFile> {
    return this.#kept.values();
  }

  get hasCopies(): boolean {
    return this.#copies.size > 0;
  }

  measure(gen: Generation): KeptMeasure | undefined {
    const kept = this.#kept.get(gen);
    if (kept === undefined) return undefined;
    try {
      const stat = lstatSync(kept.at);
      if (!stat.isFile()) return undefined;
      return {
        size: stat.size,
        roomBytes: kept.isCopy && stat.blocks > 0 ? Math.min(stat.size, stat.blocks * BLOCK_BYTES) : stat.size,
        changedMs: stat.ctimeMs, mtimeMs: stat.mtimeMs, dev: stat.dev, ino: stat.ino,
        birthMs: stat.birthtimeMs > 0 ? Math.floor(stat.birthtimeMs) : null,
      };
    } catch {
      return undefined;
    }
  }

  pass(from: Generation, to: Generation): void {
    const kept = this.#kept.get(from);
    this.#unkept.delete(from);
    this.#unsafe.delete(from);
    if (kept === undefined) return;
    this.#kept.delete(from);
    this.#copies.delete(from);
    const passed = { gen: to, path: kept.path, isCopy: kept.isCopy };
    try {
      this.#note(to, kept.path);
      const renamed = new KeptName(this.#deps.directory, passed);
      renameSync(kept.at, renamed.at);
      this.#kept.set(to, renamed);
      this.#index.forget(from);
    } catch (error) {
      if (isAbsence(error)) return this.#index.forget(from); // The next look keeps the file again, if it is there.
      // It may be all that is left of the file: it stays under its old name, by which a restart finds it.
      this.#kept.set(to, new KeptName(this.#deps.directory, passed, kept.named));
    }
    if (kept.isCopy) this.#copies.set(to, Number.NaN);
  }

  /** Without its line the path is known to this process only; the bytes matter more. */
  #note(gen: Generation, path: string | undefined): void {
    try {
      if (path !== undefined) this.#index.put(gen, path);
    } catch {
      // The next restart finds it by its content, or by its checkpoint.
    }
  }

  release(gen: Generation): void {
    const kept = this.#kept.get(gen);
    this.#unkept.delete(gen);
    this.#unsafe.delete(gen);
    if (kept === undefined) return;
    try {
      rmSync(kept.at, { force: true });
    } catch (error) {
      this.#unremoved.set(gen, `cannot remove ${kept.at}: ${messageOf(error)}`);
      return;
    }
    this.#unremoved.delete(gen);
    this.#forget(gen);
    this.#index.tidy();
  }

  setRoom(bytes: number): void {
    this.#roomBytes = bytes;
  }

  get problem(): string | null {
    const [first, ...more] = [...this.#unsafe.values(), ...this.#unremoved.values()];
    if (first === undefined) return null;
    return more.length === 0 ? first : `${first} (and ${more.length} more)`;
  }

  close(): void {
    this.#cancelCopying?.();
    this.#behind.clear();
    this.#index.close();
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
