/** A generation as its checkpoint record, and back. */
import type { CheckpointRecord } from '../checkpoint/record.ts';
import { Positions } from '../checkpoint/positions.ts';
import type { SourceKind } from '../extraction.ts';
import type { Generation } from '../../shared/ids.ts';
import type { KeptMeasure } from './kept-files.ts';
import { createTailedFile, type TailedFile } from './tailed-file.ts';

/** Undefined for what is not worth keeping: a file of which nothing is acknowledged is found again as a new one. */
export function toRecord(file: TailedFile): CheckpointRecord | undefined {
  const { offset, tail, carry } = file.positions.acknowledged;
  if (offset === 0 && file.replaceUntil === 0) return undefined;
  const isReadTo = file.positions.cursor.offset === offset && file.verifiedMtimeMs === file.mtimeMs;
  return {
    gen: file.gen,
    path: file.path,
    dev: file.dev,
    ino: file.ino,
    birth_ms: file.birthMs,
    offset, tail, carry,
    prefix_bytes: file.prefix.bytes,
    prefix_hash: file.prefix.hash,
    // With anything left to read, no size or time on disk may look like "unchanged since".
    size: isReadTo ? file.size : offset,
    mtime_ms: isReadTo ? file.mtimeMs : 0,
    scanned_to: isReadTo ? Math.max(file.scannedTo, offset) : offset,
    vanished_at: file.vanishedAt,
    acked_at: file.acknowledgedAt,
    replace_until: file.replaceUntil,
    last_timestamp: file.lastTimestamp,
  };
}

export function fromRecord(record: CheckpointRecord, source: SourceKind | undefined): TailedFile {
  return {
    gen: record.gen,
    source,
    path: record.path,
    dev: record.dev,
    ino: record.ino,
    birthMs: record.birth_ms,
    size: record.size,
    mtimeMs: record.mtime_ms,
    sizeBefore: record.size,
    prefix: { bytes: record.prefix_bytes, hash: record.prefix_hash },
    positions: new Positions({ offset: record.offset, tail: record.tail, carry: record.carry }),
    stored: null,
    scannedTo: record.scanned_to,
    scannedTail: '',
    verifiedMtimeMs: record.mtime_ms,
    presence: record.vanished_at === null ? 'unseen' : 'vanished',
    vanishedAt: record.vanished_at,
    acknowledgedAt: record.acked_at,
    lane: 'backfill',
    wantsLive: false,
    lookNumber: 0,
    countedTo: record.offset,
    replaceUntil: record.replace_until,
    lastTimestamp: record.last_timestamp,
    acknowledgedTimestamp: '',
    problem: null,
    gap: null,
  };
}

/** A file of which only what is kept is known: read from 0, here or where it is found. */
export function fromKept({ gen, source, path, measure }: {
  gen: Generation; source: SourceKind | undefined; path: string; measure: KeptMeasure;
}): TailedFile {
  const stat = { ...measure, isFile: true, isDirectory: false };
  return { ...createTailedFile(gen, source, path, stat), presence: 'unseen' };
}
