import { sleepOn, type Clock } from '../../shared/clock.ts';

/** A clock that moves only when told: `advance` runs what falls due, in order. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  #nextId = 1;
  #seed: number;
  readonly #timers = new Map<number, { at: number; every: number | undefined; task: () => void }>();

  constructor(startMs = Date.UTC(2026, 0, 5, 12), seed = 1) {
    this.#now = startMs;
    this.#seed = seed >>> 0;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, task: () => void): () => void {
    return this.#arm(ms, undefined, task);
  }

  every(ms: number, task: () => void): () => void {
    return this.#arm(ms, ms, task);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /** Mulberry32: small, seedable, good enough to spread retries. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let t = this.#seed;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** Moves both clocks, running due timers in time order. Synchronous: callers flush promises themselves. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    while (this.step(end)) continue;
  }

  /** Runs the next timer due until monotonic `end`, and only that one. False, and the clocks at `end`, when there is none. */
  step(end: number): boolean {
    let due: { id: number; at: number } | undefined;
    for (const [id, timer] of this.#timers) {
      if (timer.at <= end && (due === undefined || timer.at < due.at)) due = { id, at: timer.at };
    }
    if (due === undefined) {
      this.#moveTo(end);
      return false;
    }
    this.#moveTo(due.at);
    const timer = this.#timers.get(due.id);
    if (timer === undefined) return true;
    if (timer.every === undefined) this.#timers.delete(due.id);
    else timer.at += timer.every;
    timer.task();
    return true;
  }

  /** The wall clock jumps (NTP, sleep, a person); timers do not. */
  jump(ms: number): void {
    this.#now += ms;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }

  #arm(ms: number, every: number | undefined, task: () => void): () => void {
    const id = this.#nextId++;
    this.#timers.set(id, { at: this.#monotonic + Math.max(ms, every === undefined ? 0 : 1), every, task });
    return () => this.#timers.delete(id);
  }
}
