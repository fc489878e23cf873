/**
 * Rotation of our own logs. Only the agent rotates, by rename: a writer that has
 * the file open goes on appending to the segment, which stays tailed under the
 * same generation, so nothing it writes is lost. (The earlier tool overwrote its
 * one backup, and lost what was in it.)
 */
import { existsSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { systemCode } from '../../shared/errors.ts';

const SEGMENT_SUFFIX = /^-[0-9a-f]{16}\.jsonl$/;
/** Longer than any writer keeps the file open: a hook lives for milliseconds. */
export const SEGMENT_KEPT_MS = 24 * 60 * 60 * 1000;

/** Is `name` the log `stem.jsonl` itself, or a segment `stem-<16 hex>.jsonl` of it? */
export function isLogName(name: string, stem: string): boolean {
  return name === `${stem}.jsonl` || isSegmentName(name, stem);
}

export function isSegmentName(name: string, stem: string): boolean {
  return name.startsWith(stem) && SEGMENT_SUFFIX.test(name.slice(stem.length));
}

/**
 * Renames the log at `path` (`….jsonl`) to a segment beside it once it has
 * `limitBytes`. Returns the segment's path; undefined when there was nothing to
 * do. Names sort by the time of rotation. Throws what `rename(2)` throws.
 */
export function rotateEventLog(path: string, limitBytes: number, clock: Pick<Clock, 'now' | 'random'>): string | undefined {
  const size = sizeOf(path);
  if (size === undefined || size < limitBytes) return undefined;
  const stem = basename(path, '.jsonl');
  for (;;) {
    const time = Math.max(0, Math.floor(clock.now())).toString(16).padStart(12, '0');
    const chance = Math.floor(clock.random() * 0x10000).toString(16).padStart(4, '0');
    const segment = join(dirname(path), `${stem}-${time}${chance}.jsonl`);
    if (existsSync(segment)) continue;
    renameSync(path, segment);
    return segment;
  }
}

export interface RemoveSegmentsOptions {
  clock: Pick<Clock, 'now'>;
  /** Has the collector acknowledged this file up to `sizeBytes`? */
  isAcknowledged(path: string, sizeBytes: number): boolean;
}

/**
 * Deletes the segments of the log at `path` that are acknowledged to their end
 * and were not written for a day. Returns what was deleted. Limit: bytes that
 * reach a segment between the look and its deletion are lost; only a writer that
 * kept it open for a day can do that.
 */
export function removeSpentSegments(path: string, options: RemoveSegmentsOptions): string[] {
  const directory = dirname(path);
  const stem = basename(path, '.jsonl');
  const removed: string[] = [];
  for (const name of namesIn(directory)) {
    if (!isSegmentName(name, stem)) continue;
    const segment = join(directory, name);
    const stats = statSync(segment, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) continue;
    if (options.clock.now() - stats.mtimeMs < SEGMENT_KEPT_MS || !options.isAcknowledged(segment, stats.size)) continue;
    unlinkSync(segment);
    removed.push(segment);
  }
  return removed;
}

function sizeOf(path: string): number | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? stats.size : undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
