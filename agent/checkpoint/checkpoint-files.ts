/**
 * The files of a checkpoint directory: `snapshot` (whole or not at all),
 * `previous` (the one before it) and `journal` (what changed since).
 */
import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCode } from '../../shared/errors.ts';
import type { Generation } from '../../shared/ids.ts';
import { decodeLine, type CheckpointLine, type CheckpointRecord } from './record.ts';

const NEWLINE = 10;

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
  const problems: string[] = [];
  const loaded = loadSnapshot(paths.snapshot, now, problems) ?? loadSnapshot(paths.previous, now, problems)
    ?? { records: new Map(), lastNumber: 0 };
  const bytes = readBytes(paths.journal, problems);
  let lineCount = 0;
  for (const line of bytes === undefined ? [] : linesOf(bytes)) {
    if (line === undefined) break;
    lineCount += 1;
    if (line.n > loaded.lastNumber) apply(loaded, line);
  }
  // One bad line alone is a header that a crash cut short.
  if (lineCount === 0 && bytes !== undefined && bytes.indexOf(NEWLINE) !== bytes.lastIndexOf(NEWLINE)) setAside(paths.journal, now, problems);
  return { ...loaded, problems };
}

type Records = Omit<LoadedCheckpoint, 'problems'>;

function apply(records: Records, line: CheckpointLine): void {
  records.lastNumber = Math.max(records.lastNumber, line.n);
  if ('put' in line) records.records.set(line.put.gen, line.put);
  else if ('drop' in line) records.records.delete(line.drop);
}

/** Undefined when there is none that is whole. */
function loadSnapshot(path: string, now: number, problems: string[]): Records | undefined {
  const bytes = readBytes(path, problems);
  if (bytes === undefined) return undefined;
  const records: Records = { records: new Map(), lastNumber: 0 };
  let count: number | undefined;
  for (const line of linesOf(bytes)) {
    count = undefined;
    if (line === undefined) break;
    apply(records, line);
    if ('count' in line) ({ count } = line);
  }
  if (count === records.records.size) return records;
  setAside(path, now, problems);
  return undefined;
}

/** One line after the other, undefined for a bad one: all at once would take the memory of all at once. */
function* linesOf(bytes: Buffer): Generator<CheckpointLine | undefined, void> {
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    yield newline === -1 ? undefined : decodeLine(bytes.toString('utf8', start, end));
    start = end + 1;
  }
}

function readBytes(path: string, problems: string[]): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') problems.push(`cannot read checkpoint ${path}: ${messageOf(error)}`);
    return undefined;
  }
}

function setAside(path: string, now: number, problems: string[]): void {
  const aside = `${path}.bad-${now}`;
  problems.push(`checkpoint ${path} was damaged and set aside as ${aside}: files are read again where needed`);
  try {
    renameSync(path, aside);
  } catch (error) {
    problems.push(`cannot set ${path} aside: ${messageOf(error)}`);
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
