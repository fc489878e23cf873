/** Directories of this machine that a session of another one could be about. */
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject, parseEntry } from '../../shared/json-line.ts';
import { placeOf, repositoryRoot } from '../../shared/session-file/git-place.ts';
import type { Place } from '../../shared/session-file/repository.ts';
import { sessionDirectory } from '../../shared/session-file/session-directory.ts';

const MOST_PLACES = 5000;
/** Where people and containers keep their repositories, below home and beside it. */
const SHELVES = ['', 'projects', 'Projects', 'src', 'code', 'work', 'dev', 'repos', 'git', 'github', 'workspace', 'workspaces', 'Developer', 'Documents'];
const CONFIG_BYTES = 64 * 1024 * 1024;

/** Where Claude was used, what lies beside that, and what lies where repositories usually do. */
export function findPlaces({ home, configDirs }: { home: string; configDirs: readonly string[] }): Place[] {
  const used = [...configDirs.flatMap(usedBefore), ...configDirs.flatMap((directory) => listedIn(join(directory, '.claude.json'))), ...listedIn(join(home, '.claude.json'))];
  const roots = new Set<string>();
  for (const path of used) {
    const real = realDirectory(path);
    if (real !== undefined && real !== '/') roots.add(repositoryRoot(real) ?? real);
  }
  const shelves = new Set([...[...roots].map(dirname), ...SHELVES.map((name) => join(home, name)), '/workspaces', '/workspace', '/srv', '/opt']);
  for (const shelf of shelves) {
    for (const path of directoriesBelow(shelf)) if (roots.size < MOST_PLACES && isRepository(path)) roots.add(path);
  }
  return [...roots].map(placeOf);
}

/** The directory of one session of each project. */
function usedBefore(configDir: string): string[] {
  const projects = join(configDir, 'projects');
  return directoriesBelow(projects).flatMap((project) => {
    const [file] = filesIn(project).filter((name) => name.endsWith('.jsonl'));
    const directory = file === undefined ? null : sessionDirectory(join(project, file), project.slice(projects.length + 1));
    return directory === null ? [] : [directory];
  });
}

/** The CLI's own list of projects. */
function listedIn(file: string): string[] {
  try {
    if (statSync(file).size > CONFIG_BYTES) return [];
    const projects = parseEntry(readFileSync(file, 'utf8'))?.['projects'];
    return isObject(projects) ? Object.keys(projects).filter((path) => path.startsWith('/')) : [];
  } catch {
    return [];
  }
}

/** With links resolved; undefined: there is no such directory. */
export function realDirectory(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    return statSync(real).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

function isRepository(path: string): boolean {
  try {
    lstatSync(join(path, '.git'));
    return true;
  } catch {
    return false;
  }
}

function directoriesBelow(directory: string): string[] {
  return entriesIn(directory).filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
}

function filesIn(directory: string): string[] {
  return entriesIn(directory).filter((entry) => entry.isFile()).map(({ name }) => name);
}

function entriesIn(directory: string): { name: string; isFile(): boolean; isDirectory(): boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
