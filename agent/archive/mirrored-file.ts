import type { Stats } from 'node:fs';
import type { ArchiveName } from '../../shared/archive-name.ts';

/**
 * - `new`: the collector is to be asked what it has.
 * - `offered`: it was.
 * - `behind`: it lacks bytes.
 * - `held`: it has all there were at the last look.
 * - `refused`: it does not take it.
 */
export type MirrorState = 'new' | 'offered' | 'behind' | 'held' | 'refused';

/** One file of a session, and what is known of it over the present connection. */
export interface MirroredFile {
  readonly name: ArchiveName;
  /** Project's directory and ID, as one text. */
  readonly session: string;
  /** Where it lies, or a second name of it where that is gone. */
  path: string;
  dev: number;
  ino: number;
  size: number;
  mtimeMs: number;
  state: MirrorState;
  /** Bytes that are archived, and that were sent; the lower counts. */
  held: number;
  sent: number;
  /** The first chunk puts aside what is archived. */
  isFresh: boolean;
  /** Counts what was begun anew: answers to what was sent before say nothing. */
  attempt: number;
  /** How often in a row it turned out to differ. */
  misses: number;
  /** The name it had in another project. */
  was: ArchiveName | undefined;
  /** Number of the full look that saw it last. */
  seenAt: number;
}

export function createMirroredFile(name: ArchiveName, path: string, stat: Stats): MirroredFile {
  return {
    name, session: `${name.project}/${name.session}`, path, ...identityOf(stat),
    state: 'new', held: 0, sent: 0, isFresh: false, attempt: 0, misses: 0, was: undefined, seenAt: 0,
  };
}

export function identityOf({ dev, ino, size, mtimeMs }: Stats): Pick<MirroredFile, 'dev' | 'ino' | 'size' | 'mtimeMs'> {
  return { dev, ino, size, mtimeMs };
}

export function isUnchanged(file: MirroredFile, stat: Stats): boolean {
  return file.dev === stat.dev && file.ino === stat.ino && file.size === stat.size && file.mtimeMs === stat.mtimeMs;
}

export function inodeKey({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}:${ino}`;
}
