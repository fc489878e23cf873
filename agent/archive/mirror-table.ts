/**
 * The files of all sessions on this machine, and which of them the collector is to
 * be asked about or lacks bytes of. Looks come through here: each compares what
 * lies there with what is known.
 */
import { existsSync, type Stats } from 'node:fs';
import { isSameInSession, parseArchiveName, type ArchiveName } from '../../shared/archive-name.ts';
import { createMirroredFile, identityOf, inodeKey, isUnchanged, type MirroredFile } from './mirrored-file.ts';
import { openRegular } from '../../shared/regular-file.ts';
import type { FoundFile } from './session-files.ts';

export interface KeptPlace {
  /** Where the file was. */
  path: string;
  /** A link to all of it. */
  at: string;
}

export class MirrorTable {
  /** To be asked about, and to be sent. */
  readonly toOffer = new Set<MirroredFile>();
  readonly toSend = new Set<MirroredFile>();
  /** Below two roots under one name: only one of them is mirrored. */
  readonly clashes = new Set<string>();
  /** It is being sent: deleted meanwhile, it is still readable to its end. */
  open: MirroredFile | undefined;
  readonly #files = new Map<string, MirroredFile>();
  readonly #byInode = new Map<string, MirroredFile>();

  all(): Iterable<MirroredFile> {
    return this.#files.values();
  }

  byName(name: string): MirroredFile | undefined {
    return this.#files.get(name);
  }

  get size(): number {
    return this.#files.size;
  }

  /** Nothing is known any more of what the collector has. */
  forgetHoldings(): void {
    this.toOffer.clear();
    this.toSend.clear();
    for (const file of this.#files.values()) this.again(file);
  }

  /** The collector is asked about it, whatever was known. */
  again(file: MirroredFile): void {
    Object.assign(file, { state: 'new', held: 0, sent: 0, isFresh: false, attempt: file.attempt + 1 });
    this.toSend.delete(file);
    this.toOffer.add(file);
  }

  found({ name, path, stat }: FoundFile, seenAt: number): void {
    const known = this.#files.get(name.name);
    if (known === undefined) return this.#add(name, path, stat, seenAt);
    const isInRoot = known.path.endsWith(`/${name.name}`);
    if (known.path !== path && isInRoot && known.seenAt === seenAt && existsSync(known.path)) {
      this.clashes.add(path);
      return;
    }
    known.seenAt = seenAt;
    if (known.path === path && isUnchanged(known, stat)) return;
    this.#changed(known, path, stat);
  }

  #add(name: ArchiveName, path: string, stat: Stats, seenAt: number): void {
    const file = { ...createMirroredFile(name, path, stat), seenAt };
    const other = this.#byInode.get(inodeKey(stat));
    // A deleted file's inode may be anybody's next: only in another project's directory is it the same file.
    if (other !== undefined && isSameInSession(other.name, name) && !existsSync(other.path)) {
      file.was = other.name;
      this.remove(other);
    }
    this.#files.set(name.name, file);
    this.#byInode.set(inodeKey(stat), file);
    this.toOffer.add(file);
  }

  #changed(file: MirroredFile, path: string, stat: Stats): void {
    const hasGrown = file.ino === stat.ino && file.dev === stat.dev && stat.size > file.held;
    if (this.#byInode.get(inodeKey(file)) === file) this.#byInode.delete(inodeKey(file));
    Object.assign(file, { path, ...identityOf(stat) });
    this.#byInode.set(inodeKey(file), file);
    if (file.state === 'new' || file.state === 'offered') return;
    // What does not go on where the archived bytes end is refused, and offered then.
    if (hasGrown && file.state !== 'refused') this.behind(file);
    else this.again(file);
  }

  /** Whatever the next full look finds of it is taken for news, and the collector asked again. */
  doubt(file: MirroredFile): void {
    file.mtimeMs = Number.NaN;
  }

  behind(file: MirroredFile): void {
    file.state = 'behind';
    this.toSend.add(file);
  }

  /** Those that the look did not see are gone; what is left of them elsewhere is mirrored from there. */
  lookEnded(seenAt: number, kept: Iterable<KeptPlace>, roots: readonly string[]): void {
    for (const { path, at } of kept) {
      const name = nameBelow(roots, path);
      if (name === undefined || existsSync(path)) continue;
      const file = openRegular(at);
      if (file === undefined) continue;
      file.close();
      const known = this.#files.get(name.name);
      // Another name of it was found: it was only moved.
      if (known === undefined && this.#byInode.get(inodeKey(file.stat)) !== undefined) continue;
      if (known === undefined) this.#add(name, at, file.stat, seenAt);
      else if (known.seenAt !== seenAt && (known.ino === file.stat.ino || known.path === at)) {
        known.seenAt = seenAt;
        // What was written, or cut off, between the last look and its deletion is in the link.
        if (known.path !== at || !isUnchanged(known, file.stat)) this.#changed(known, at, file.stat);
      }
    }
    for (const file of this.#files.values()) if (file.seenAt !== seenAt && file !== this.open) this.remove(file);
  }

  /** What was worked on last is asked about first. */
  newestFirst(): void {
    const sorted = [...this.toOffer].toSorted((a, b) => b.mtimeMs - a.mtimeMs);
    this.toOffer.clear();
    for (const file of sorted) this.toOffer.add(file);
  }

  remove(file: MirroredFile): void {
    this.#files.delete(file.name.name);
    if (this.#byInode.get(inodeKey(file)) === file) this.#byInode.delete(inodeKey(file));
    this.toOffer.delete(file);
    this.toSend.delete(file);
    file.attempt += 1;
  }
}

export function nameBelow(roots: readonly string[], path: string): ArchiveName | undefined {
  const root = roots.find((each) => path.startsWith(`${each}/`));
  return root === undefined ? undefined : parseArchiveName(path.slice(root.length + 1));
}
