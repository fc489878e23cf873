/**
 * What may go from the archive without anything being lost: previous contents that
 * are the start of what their file has now or are older than wished, and files
 * whose bytes are the start of the same file in another project's directory, where
 * the session moved while nobody looked.
 */
import { lstat, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hashFile } from '../../shared/file-hashes.ts';
import { archivedFiles, isStrange, type ArchivedFile } from './session-entries.ts';

export interface Prunable {
  path: string;
  size: number;
  why: 'contained' | 'moved' | 'old';
}

export async function findPrunable(archiveDir: string, machineId: string, { olderThanMs }: { olderThanMs: number }): Promise<Prunable[]> {
  const current = new Map<string, ArchivedFile>();
  const bySession = new Map<string, ArchivedFile[]>();
  const previous: ArchivedFile[] = [];
  for await (const file of archivedFiles(archiveDir, machineId)) {
    if (isStrange(file)) continue;
    if (file.isPrevious) {
      previous.push(file);
      continue;
    }
    current.set(file.name, file);
    const key = file.name.slice(file.name.indexOf('/'));
    bySession.set(key, [...(bySession.get(key) ?? []), file]);
  }
  const prunable: Prunable[] = [];
  for (const file of previous) {
    const now = current.get(file.name);
    if (now !== undefined && (await isStartOf(file, now))) prunable.push(toPrunable(file, 'contained'));
    else if (file.changedMs < olderThanMs) prunable.push(toPrunable(file, 'old'));
  }
  for (const files of bySession.values()) prunable.push(...(await movedFrom(files)));
  return prunable;
}

/** Of several that are one session's file, those that another one has all bytes of. */
async function movedFrom(files: readonly ArchivedFile[]): Promise<Prunable[]> {
  const sorted = files.toSorted((a, b) => b.size - a.size || a.changedMs - b.changedMs);
  const kept: ArchivedFile[] = [];
  const moved: Prunable[] = [];
  for (const file of sorted) {
    let isElsewhere = false;
    for (const other of kept) isElsewhere ||= file.size > 0 && (await isStartOf(file, other));
    if (isElsewhere) moved.push(toPrunable(file, 'moved'));
    else kept.push(file);
  }
  return moved;
}

function toPrunable({ path, size }: ArchivedFile, why: Prunable['why']): Prunable {
  return { path, size, why };
}

async function isStartOf(file: ArchivedFile, whole: ArchivedFile): Promise<boolean> {
  if (file.size > whole.size) return false;
  const [a, b] = [await hashFile(file.path, file.size), await hashFile(whole.path, file.size)];
  return a !== null && a === b;
}

/** Directories that are empty then go, too. */
export async function prune(files: readonly Prunable[]): Promise<void> {
  for (const { path, size } of files) {
    // It was compared some time ago: what has grown since is in use again.
    const stat = await lstat(path).catch(() => undefined);
    if (stat?.size !== size) continue;
    await rm(path, { force: true });
    await rmdir(dirname(path)).catch(() => {}); // There is more in it.
  }
}
