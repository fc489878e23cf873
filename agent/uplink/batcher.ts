/**
 * Packs slices of the feed into batches. A generation appears once in a batch:
 * slices that continue each other become one range, others wait for the next.
 */
import type { LineageEdge, SessionState } from '../../shared/event.ts';
import type { Clock } from '../../shared/clock.ts';
import { TARGET_FRAME_BYTES } from '../../shared/limits.ts';
import type { BatchFile, Lane, WireLimits } from '../../shared/protocol/frames.ts';
import type { Feed, Slice, SliceReceipt } from '../feed.ts';
import { toParts, type Part } from './parts.ts';

export interface PackedBatch {
  files: BatchFile[];
  printed: string[];
  states: SessionState[];
  edges: LineageEdge[];
  entries?: string[];
  receipts: SliceReceipt[];
  /** Estimate of the printed frame. */
  bytes: number;
}

export interface Batcher {
  hasWork(lane: Lane): boolean;
  /** The next batch of a lane. Undefined when there is nothing to send after all. */
  next(lane: Lane): PackedBatch | undefined;
  /** Drops what was read and not packed: the feed reads it again. */
  forget(): void;
}

/** More would exceed what the envelope may name. */
const FILES_PER_BATCH = 2000;
/** Packing many small or empty slices must not hold up what arrives meanwhile. */
const PACKING_MS = 8;

export function createBatcher(
  feed: Pick<Feed, 'hasWork' | 'read'>,
  clock: Pick<Clock, 'monotonic'>,
  limits: Pick<WireLimits, 'batchBytes' | 'batchEvents'>,
): Batcher {
  const waiting: Record<Lane, Part[]> = { live: [], backfill: [] };
  const target = Math.min(TARGET_FRAME_BYTES, limits.batchBytes);

  function read(lane: Lane, batch: PackedBatch): Part | undefined {
    const part = waiting[lane].shift();
    if (part !== undefined) return part;
    if (!feed.hasWork(lane)) return undefined;
    const slice: Slice | undefined = feed.read(lane, {
      targetBytes: target - batch.bytes,
      maxEvents: limits.batchEvents - batch.printed.length,
    });
    if (slice === undefined) return undefined;
    const [first, ...rest] = toParts(slice, limits);
    waiting[lane].push(...rest);
    return first;
  }

  return {
    hasWork: (lane) => waiting[lane].length > 0 || feed.hasWork(lane),
    next(lane) {
      const batch: PackedBatch = { files: [], printed: [], states: [], edges: [], receipts: [], bytes: 0 };
      const gens = new Set<string>();
      const until = clock.monotonic() + PACKING_MS;
      while (batch.bytes < target && batch.printed.length < limits.batchEvents && batch.files.length < FILES_PER_BATCH) {
        const part = read(lane, batch);
        if (part === undefined) break;
        if (!fits(part, batch, gens, limits)) {
          waiting[lane].unshift(part);
          break;
        }
        append(part, batch, gens);
        if (clock.monotonic() >= until) break;
      }
      return batch.files.length === 0 ? undefined : batch;
    },
    forget() {
      waiting.live = [];
      waiting.backfill = [];
    },
  };
}

function continues(file: BatchFile, last: BatchFile | undefined): last is BatchFile {
  return last !== undefined && last.gen === file.gen && last.to === file.from && last.tail === file.prev;
}

function fits(
  part: Part, batch: PackedBatch, gens: ReadonlySet<string>, limits: Pick<WireLimits, 'batchBytes' | 'batchEvents'>,
): boolean {
  if (batch.files.length === 0) return true;
  if (batch.bytes + part.bytes > limits.batchBytes) return false;
  if (batch.printed.length + part.printed.length > limits.batchEvents) return false;
  return !gens.has(part.file.gen) || continues(part.file, batch.files.at(-1));
}

function append(part: Part, batch: PackedBatch, gens: Set<string>): void {
  const last = batch.files.at(-1);
  if (continues(part.file, last)) {
    last.to = part.file.to;
    last.tail = part.file.tail;
    last.events += part.file.events;
  } else {
    batch.files.push({ ...part.file });
    gens.add(part.file.gen);
  }
  batch.printed.push(...part.printed);
  batch.states.push(...part.states);
  batch.edges.push(...part.edges);
  if (part.entries !== undefined) batch.entries = [...(batch.entries ?? []), ...part.entries];
  if (part.receipt !== undefined) batch.receipts.push(part.receipt);
  batch.bytes += part.bytes;
}
