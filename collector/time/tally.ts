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
    return coverOf([this.#work]).peak;
  }

  times(): Times {
    return {
      time_direct_ms: this.#direct.sumMs, time_delegated_ms: this.#work.sumMs, time_total_ms: coverOf([this.#direct, this.#work]).unionMs,
      time_waiting_ms: this.#waitingMs,
    };
  }
}

/** Half-open, none of them empty. */
class Spans {
  sumMs = 0;
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  add(fromMs: number, toMs: number): void {
    this.sumMs += toMs - fromMs;
    this.starts.push(fromMs);
    this.ends.push(toMs);
  }
}

/**
 * How long anything runs, and how much at most at one moment; what ends as
 * another starts is not beside it. How many run is a matter of the starts and
 * ends alone, whichever belong together, so both are sorted as bare numbers.
 */
function coverOf(spans: readonly Spans[]): { unionMs: number; peak: number } {
  const starts = sorted(spans.map((each) => each.starts));
  const ends = sorted(spans.map((each) => each.ends));
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

function sorted(lists: readonly (readonly number[])[]): Float64Array {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const list of lists) {
    all.set(list, filled);
    filled += list.length;
  }
  return all.sort();
}
