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
  #directMs = 0;
  #delegatedMs = 0;
  #waitingMs = 0;
  readonly #sessions = new Set<string>();
  /** Starts and ends, two numbers a span. */
  readonly #spans: number[] = [];

  add({ form, fromMs, toMs, sessionId }: Counted): void {
    const ms = toMs - fromMs;
    if (form === 'waiting') {
      this.#waitingMs += ms;
      return;
    }
    if (form === 'direct') this.#directMs += ms;
    else {
      this.#delegatedMs += ms;
      if (sessionId !== null) this.#sessions.add(sessionId);
    }
    this.#spans.push(fromMs, toMs);
  }

  /** With delegated time. */
  get sessions(): ReadonlySet<string> {
    return this.#sessions;
  }

  times(): Times {
    return { time_direct_ms: this.#directMs, time_delegated_ms: this.#delegatedMs, time_total_ms: unionMs(this.#spans), time_waiting_ms: this.#waitingMs };
  }
}

/** Length of what the spans cover. `spans`: starts and ends by turns. */
export function unionMs(spans: readonly number[]): number {
  const order = Array.from({ length: spans.length / 2 }, (_, at) => 2 * at).sort((a, b) => (spans[a] ?? 0) - (spans[b] ?? 0));
  let [covered, reached] = [0, -Infinity];
  for (const at of order) {
    const [from, to] = [spans[at] ?? 0, spans[at + 1] ?? 0];
    if (to <= reached) continue;
    covered += to - Math.max(from, reached);
    reached = to;
  }
  return covered;
}

/** Most of them that run at one moment; one that ends as another starts is not beside it. */
export function peakOf(spans: Iterable<{ fromMs: number; toMs: number }>): number {
  const turns: { at: number; change: number }[] = [];
  for (const { fromMs, toMs } of spans) turns.push({ at: fromMs, change: 1 }, { at: toMs, change: -1 });
  turns.sort((a, b) => a.at - b.at || a.change - b.change);
  let [now, peak] = [0, 0];
  for (const { change } of turns) {
    now += change;
    peak = Math.max(peak, now);
  }
  return peak;
}
