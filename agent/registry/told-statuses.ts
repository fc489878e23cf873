/**
 * What `status.jsonl` already says of each session and process, so that a
 * restart repeats nothing and still knows whose end to look for.
 *
 * Limit: only the newest MiB of the log is read. Whose end is not told yet is known
 * beside that (open-statuses.ts, as of the last look at everything), so that it will
 * be; anything else that is older is told once more, which is the same fact.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isSegmentName } from '../event-log/segments.ts';
import type { RegistryRecord } from './registry-record.ts';
import { parseStatusLine, type Told } from './status-line.ts';

const READ_BYTES = 1024 * 1024;

export type TellingKey = string;

export function keyOf({ sessionId, pid }: Pick<RegistryRecord, 'sessionId' | 'pid'>): TellingKey {
  return `${sessionId}:${pid}`;
}

export function readToldStatuses(statusLog: string, open: readonly Told[], host: string): Map<TellingKey, Told> {
  const told = toldInLog(statusLog, host);
  for (const each of open) {
    const key = keyOf(each.record);
    const logged = told.get(key);
    // Of one time it knows more: a process that was first told of may have been seen later.
    if (logged === undefined || (!logged.isGone && logged.record.statusAtMs <= each.record.statusAtMs)) told.set(key, each);
  }
  return told;
}

function toldInLog(statusLog: string, host: string): Map<TellingKey, Told> {
  const told = new Map<TellingKey, Told>();
  for (const line of newestLines(statusLog)) {
    const read = parseStatusLine(line, host);
    if (read === undefined) continue;
    const key = keyOf(read.record);
    const before = told.get(key);
    if (!read.isGone) told.set(key, read);
    // A `gone` ends the status of its time; what the session did before is still what a file left behind says.
    else if (before === undefined || before.record.statusAtMs === read.record.statusAtMs) told.set(key, { ...(before ?? read), isGone: true });
  }
  return told;
}

function newestLines(statusLog: string): string[] {
  const parts: string[] = [];
  let budget = READ_BYTES;
  for (const path of [statusLog, ...segmentsOf(statusLog).toReversed()]) {
    if (budget <= 0) break;
    const { text, bytes } = readTail(path, budget);
    parts.unshift(text);
    budget -= bytes;
  }
  return parts.flatMap((text) => text.split('\n'));
}

/** What can not be read is not known, and told again. */
function segmentsOf(statusLog: string): string[] {
  const directory = dirname(statusLog);
  const stem = basename(statusLog, '.jsonl');
  try {
    return readdirSync(directory).filter((name) => isSegmentName(name, stem)).toSorted().map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** A first line that was cut in half does not parse, which is what is wanted. */
function readTail(path: string, budget: number): { text: string; bytes: number } {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, budget));
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return { text: buffer.toString('utf8', 0, read), bytes: read };
  } catch {
    return { text: '', bytes: 0 };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
