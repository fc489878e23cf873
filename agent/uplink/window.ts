/**
 * What has been sent and not answered: credit in bytes per lane, and which
 * slices an answer releases. Pure: no clock, no socket.
 *
 * Guarantee: slices are released in the order they were sent in their lane, and
 * only by an ack of their own batch; after `forget` no earlier ack releases
 * anything, while its bytes stay counted until the collector has answered.
 */
import type { SliceReceipt } from '../feed.ts';
import type { Lane, WireLimits } from '../../shared/protocol/frames.ts';

export interface SentBatch {
  lane: Lane;
  bytes: number;
  receipts: readonly SliceReceipt[];
  /** Monotonic ms. */
  sentAt: number;
}

interface InFlight extends SentBatch {
  isAcked: boolean;
  isForgotten: boolean;
}

/** Enough to keep a link busy while the collector commits; more would only be sent again after a cut. */
const BACKFILL_FRAMES = 4;

export class SendWindow {
  readonly #limits: Pick<WireLimits, 'liveWindowBytes' | 'backfillWindowBytes'>;
  readonly #inFlight = new Map<number, InFlight>();
  readonly #bytes: Record<Lane, number> = { live: 0, backfill: 0 };
  readonly #frames: Record<Lane, number> = { live: 0, backfill: 0 };
  #nextSeq = 1;

  constructor(limits: Pick<WireLimits, 'liveWindowBytes' | 'backfillWindowBytes'>) {
    this.#limits = limits;
  }

  /** May a frame of about `bytes` be sent? A lane with nothing in flight always may. */
  hasCredit(lane: Lane, bytes: number, { isLiveBusy }: { isLiveBusy: boolean }): boolean {
    if (this.#frames[lane] === 0) return true;
    if (lane === 'backfill' && this.#frames.backfill >= (isLiveBusy ? 1 : BACKFILL_FRAMES)) return false;
    const limit = lane === 'live' ? this.#limits.liveWindowBytes : this.#limits.backfillWindowBytes;
    return this.#bytes[lane] + bytes <= limit;
  }

  /** The number that the next batch must carry. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  sent(batch: SentBatch): void {
    this.#inFlight.set(this.#nextSeq, { ...batch, isAcked: false, isForgotten: false });
    this.#nextSeq += 1;
    this.#bytes[batch.lane] += batch.bytes;
    this.#frames[batch.lane] += 1;
  }

  /** Is this batch waited for, with slices that still count? */
  awaits(seq: number): boolean {
    const batch = this.#inFlight.get(seq);
    return batch !== undefined && !batch.isAcked && !batch.isForgotten;
  }

  /** Stored. Returns the slices that this releases: none while an earlier batch of the lane is unanswered. */
  acked(seq: number): SliceReceipt[] {
    const batch = this.#inFlight.get(seq);
    if (batch === undefined || batch.isAcked) return [];
    this.#release(batch);
    if (batch.isForgotten) {
      this.#inFlight.delete(seq);
      return [];
    }
    batch.isAcked = true;
    const released: SliceReceipt[] = [];
    for (const [other, candidate] of this.#inFlight) {
      if (candidate.lane !== batch.lane || candidate.isForgotten) continue;
      if (!candidate.isAcked) break;
      released.push(...candidate.receipts);
      this.#inFlight.delete(other);
    }
    return released;
  }

  /** Answered, but not stored. */
  refused(seq: number): void {
    const batch = this.#inFlight.get(seq);
    if (batch === undefined) return;
    if (!batch.isAcked) this.#release(batch);
    this.#inFlight.delete(seq);
  }

  /** What is in flight will be read and sent again: its answers only give back credit. */
  forget(): void {
    for (const [seq, batch] of this.#inFlight) {
      if (batch.isAcked) this.#inFlight.delete(seq);
      else Object.assign(batch, { isForgotten: true, receipts: [] });
    }
  }

  /** Nothing waits for an ack that would move a checkpoint. */
  get isIdle(): boolean {
    for (const batch of this.#inFlight.values()) if (!batch.isForgotten) return false;
    return true;
  }

  /** Monotonic ms at which the oldest unanswered batch was sent. */
  get oldestSentAt(): number | undefined {
    for (const batch of this.#inFlight.values()) if (!batch.isAcked) return batch.sentAt;
    return undefined;
  }

  #release(batch: SentBatch): void {
    this.#bytes[batch.lane] -= batch.bytes;
    this.#frames[batch.lane] -= 1;
  }
}
