/**
 * The files of a checkpoint directory: `snapshot` (whole or not at all),
 * `previous` (the one before it) and `journal` (what changed since).
 */
import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCode } from '../../shared/errors.ts';
import type { Generation } from '../../shared/ids.ts';
import { decodeLine, type CheckpointLine, type CheckpointRecord } from './record.ts';

export interface CheckpointPaths {
  snapshot: string;
  previous: string;
  journal: string;
}

export function checkpointPaths(directory: string): CheckpointPaths {
  return {
    snapshot: join(directory, 'snapshot.jsonl'),
    previous: join(directory, 'previous.jsonl'),
    journal: join(directory, 'journal.jsonl'),
  };
}

export interface LoadedCheckpoint {
  records: Map<Generation, CheckpointRecord>;
  /** Greatest line number seen. */
  lastNumber: number;
  /** What was set aside, in words. */
  problems: string[];
}

/**
 * Snapshot, then journal up to its first bad line: a torn tail is what a crash
 * leaves. A damaged snapshot is set aside and the previous one taken: its
 * offsets are lower, which costs a resend and loses nothing. Throws nothing.
 */
export function loadCheckpoint(paths: CheckpointPaths, now: number): LoadedCheckpoint {
  const loaded: LoadedCheckpoint = { records: new Map(), lastNumber: 0, problems: [] };
  const snapshot = readSnapshot(paths.snapshot, now, loaded) ?? readSnapshot(paths.previous, now, loaded) ?? [];
  for (const line of snapshot) apply(loaded, line);
  const journal = readLines(paths.journal, loaded);
  if (journal !== undefined) {
    // One bad line alone is a header that a crash cut short.
    if (journal.length > 1 && decodeLine(journal[0] ?? '') === undefined) setAside(paths.journal, now, loaded);
    for (const text of journal) {
      const line = decodeLine(text);
      if (line === undefined) break;
      if (line.n > loaded.lastNumber) apply(loaded, line);
    }
  }
  return loaded;
}

function apply(loaded: LoadedCheckpoint, line: CheckpointLine): void {
  loaded.lastNumber = Math.max(loaded.lastNumber, line.n);
  if ('put' in line) loaded.records.set(line.put.gen, line.put);
  else if ('drop' in line) loaded.records.delete(line.drop);
}

/** Undefined when there is none that is whole. */
function readSnapshot(path: string, now: number, loaded: LoadedCheckpoint): CheckpointLine[] | undefined {
  const texts = readLines(path, loaded);
  if (texts === undefined) return undefined;
  const lines: CheckpointLine[] = [];
  for (const text of texts) {
    const line = decodeLine(text);
    if (line !== undefined) lines.push(line);
  }
  const last = lines.at(-1);
  const isWhole = lines.length === texts.length && last !== undefined && 'count' in last && last.count === lines.length - 2;
  if (isWhole) return lines;
  setAside(path, now, loaded);
  return undefined;
}

function readLines(path: string, loaded: LoadedCheckpoint): string[] | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') loaded.problems.push(`cannot read checkpoint ${path}: ${messageOf(error)}`);
    return undefined;
  }
}

function setAside(path: string, now: number, loaded: LoadedCheckpoint): void {
  const aside = `${path}.bad-${now}`;
  loaded.problems.push(`checkpoint ${path} was damaged and set aside as ${aside}: files are read again where needed`);
  try {
    renameSync(path, aside);
  } catch (error) {
    loaded.problems.push(`cannot set ${path} aside: ${messageOf(error)}`);
  }
}

/** Keeps the present snapshot as the previous one while a new one takes its name. There is always one. */
export function keepPrevious(paths: CheckpointPaths): void {
  const next = `${paths.previous}.tmp`;
  try {
    copyFileSync(paths.snapshot, next);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  renameSync(next, paths.previous);
}
