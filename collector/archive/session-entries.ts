/** What lies in the archive, session by session. Reads names only, and follows no link. */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isPreviousName, parseArchiveName, withoutPrevious } from '../../shared/archive-name.ts';
import { systemCode } from '../../shared/errors.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { projectsOf } from './machine-archive.ts';

export interface ArchivedFile {
  path: string;
  /** Of a previous content: that of the file. */
  name: string;
  session: string;
  size: number;
  /** Of a previous content: when it was put aside, epoch ms. */
  changedMs: number;
  isPrevious: boolean;
  isTranscript: boolean;
}

/** A link, a device, or a name that no agent can have given. */
export interface StrangeEntry {
  strange: string;
}

export interface ArchivedSession {
  session: string;
  /** Its transcript, previous contents of that, and its directory: what is to be removed to remove it. */
  roots: string[];
}

/** Machines that have something in the archive. */
export async function archivedMachines(archiveDir: string): Promise<MachineId[]> {
  const entries = await namesIn(archiveDir);
  return entries.flatMap((entry) => (entry.isDirectory() ? (parseMachineId(entry.name) ?? []) : []));
}

export async function* archivedFiles(archiveDir: string, machineId: string): AsyncGenerator<ArchivedFile | StrangeEntry> {
  const projects = projectsOf(archiveDir, machineId);
  if (!(await lstatOrNone(projects))?.isDirectory()) return;
  yield* filesBelow(projects, []);
}

async function* filesBelow(directory: string, parts: readonly string[]): AsyncGenerator<ArchivedFile | StrangeEntry> {
  for (const entry of await namesIn(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      yield* filesBelow(path, [...parts, entry.name]);
      continue;
    }
    const isPrevious = isPreviousName(entry.name);
    const parsed = parseArchiveName([...parts, withoutPrevious(entry.name)].join('/'));
    const stat = entry.isFile() && parsed !== undefined ? await lstatOrNone(path) : undefined;
    if (parsed === undefined || stat === undefined) yield { strange: path };
    else yield { path, name: parsed.name, session: parsed.session, size: stat.size, changedMs: stat.ctimeMs, isPrevious, isTranscript: parsed.isTranscript };
  }
}

export function isStrange(file: ArchivedFile | StrangeEntry): file is StrangeEntry {
  return 'strange' in file;
}

export async function archivedSessions(archiveDir: string, machineId: string): Promise<ArchivedSession[]> {
  const projects = projectsOf(archiveDir, machineId);
  const sessions = new Map<string, ArchivedSession>();
  for (const project of await namesIn(projects)) {
    if (!project.isDirectory()) continue;
    for (const entry of await namesIn(join(projects, project.name))) {
      const session = entry.isDirectory() ? entry.name : withoutPrevious(entry.name).replace(/\.jsonl$/, '');
      const known = sessions.get(session) ?? { session, roots: [] };
      known.roots.push(join(projects, project.name, entry.name));
      sessions.set(session, known);
    }
  }
  return [...sessions.values()];
}

async function namesIn(directory: string): ReturnType<typeof readEntries> {
  try {
    return await readEntries(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function readEntries(directory: string) {
  return readdir(directory, { withFileTypes: true });
}

async function lstatOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
