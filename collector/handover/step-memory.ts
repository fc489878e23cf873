/**
 * What is remembered of one machine between two looks: what failed, and is tried
 * again later and later; and what went, so that a copy that is not mirrored back
 * yet does not go again, and one that is written all day long goes now and then.
 */
import type { SteppedSession } from '../../shared/step-document.ts';
import type { Lacking } from './in-step.ts';
import { isOfMachine, type Way } from './machine-step.ts';

export interface StepProblem {
  way: Way;
  /** Null: the way itself. */
  session: string | null;
  code: string;
  message: string;
  hint: string;
}

interface Remembered {
  tries: number;
  nextMs: number;
  problem: StepProblem | null;
  /** Of the file that went. */
  stamp: string | null;
}

const FIRST_MS = 60_000;
const FAILED_MS = 3_600_000;
/** In use, or written just now: that passes. */
const PASSING_MS = 300_000;
/** A session that goes on and on is copied at this rate on average: what it replaces is kept for 30 days. */
const BYTES_PER_MS = 20;

export class StepMemory {
  readonly #entries = new Map<string, Remembered>();
  readonly #seen = new Set<string>();

  isDue(way: Way, file: Lacking, nowMs: number): boolean {
    const keys = [way, directoryKey(way, file), sessionKey(way, file)];
    for (const key of keys) this.#seen.add(key);
    const entries = keys.flatMap((key) => this.#entries.get(key) ?? []);
    return entries.every(({ nextMs, stamp }) => nextMs <= nowMs && stamp !== file.stamp);
  }

  note({ way, session, error, result, bytes }: SteppedSession, file: Lacking, nowMs: number): void {
    if (error && isOfMachine(error)) {
      this.#failed(way, { nowMs, mostMs: FAILED_MS, problem: { way, session: null, ...error } });
      return;
    }
    this.#entries.delete(way);
    if (error) {
      // What has no directory there has none for any of its sessions.
      const isDirectory = error.code.startsWith('directory_');
      const key = isDirectory ? directoryKey(way, file) : sessionKey(way, file);
      const problem = result === 'failed' ? { way, session, ...error } : null;
      this.#failed(key, { nowMs, mostMs: problem === null && !isDirectory ? PASSING_MS : FAILED_MS, problem });
      return;
    }
    this.#entries.delete(directoryKey(way, file));
    const restMs = Math.min(Math.max(bytes / BYTES_PER_MS, FIRST_MS), FAILED_MS);
    this.#entries.set(sessionKey(way, file), { tries: 0, nextMs: nowMs + restMs, problem: null, stamp: file.stamp });
  }

  /** After a look by these ways: what was not met any more is no problem. */
  looked(ways: readonly Way[], nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      const way = ways.find((each) => key === each || key.startsWith(`${each} `));
      // A way that failed was left at its first session: of the others nothing is known.
      if (way === undefined || this.#seen.has(key) || (key !== way && this.#entries.get(way)?.problem)) continue;
      if (entry.nextMs <= nowMs || entry.problem) this.#entries.delete(key);
    }
    this.#seen.clear();
  }

  /** It is connected again: what failed may work now. */
  reconnected(): void {
    for (const [key, { stamp }] of this.#entries) if (stamp === null) this.#entries.delete(key);
  }

  problems(): StepProblem[] {
    return [...this.#entries.values()].flatMap(({ problem }) => problem ?? []);
  }

  #failed(key: string, { nowMs, mostMs, problem }: { nowMs: number; mostMs: number; problem: StepProblem | null }): void {
    const tries = this.#entries.get(key)?.tries ?? 0;
    this.#entries.set(key, { tries: tries + 1, nextMs: nowMs + Math.min(FIRST_MS * 2 ** Math.min(tries, 10), mostMs), problem, stamp: null });
  }
}

const sessionKey = (way: Way, { sessionId }: Lacking): string => `${way} ${sessionId}`;
const directoryKey = (way: Way, { directory }: Lacking): string => `${way} in ${directory ?? ''}`;
