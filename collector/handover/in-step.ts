/** Which sessions of two computers are not in step: what the one has, in recent files, that the other lacks. */
import { lstatSync, type Stats } from 'node:fs';
import { forkOf } from '../../shared/session-file/fork.ts';
import { placeOf, repositoryRoot } from '../../shared/session-file/git-place.ts';
import { planMerge } from '../../shared/session-file/merge.ts';
import { isWished, type RepositoryWish } from '../../shared/session-file/repository-wish.ts';
import { sessionDirectory } from '../../shared/session-file/session-directory.ts';
import { factsOf } from '../session-files/session-copies.ts';
import { projectsDirs, sessionFilesIn, type SessionFile, type SessionRoots } from '../session-files/session-files.ts';
import { homeIn } from './bundle.ts';

export interface Wished {
  /** Files written since then, of these repositories. */
  any: readonly { sinceMs: number; repositories: readonly RepositoryWish[] }[];
  /** And not since then. */
  quietSinceMs: number;
}

export interface Lacking extends SessionFile {
  /** Of the session, where it is; null: it names none. */
  directory: string | null;
  bytes: number;
  /** Another for every content that the file ever had. */
  stamp: string;
}

export interface Compared {
  kind: 'keep' | 'take' | 'diverged';
  /** Where both went on: what the first entry is called that only the offered one has. */
  first: string | undefined;
}

export interface FileReading {
  /** What would become of the held file if the other were handed over. */
  compare(held: string, offered: string): Compared;
  /** Directory of the session. */
  directoryOf(file: Pick<SessionFile, 'path' | 'project'>): string | null;
}

export interface StepRoots extends SessionRoots {
  /** Of this computer. */
  home: string;
}

/** Files of `from` whose entries `to` does not all have. A machine is its directory in the archive; null: this computer's own files. */
export function* lacking({ from, to }: { from: string | null; to: string | null }, wished: Wished, { roots, reading }: { roots: StepRoots; reading: FileReading }): Generator<Lacking> {
  const held = new Map(filesOf(to, roots).map((file) => [file.sessionId, file]));
  for (const file of filesOf(from, roots)) {
    const stats = lstatSync(file.path, { throwIfNoEntry: false });
    if (!stats || writtenMs(file, stats) > wished.quietSinceMs) continue;
    const wishes = wished.any.filter(({ sinceMs }) => stats.mtimeMs >= sinceMs).flatMap(({ repositories }) => repositories);
    if (wishes.length === 0) continue;
    const directory = reading.directoryOf(file);
    if (!isInRepositories(file, directory, { wishes, home: roots.home })) continue;
    if (isLacking(file, held, reading)) yield { ...file, directory, bytes: stats.size, stamp: stampOf(stats) };
  }
}

function isLacking(file: SessionFile, held: ReadonlyMap<string, SessionFile>, { compare }: FileReading): boolean {
  const other = held.get(file.sessionId);
  if (!other) return true;
  const { kind, first } = compare(other.path, file.path);
  if (kind !== 'diverged' || first === undefined) return kind === 'take';
  // It may have come before, as a session of its own.
  const fork = held.get(forkOf(file.sessionId, first));
  return !fork || compare(fork.path, file.path).kind !== 'keep';
}

/** An archived file has the time at which it was written there, by a clock that may be ahead: it was not written after it came. */
function writtenMs({ machine }: SessionFile, { mtimeMs, ctimeMs }: Stats): number {
  return machine === null ? mtimeMs : Math.min(mtimeMs, ctimeMs);
}

function isInRepositories({ machine }: SessionFile, cwd: string | null, { wishes, home }: { wishes: readonly RepositoryWish[]; home: string }): boolean {
  if (wishes.some(({ kind }) => kind === 'all')) return true;
  if (cwd === null) return false;
  if (machine !== null) return isWished({ cwd, home: homeIn(cwd), remotes: null }, wishes);
  const root = wishes.some(({ kind }) => kind === 'remote') ? repositoryRoot(cwd) : undefined;
  return isWished({ cwd, home, remotes: root === undefined ? [] : placeOf(root).remotes }, wishes);
}

function filesOf(machine: string | null, roots: SessionRoots): SessionFile[] {
  return projectsDirs(roots).filter((each) => each.machine === machine).flatMap(({ directory }) => sessionFilesIn(machine, directory));
}

export const readFiles: FileReading = {
  compare(held, offered) {
    const plan = planMerge(factsOf(held), factsOf(offered));
    return { kind: plan.kind, first: plan.kind === 'diverged' ? plan.offered.first : undefined };
  },
  directoryOf: ({ path, project }) => sessionDirectory(path, project),
};

/** Reads a file again only when it has changed; remembers at most so many answers of each kind. */
export function rememberReading(reading: FileReading, most: number): FileReading {
  const [compared, directories] = [createMemory<Compared>(most), createMemory<string | null>(most)];
  return {
    compare: (held, offered) => compared([held, offered], () => reading.compare(held, offered)),
    directoryOf: (file) => directories([file.path], () => reading.directoryOf(file)),
  };
}

function createMemory<T>(most: number): (paths: readonly string[], read: () => T) => T {
  const known = new Map<string, { stamp: string; value: T }>();
  return (paths, read) => {
    const key = paths.join('\n');
    const stamp = paths.map((path) => stampOf(lstatSync(path))).join(' ');
    const before = known.get(key);
    if (before?.stamp === stamp) return before.value;
    if (known.size >= most) known.clear();
    const value = read();
    known.set(key, { stamp, value });
    return value;
  };
}

function stampOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}
