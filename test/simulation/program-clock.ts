import { sleepOn, type Clock } from '../../shared/clock.ts';
import type { ManualClock } from '../support/manual-clock.ts';

/** The clock of one program: it dies with it, so that nothing of a killed program ever runs again. */
export class ProgramClock implements Clock {
  readonly #base: ManualClock;
  readonly #offsetMs: () => number;
  readonly #cancels = new Set<() => void>();
  #isDead = false;

  /** `offsetMs`: how wrong the wall clock of its machine is. */
  constructor(base: ManualClock, offsetMs: () => number = () => 0) {
    this.#base = base;
    this.#offsetMs = offsetMs;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  now(): number {
    return this.#base.now() + this.#offsetMs();
  }

  monotonic(): number {
    return this.#base.monotonic();
  }

  random(): number {
    return this.#base.random();
  }

  after(ms: number, task: () => void): () => void {
    if (this.#isDead) return () => {};
    const cancelTimer = this.#base.after(ms, () => {
      this.#cancels.delete(cancel);
      task();
    });
    const cancel = (): void => {
      this.#cancels.delete(cancel);
      cancelTimer();
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  every(ms: number, task: () => void): () => void {
    if (this.#isDead) return () => {};
    const cancelTimer = this.#base.every(ms, task);
    const cancel = (): void => {
      this.#cancels.delete(cancel);
      cancelTimer();
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  kill(): void {
    this.#isDead = true;
    for (const cancel of this.#cancels) cancel();
  }
}
