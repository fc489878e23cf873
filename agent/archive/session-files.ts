/** Finds the files of sessions below Claude Code's `projects/`. Links are not followed. */
import { lstatSync, readdirSync, type Dirent, type Stats } from 'node:fs';
import { join } from 'node:path';
import { parseArchiveName, SESSION_DIRECTORIES, TOOL_RESULTS, type ArchiveName } from '../../shared/archive-name.ts';
import { ARCHIVE_TOOL_RESULT_BYTES } from '../../shared/limits.ts';

export interface FoundFile {
  name: ArchiveName;
  path: string;
  stat: Stats;
}

/** Something that is there and stays there: a link, a device, too large, or with a name that can not travel. */
export interface SkippedFile {
  skipped: string;
}

/** In small steps: undefined says only that one is done. */
export type FilesFound = Generator<FoundFile | SkippedFile | undefined, void>;

export function isSkipped(file: FoundFile | SkippedFile): file is SkippedFile {
  return 'skipped' in file;
}

export function* findFiles(root: string): FilesFound {
  for (const project of entriesOf(root)) {
    if (!project.isDirectory()) continue;
    for (const entry of entriesOf(join(root, project.name))) {
      if (entry.isDirectory()) yield* below(root, [project.name, entry.name], SESSION_DIRECTORIES);
      else if (entry.name.endsWith('.jsonl')) yield* look(root, [project.name, entry.name], entry);
    }
    yield undefined;
  }
}

/** Of one session, wherever its transcript lies. */
export function* findSession(root: string, { project, session }: Pick<ArchiveName, 'project' | 'session'>): FilesFound {
  // As the look at everything: what lies behind a link belongs to somebody else.
  if (statOf(join(root, project))?.isDirectory() !== true) return;
  const transcript = `${session}.jsonl`;
  const stat = statOf(join(root, project, transcript));
  if (stat !== undefined) yield toFound(root, [project, transcript], stat);
  if (statOf(join(root, project, session))?.isDirectory() === true) yield* below(root, [project, session], SESSION_DIRECTORIES);
}

function* below(root: string, parts: readonly string[], only?: readonly string[]): FilesFound {
  for (const entry of entriesOf(join(root, ...parts))) {
    if (only !== undefined && !(only.includes(entry.name) && entry.isDirectory())) continue;
    if (entry.isDirectory()) yield* below(root, [...parts, entry.name]);
    else yield* look(root, [...parts, entry.name], entry);
  }
  yield undefined;
}

function* look(root: string, parts: readonly string[], entry: Dirent): FilesFound {
  const path = join(root, ...parts);
  const stat = entry.isFile() ? statOf(path) : undefined;
  if (stat !== undefined) yield toFound(root, parts, stat);
  else if (!entry.isFile()) yield { skipped: path };
}

function toFound(root: string, parts: readonly string[], stat: Stats): FoundFile | SkippedFile {
  const path = join(root, ...parts);
  const name = parseArchiveName(parts.join('/'));
  const isTooLarge = parts[2] === TOOL_RESULTS && stat.size > ARCHIVE_TOOL_RESULT_BYTES;
  return name === undefined || isTooLarge || !stat.isFile() ? { skipped: path } : { name, path, stat };
}

/** Empty where there is none, or it can not be read. */
function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
