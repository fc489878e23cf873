/** One generation: what the tailer knows about one life of one file. */
import { Positions, type Witness } from '../checkpoint/positions.ts';
import type { SourceKind } from '../extraction.ts';
import type { Generation } from '../../shared/ids.ts';
import type { GapReport, Lane } from '../../shared/protocol/frames.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import type { FileStat } from './file-access.ts';

/** Hash of the first `bytes` bytes. */
export interface PrefixHash {
  bytes: number;
  hash: string;
}

export interface TailedFile {
  readonly gen: Generation;
  /** Undefined: known from a checkpoint, but no source claims its path now. */
  source: SourceKind | undefined;
  path: string;
  dev: number;
  ino: number;
  birthMs: number | null;
  /** Size and mtime at the last look. */
  size: number;
  mtimeMs: number;
  /** Its size before the last look that found a change; 0 where that was the first. */
  sizeBefore: number;
  prefix: PrefixHash;
  readonly positions: Positions;
  /** Where the collector's ledger was further than our checkpoint: the bytes before it must still be those it stored. */
  stored: Witness | null;
  /** No newline in `[cursor, scannedTo)`; never below the cursor in meaning. */
  scannedTo: number;
  /** Hash of the ≤ 256 bytes before `scannedTo` where that lies behind the cursor; empty when not known. */
  scannedTail: string;
  /** The mtime at which the bytes before the cursor were last compared; NaN: never. */
  verifiedMtimeMs: number;
  /**
   * `unseen`: from a checkpoint, not found yet. `vanished`: its path leads elsewhere or nowhere.
   * `gone`: and a full look since then did not find it under another name.
   */
  presence: 'present' | 'unseen' | 'vanished' | 'gone';
  vanishedAt: number | null;
  /** When its checkpoint moved last; null: not yet, or not known. */
  acknowledgedAt: number | null;
  lane: Lane;
  /** It grew since the start: it moves to the live lane as soon as nothing of it is unacknowledged. */
  wantsLive: boolean;
  /** Number of the last full look that met it. */
  lookNumber: number;
  /** Unknown entries and bad lines are counted from here on, so that reading twice counts once. */
  countedTo: number;
  /** After `rewind … replace`: slices that begin before this offset name their entries. */
  replaceUntil: number;
  lastTimestamp: string;
  /** The last one that was acknowledged since the start; empty when not known. */
  acknowledgedTimestamp: string;
  /** A failure to read, in words: nothing reads it until a look has met it again, or, where it is gone, until one has ended. */
  problem: string | null;
  /** Bytes that can no longer be read. */
  gap: GapReport | null;
}

const NO_BYTES = hashBytes(new Uint8Array());
/** The beginning of every file. */
export const START = { offset: 0, tail: NO_BYTES, carry: null } as const;
export const NO_PREFIX: PrefixHash = { bytes: 0, hash: NO_BYTES };

export function createTailedFile(gen: Generation, source: SourceKind | undefined, path: string, stat: FileStat): TailedFile {
  return {
    gen, source, path,
    dev: stat.dev, ino: stat.ino, birthMs: stat.birthMs, size: stat.size, mtimeMs: stat.mtimeMs, sizeBefore: 0,
    prefix: NO_PREFIX,
    positions: new Positions(START),
    stored: null,
    scannedTo: 0, scannedTail: '',
    verifiedMtimeMs: Number.NaN,
    presence: 'present', vanishedAt: null, acknowledgedAt: null, lane: 'backfill', wantsLive: false,
    lookNumber: 0, countedTo: 0, replaceUntil: 0,
    lastTimestamp: '', acknowledgedTimestamp: '', problem: null, gap: null,
  };
}

export function scannedEnd(file: TailedFile): number {
  return Math.max(file.scannedTo, file.positions.cursor.offset);
}

/** Bytes up to here were sent under this generation, or are stored: it can stand for no others. */
export function takenEnd({ positions, stored }: TailedFile): number {
  return Math.max(positions.cursor.offset, positions.reached?.offset ?? 0, stored?.offset ?? 0);
}

/** Are there bytes no one has looked at, or a change that may have touched bytes already read? */
export function needsRead(file: TailedFile): boolean {
  if (file.source === undefined || file.presence === 'unseen' || file.gap !== null || file.problem !== null) return false;
  if (file.size > scannedEnd(file)) return true;
  // The last line of a file that is gone counts without its newline.
  if (file.presence === 'gone') return file.scannedTo > file.positions.cursor.offset;
  return file.presence === 'present' && scannedEnd(file) > 0 && file.verifiedMtimeMs !== file.mtimeMs;
}

/** End of the last complete line as far as known: an unread file may end in an unterminated one. */
export function completeEnd(file: TailedFile): number {
  const cursor = file.positions.cursor.offset;
  if (file.gap !== null) return cursor;
  return scannedEnd(file) >= file.size ? cursor : Math.max(file.size, cursor);
}

export function backlogOf(file: TailedFile): number {
  return Math.max(0, completeEnd(file) - file.positions.acknowledged.offset);
}

/** Everything that can still be read has been read and acknowledged. */
export function isSettled(file: TailedFile): boolean {
  return !file.positions.hasPending && (file.gap !== null || file.size <= scannedEnd(file));
}
