/**
 * The seam between reading (agent/tail) and sending (agent/uplink). The uplink
 * pulls slices while it has credit; files wait on disk, never in memory.
 *
 * Guarantee: slices of one generation come in file order without holes, each
 * `from` equals the `to` before it, until `resync` or `rewind` sends the
 * generation back to its checkpoint. A generation never has slices of both lanes
 * unacknowledged at once.
 */
import type { LineageEdge, SessionState } from '../shared/event.ts';
import type { Generation } from '../shared/ids.ts';
import type { BatchFile, GapReport, Lane, Position } from '../shared/protocol/frames.ts';

/** Bytes `[file.from, file.to)` of one generation, read and extracted. */
export interface Slice {
  file: BatchFile;
  /** Events as JSON, printed once. */
  printed: readonly string[];
  /** Sum of their lengths in UTF-8 bytes (an estimate from above is fine). */
  printedBytes: number;
  states: readonly SessionState[];
  edges: readonly LineageEdge[];
  /** Only while a `replace` rewind is being answered. */
  entries?: readonly string[];
  /** Opaque: goes back to `acknowledge`. Holds the carry-over at `to`. */
  receipt: SliceReceipt;
}

export interface SliceReceipt {
  readonly gen: Generation;
  readonly from: number;
  readonly to: number;
  /** Of the last event up to `to`, as far as known. */
  readonly lastTimestamp?: string;
}

/** Kept files that take room: whose original is gone, or that are copies. As of the last look. */
export interface KeptStatus {
  files: number;
  bytes: number;
  /** Epoch ms since when the oldest is gone; null where there is none. */
  oldestAt: number | null;
  limitBytes: number;
}

export interface FeedStatus {
  /** Null until the first full look has ended. */
  backlogBytes: number | null;
  /** Estimate from bytes and the events per byte seen so far; null with it. */
  backlogEvents: number | null;
  oldestUnackedAt: number | null;
  drainedAt: number | null;
  files: number;
  unknownEntries: Readonly<Record<string, number>>;
  badLines: number;
  keptBytes: number;
  kept: KeptStatus;
  gaps: readonly GapReport[];
  /** In words: `watch limit reached: rescanning every 5 s`, `cannot read /x: EACCES`. */
  problems: readonly string[];
  /** Everything that can be read is acknowledged, and something can not be read: `problems` names it. */
  isBlocked?: boolean;
}

export interface Feed {
  /** Has this lane something to read? Cheap. */
  hasWork(lane: Lane): boolean;
  /**
   * Reads the next slice of a lane: at most about `targetBytes` of printed
   * events and `maxEvents` of them, a few ms of work. Undefined when there is
   * none. Synchronous. A slice may hold no event: the range still has to be stored.
   */
  read(lane: Lane, limits: { targetBytes: number; maxEvents: number }): Slice | undefined;
  /** Called whenever a lane may have become readable. One listener. */
  onWork(listener: () => void): void;

  /** The collector has stored this slice: the checkpoint may move, over a contiguous prefix only. */
  acknowledge(receipt: SliceReceipt): void;

  /**
   * Durable acknowledged offsets of all generations, for the digest of hello. Beside them, one that no
   * ledger can have for each generation whose bytes went while they were on their way: only the
   * collector's ledger can tell whether they are lost, so the digests must differ.
   */
  positions(): Iterable<readonly [gen: Generation, offset: number]>;
  /**
   * The collector's ledger, complete: each generation starts at the lower of the
   * two, unknown to the collector: 0. Lowered checkpoints are fsynced before it
   * resolves, unless the disk refuses: then they hold in memory, and after a restart
   * the next ledger lowers them again. Returns the ledger's generations that the
   * agent does not know.
   */
  settle(ledger: readonly Position[]): Promise<Generation[]>;
  /**
   * Forget what was read beyond the checkpoints: the connection is gone, or a frame was not taken.
   * True: some of it cannot be read again, and only the ledger of another connection tells what was stored.
   */
  resync(): boolean;
  /** Lower one checkpoint (durably, as `settle` does) and read again from there; `replace` also reports entries. */
  rewind(gen: Generation, to: number, options: { replace: boolean }): Promise<void>;
  /** The content is not what the collector knows: mint a new generation at 0. */
  reset(gen: Generation): Promise<void>;

  /** Of `status().gaps` those that the collector may not know of, oldest first. */
  untold(): readonly GapReport[];
  /** It knows of these: something was acknowledged behind a frame that named them. */
  told(gaps: readonly GapReport[]): void;

  status(): FeedStatus;
}
