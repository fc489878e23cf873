/**
 * How far one generation has been read and how far it has been acknowledged.
 *
 * Guarantee: the acknowledged offset moves only over a contiguous prefix of
 * slices that were each acknowledged; an acknowledgement that comes late, twice,
 * out of order or for a slice that was forgotten moves nothing past a hole.
 */
import type { SliceReceipt } from '../feed.ts';

/** A place in a file from which reading can go on. */
export interface Mark {
  offset: number;
  /** Hash of the ≤ 256 bytes before it. */
  tail: string;
  /** The extractor's carry-over there, as JSON; null when unknown: the file is scanned from 0 up to here. */
  carry: string | null;
}

/** The bytes before it are known by their last ones. */
export type Witness = Pick<Mark, 'offset' | 'tail'>;

export interface ReadSlice extends Mark {
  receipt: SliceReceipt;
  isAcknowledged: boolean;
}

export class Positions {
  #acknowledged: Mark;
  #pending: ReadSlice[] = [];
  #reached: Witness | null = null;

  constructor(acknowledged: Mark) {
    this.#acknowledged = acknowledged;
  }

  get acknowledged(): Mark {
    return this.#acknowledged;
  }

  /** Where the next slice begins. */
  get cursor(): Mark {
    return this.#pending.at(-1) ?? this.#acknowledged;
  }

  /** The furthest place that was handed out, while the cursor is behind it: what was forgotten may be stored all the same. */
  get reached(): Witness | null {
    return this.#reached;
  }

  /** Ends of what is on its way, the furthest first, then the checkpoint. */
  *marks(): Iterable<Witness> {
    yield* this.#pending.toReversed();
    yield this.#acknowledged;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** A slice from the cursor to `to` was handed out. */
  advance(receipt: SliceReceipt, to: Mark): void {
    this.#pending.push({ ...to, receipt, isAcknowledged: false });
    if (this.#reached !== null && to.offset >= this.#reached.offset) this.#reached = null;
  }

  /** True when the checkpoint moved. */
  acknowledge(receipt: SliceReceipt): boolean {
    const slice = this.#pending.find((candidate) => candidate.receipt === receipt);
    if (slice === undefined) return false;
    slice.isAcknowledged = true;
    let hasMoved = false;
    for (;;) {
      const first = this.#pending[0];
      if (first === undefined || !first.isAcknowledged) return hasMoved;
      this.#acknowledged = { offset: first.offset, tail: first.tail, carry: first.carry };
      this.#pending.shift();
      hasMoved = true;
    }
  }

  /** Back to the checkpoint: what was read beyond it counts as never read. */
  forget(): void {
    if (this.#pending.length > 0) this.lower(this.#acknowledged);
  }

  /** Replaces the checkpoint by a lower one and forgets what was read. */
  lower(mark: Mark): void {
    const { offset, tail } = this.cursor;
    if (offset > Math.max(mark.offset, this.#reached?.offset ?? 0)) this.#reached = { offset, tail };
    this.#acknowledged = mark;
    this.#pending = [];
  }
}
