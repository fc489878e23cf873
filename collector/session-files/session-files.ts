/**
 * The files of sessions on this computer: what is mirrored of each machine
 * (`archive/<machine>/projects/…`), and its own Claude directories. Only regular
 * files below real directories: a link in there leads nowhere.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArchiveName, SESSION_DIRECTORIES } from '../../shared/archive-name.ts';

export interface SessionRoots {
  archiveDir: string;
  /** This computer's own. */
  claudeDirs: readonly string[];
}

/** One machine's file of one session, and where what belongs to it lies. */
export interface SessionFile {
  /** Its directory in the archive; null: a file of this computer's own. */
  machine: string | null;
  /** Directory that holds the projects. */
  projectsDir: string;
  /** Name of its project's directory. */
  project: string;
  sessionId: string;
  path: string;
}

export interface FoundFile {
  path: string;
  bytes: number;
  mtimeMs: number;
}

/** `<projects dir>`s, the archive's first. */
export function projectsDirs({ archiveDir, claudeDirs }: SessionRoots): { machine: string | null; directory: string }[] {
  const archived = directoriesIn(archiveDir).map((machine) => ({ machine, directory: join(archiveDir, machine, 'projects') }));
  return [...archived, ...claudeDirs.map((directory) => ({ machine: null, directory: join(directory, 'projects') }))];
}

/** Every file of the session, of every machine. */
export function findSessionFiles(sessionId: string, roots: SessionRoots): SessionFile[] {
  return projectsDirs(roots).flatMap(({ machine, directory }) => directoriesIn(directory).flatMap((project) => {
    const name = parseArchiveName(`${project}/${sessionId}.jsonl`);
    const path = join(directory, project, `${sessionId}.jsonl`);
    return name?.isTranscript === true && fileAt(path) ? [{ machine, projectsDir: directory, project, sessionId, path }] : [];
  }));
}

/** Every session below one `projects/`. */
export function sessionFilesIn(machine: string | null, projectsDir: string): SessionFile[] {
  return directoriesIn(projectsDir).flatMap((project) => transcriptsIn(join(projectsDir, project)).map((file) => (
    { machine, projectsDir, project, sessionId: file.slice(0, -'.jsonl'.length), path: join(projectsDir, project, file) }
  )));
}

/** IDs that begin so; each once. */
export function sessionIdsWith(prefix: string, roots: SessionRoots): string[] {
  const ids = new Set<string>();
  for (const { directory } of projectsDirs(roots)) {
    for (const project of directoriesIn(directory)) {
      for (const file of transcriptsIn(join(directory, project))) if (file.startsWith(prefix)) ids.add(file.slice(0, -'.jsonl'.length));
    }
  }
  return [...ids];
}

/** What lies in the session's own directory: name below the project's directory → file. */
export function sidecarsOf({ projectsDir, project, sessionId }: Pick<SessionFile, 'projectsDir' | 'project' | 'sessionId'>): Map<string, FoundFile> {
  const found = new Map<string, FoundFile>();
  const own = join(projectsDir, project, sessionId);
  if (!isDirectory(own)) return found;
  const walk = (parts: readonly string[]): void => {
    const directory = join(own, ...parts);
    for (const entry of entriesIn(directory)) {
      const below = [...parts, entry.name];
      if (entry.isDirectory()) walk(below);
      const name = `${sessionId}/${below.join('/')}`;
      const file = entry.isFile() && parseArchiveName(`${project}/${name}`) ? fileAt(join(directory, entry.name)) : undefined;
      if (file) found.set(name, file);
    }
  };
  for (const name of SESSION_DIRECTORIES) if (isDirectory(join(own, name))) walk([name]);
  return found;
}

/** The conversations of its subagents, by their IDs. */
export function subagentFiles(session: SessionFile): Map<string, string> {
  return new Map([...sidecarsOf(session).keys()].sort().flatMap((name) => {
    const [, agentId] = /\/agent-([^/]+)\.jsonl$/.exec(name) ?? [];
    return agentId === undefined ? [] : [[agentId, join(session.projectsDir, session.project, name)] as const];
  }));
}

/** A regular file, not what a link points to. */
export function fileAt(path: string): FoundFile | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() ? { path, bytes: stats.size, mtimeMs: stats.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

export function directoriesIn(directory: string): string[] {
  return entriesIn(directory).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Names of the files in a project's directory that are sessions. */
export function transcriptsIn(directory: string): string[] {
  return namesIn(directory).filter((file) => parseArchiveName(`p/${file}`)?.isTranscript === true);
}

function namesIn(directory: string): string[] {
  return entriesIn(directory).filter((entry) => entry.isFile()).map(({ name }) => name);
}

function entriesIn(directory: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(directory);
  } catch {
    return [];
  }
}

const readEntries = (directory: string) => readdirSync(directory, { withFileTypes: true });
