/** Where a session of another machine goes on here. Writes nothing. */
import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { HandoverRequest } from '../../shared/protocol/handover.ts';
import { notAFile } from '../../shared/regular-file.ts';
import { repositoryRoot } from '../../shared/session-file/git-place.ts';
import { isProjectDirectoryOf, projectDirectoryName } from '../../shared/session-file/project-directory.ts';
import { findPlace, moved, type Mapping } from '../../shared/session-file/repository.ts';
import { sessionDirectory } from '../../shared/session-file/session-directory.ts';
import { findPlaces, realDirectory } from './places.ts';
import { entryAt } from './safe-files.ts';

export interface Target {
  /** Real path of the session's directory here. */
  directory: string;
  /** `projects/` of the Claude directory, with links in front of it resolved: below it none is followed. */
  projectsDir: string;
  /** Name of the project's directory; it may not be there yet. */
  project: string;
  isHeld: boolean;
  /** Directories there → here; undefined: nothing is known of them. */
  mapping: Mapping | undefined;
}

/** Of more than one directory it could be: a person has to say. */
export class SeveralDirectories extends TtError {
  readonly candidates: readonly string[];

  constructor(cwd: string, candidates: readonly string[]) {
    super('directory_ambiguous', `${cwd} could be ${candidates.slice(0, 5).join(', ')}${candidates.length > 5 ? ' or another' : ''} here`, {
      hint: 'say which: --to DIRECTORY', exitCode: EXIT_CODES.usage,
    });
    this.candidates = candidates;
  }
}

/** `configDirs`: Claude's, in the order of preference; the last is made where there is none. Throws what a person has to decide. */
export function findTarget(request: HandoverRequest, { configDirs, home }: { configDirs: readonly string[]; home: string }): Target {
  const there = configDirs.flatMap((directory) => realDirectory(join(directory, 'projects')) ?? []);
  const held = heldOf(request.session, there);
  if (held) return heldTarget(request, held);
  const [projectsDir = join(realDirectory(configDirs.at(-1) ?? home) ?? configDirs.at(-1) ?? home, 'projects')] = there;
  const { directory, mapping } = request.to === null ? mapped(request, home, configDirs) : given(request, request.to);
  return { directory, mapping, projectsDir, project: projectOf(directory, projectsDir), isHeld: false };
}

interface Held {
  projectsDir: string;
  project: string;
  path: string;
}

/** The session's own file here, in whichever project; of several the one written last. */
function heldOf(session: string, projectsDirs: readonly string[]): Held | undefined {
  const found = projectsDirs.flatMap((projectsDir) => entriesIn(projectsDir).flatMap((project) => {
    const path = join(projectsDir, project, `${session}.jsonl`);
    const stats = entryAt(path);
    return stats && entryAt(join(projectsDir, project))?.isDirectory() === true ? [{ projectsDir, project, path, stats }] : [];
  }));
  const links = found.find(({ stats }) => !stats.isFile());
  if (links) throw notAFile(links.path);
  return found.toSorted((a, b) => b.stats.mtimeMs - a.stats.mtimeMs)[0];
}

/** It was here before: it goes on where it was. */
function heldTarget({ from, to, session }: HandoverRequest, { projectsDir, project, path }: Held): Target {
  const own = sessionDirectory(path, project);
  const directory = own === null ? undefined : realDirectory(own);
  if (own === null || directory === undefined) throw new TtError('directory_missing', `session ${session} belongs to ${own ?? 'no directory'}, which is not here`, { hint: 'bring that directory back, then do this again' });
  if (to !== null && realDirectory(to) !== directory) {
    throw new TtError('held_elsewhere', `session ${session} is here already, in ${own}`, { hint: 'leave --to away: it goes on there', exitCode: EXIT_CODES.usage });
  }
  return { directory, projectsDir, project, isHeld: true, mapping: from.cwd === null ? undefined : mappingTo(from.cwd, own) };
}

function given({ from }: HandoverRequest, to: string): Pick<Target, 'directory' | 'mapping'> {
  const directory = realDirectory(to);
  if (directory === undefined) throw new TtError('directory_missing', `there is no directory ${to}`, { hint: 'make it, or clone the repository there', exitCode: EXIT_CODES.usage });
  if (from.cwd === null) return { directory, mapping: undefined };
  const mapping = mappingTo(from.cwd, directory);
  // The repository was named, and the session was in a directory below its root.
  const inside = from.repository && repositoryRoot(directory) === directory ? moved(from.cwd, { root: from.repository.root, directory }) : undefined;
  const below = inside === undefined ? undefined : realDirectory(inside);
  return from.repository && below !== undefined ? { directory: below, mapping: { root: from.repository.root, directory } } : { directory, mapping };
}

function mapped({ from, session }: HandoverRequest, home: string, configDirs: readonly string[]): Pick<Target, 'directory' | 'mapping'> {
  const { cwd, repository } = from;
  if (cwd === null) throw new TtError('directory_unknown', `session ${session} names no directory`, { hint: 'say where it is to go on: --to DIRECTORY', exitCode: EXIT_CODES.usage });
  const found = findPlace({ cwd, home: from.home, repository }, findPlaces({ home, configDirs }), { home, exists: (path) => realDirectory(path) !== undefined });
  if (found.kind === 'several') throw new SeveralDirectories(cwd, [...new Set(found.mappings.map((mapping) => moved(cwd, mapping) ?? mapping.directory))]);
  const path = found.kind === 'one' ? moved(cwd, found.mapping) : undefined;
  const directory = path === undefined ? undefined : realDirectory(path);
  if (found.kind === 'none' || directory === undefined) {
    throw new TtError('directory_missing', `no directory here is ${cwd} of ${from.machine}`, { hint: 'clone the repository here, or say where it lies: --to DIRECTORY', exitCode: EXIT_CODES.usage });
  }
  return { directory, mapping: found.mapping };
}

/** Both paths without the words that they end in alike, down to the repository here: so that directories beside the session's own are mapped too. */
function mappingTo(there: string, here: string): Mapping {
  let [root, directory] = [there, here];
  const top = repositoryRoot(here) ?? here;
  while (directory !== top && lastWord(root) === lastWord(directory) && root.lastIndexOf('/') > 0) {
    [root, directory] = [root.slice(0, root.lastIndexOf('/')), directory.slice(0, directory.lastIndexOf('/'))];
  }
  return { root, directory };
}

/** The directory that is there, since the end of a long name is a version's own affair, else what the CLI would make. */
function projectOf(directory: string, projectsDir: string): string {
  return entriesIn(projectsDir).find((name) => isProjectDirectoryOf(name, directory)) ?? projectDirectoryName(directory);
}

const lastWord = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function entriesIn(directory: string): string[] {
  try {
    return readdirSync(realpathSync(directory));
  } catch {
    return [];
  }
}
