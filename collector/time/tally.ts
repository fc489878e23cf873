/** Sums of intervals: each form for itself, their union, and how many sessions were at work at once. Pure. */
import type { TimeInterval } from '../store/intervals.ts';

export interface Times {
  time_direct_ms: number;
  time_delegated_ms: number;
  time_total_ms: number;
  time_waiting_ms: number;
}

type Counted = Pick<TimeInterval, 'form' | 'fromMs' | 'toMs' | 'sessionId'>;

export class Tally {
  #waitingMs = 0;
  readonly #sessions = new Set<string>();
  readonly #direct = new Spans();
  readonly #work = new Spans();

  add({ form, fromMs, toMs, sessionId }: Counted): void {
    if (form === 'waiting') this.#waitingMs += toMs - fromMs;
    else if (form === 'direct') this.#direct.add(fromMs, toMs);
    else {
      this.#work.add(fromMs, toMs);
      if (sessionId !== null) this.#sessions.add(sessionId);
    }
  }

  /** With delegated time. */
  get sessions(): ReadonlySet<string> {
    return this.#sessions;
  }

  get directMs(): number {
    return this.#direct.sumMs;
  }

  get delegatedMs(): number {
    return this.#work.sumMs;
  }

  /** Most sessions at work at one moment. */
  get peak(): number {
    return coverOf(this.#work.starts, this.#work.ends).peak;
  }

  times(): Times {
    const [direct, work] = [this.#direct, this.#work];
    const { unionMs } = coverOf(merged(direct.starts, work.starts), merged(direct.ends, work.ends));
    return { time_direct_ms: direct.sumMs, time_delegated_ms: work.sumMs, time_total_ms: unionMs, time_waiting_ms: this.#waitingMs };
  }
}

/** Half-open, none of them empty. */
class Spans {
  sumMs = 0;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  add(fromMs: number, toMs: number): void {
    this.sumMs += toMs - fromMs;
    const last = this.#ends.length - 1;
    // What goes on where the one before ended is the same to who counts how many run.
    if (this.#ends[last] === fromMs) this.#ends[last] = toMs;
    else {
      this.#starts.push(fromMs);
      this.#ends.push(toMs);
    }
  }

  get starts(): Float64Array {
    return sorted(this.#starts);
  }

  get ends(): Float64Array {
    return sorted(this.#ends);
  }
}

/**
 * How long anything runs, and how much at most at one moment; what ends as
 * another starts is not beside it. How many run is a matter of the starts and
 * ends alone, whichever belong together, so both are sorted as bare numbers.
 */
function coverOf(starts: Float64Array, ends: Float64Array): { unionMs: number; peak: number } {
  let [started, open, since, unionMs, peak] = [0, 0, 0, 0, 0];
  for (const end of ends) {
    for (let start = starts[started]; start !== undefined && start < end; start = starts[started]) {
      if (open === 0) since = start;
      open += 1;
      started += 1;
    }
    peak = Math.max(peak, open);
    open -= 1;
    if (open === 0) unionMs += end - since;
  }
  return { unionMs, peak };
}

/** They come nearly sorted, most often wholly. */
function sorted(values: readonly number[]): Float64Array {
  const all = Float64Array.from(values);
  for (let at = 1; at < all.length; at += 1) if ((all[at] ?? 0) < (all[at - 1] ?? 0)) return all.sort();
  return all;
}

/** Both sorted. */
function merged(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const all = new Float64Array(a.length + b.length);
  for (let [at, ofA, ofB] = [0, 0, 0]; at < all.length; at += 1) {
    const [first = Infinity, second = Infinity] = [a[ofA], b[ofB]];
    if (first <= second) ofA += 1;
    else ofB += 1;
    all[at] = Math.min(first, second);
  }
  return all;
}
