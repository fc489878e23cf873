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
import { extendCopy, isCopyOf } from './kept-copy.ts';
import { openKeptIndex, type KeptIndex } from './kept-index.ts';
import type { TailedFile } from './tailed-file.ts';

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
  path: string | undefined;
  readonly isCopy: boolean;
  readonly directory: string;

  constructor(directory: string, { gen, path, isCopy }: Omit<KeptFile, 'at'>) {
    this.gen = gen;
    this.path = path;
    this.isCopy = isCopy;
    this.directory = directory;
  }

  get at(): string {
    return join(this.directory, this.isCopy ? this.gen + COPY_SUFFIX : this.gen);
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
  readonly #problems = new Map<Generation, string>();

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
      if (known === undefined) return this.#keep(file);
      known.path = file.path;
      return known.isCopy ? this.#copy(file, known) : undefined;
    });
  }

  #try(file: TailedFile, keep: () => 'foreign' | undefined): 'foreign' | undefined {
    try {
      const result = keep();
      this.#problems.delete(file.gen);
      return result;
    } catch (error) {
      const code = systemCode(error);
      // It vanished, or something else took its name: the next look sees to it.
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
      this.#problems.set(file.gen, `cannot keep ${file.path} in ${this.#deps.directory}: ${code ?? messageOf(error)}; if it is deleted before it is acknowledged, it is lost`);
      return undefined;
    }
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
    if (kept === undefined) return;
    const passed = new KeptName(this.#deps.directory, { gen: to, path: kept.path, isCopy: kept.isCopy });
    try {
      if (kept.path !== undefined) this.#index.put(to, kept.path);
      renameSync(kept.at, passed.at);
      this.#kept.set(to, passed);
      if (kept.isCopy) this.#copies.set(to, Number.NaN);
    } catch {
      rmSync(kept.at, { force: true }); // The next look keeps the file again, if it is there.
    }
    this.#kept.delete(from);
    this.#copies.delete(from);
    this.#index.forget(from);
  }

  release(gen: Generation): void {
    const kept = this.#kept.get(gen);
    this.#unkept.delete(gen);
    if (kept === undefined) {
      this.#problems.delete(gen);
      return;
    }
    try {
      rmSync(kept.at, { force: true });
    } catch (error) {
      this.#problems.set(gen, `cannot remove ${kept.at}: ${messageOf(error)}`);
      return;
    }
    this.#problems.delete(gen);
    this.#kept.delete(gen);
    this.#copies.delete(gen);
    this.#index.forget(gen);
    this.#index.tidy();
  }

  setRoom(bytes: number): void {
    this.#roomBytes = bytes;
  }

  get problem(): string | null {
    const [first] = this.#problems.values();
    if (first === undefined) return null;
    return this.#problems.size === 1 ? first : `${first} (and ${this.#problems.size - 1} more)`;
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
