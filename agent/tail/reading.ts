/**
 * Takes slices out of the files that have something to read, lane by lane, and
 * tells the uplink when there is any. A file that cannot be read stops no other.
 */
import type { Slice } from '../feed.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Lane } from '../../shared/protocol/frames.ts';
import type { DrainedLooks } from './drained-looks.ts';
import type { Lanes } from './lanes.ts';
import type { Looks } from './looks.ts';
import { isAbsent, type Readers } from './readers.ts';
import type { SliceLimits } from './slice-sink.ts';
import type { Slices } from './slices.ts';
import type { TailStatus } from './tail-status.ts';
import { needsRead, type TailedFile } from './tailed-file.ts';
import { isAbsence, unreadableKeptWords, unreadableWords } from './unreadable.ts';

export interface ReadingDeps {
  clock: Clock;
  lanes: Lanes;
  slices: Slices;
  readers: Readers;
  looks: Looks;
  drained: DrainedLooks;
  status: TailStatus;
}

/** The part of a feed that hands out slices (agent/feed.ts). */
export interface Reading {
  onWork(listener: () => void): void;
  hasWork(lane: Lane): boolean;
  read(lane: Lane, limits: SliceLimits): Slice | undefined;
  /** There may be work that the listener was not told of. */
  found(): void;
  /** Nobody is told any more. */
  close(): void;
}

/** One call of `read` does about this much, also where files turn out to hold nothing. */
const READ_MS = 6;

export function createReading(deps: ReadingDeps): Reading {
  return new FileReading(deps);
}

class FileReading implements Reading {
  readonly #deps: ReadingDeps;
  #listener: () => void = () => {};
  #cancelWake: (() => void) | undefined;

  constructor(deps: ReadingDeps) {
    this.#deps = deps;
  }

  onWork(listener: () => void): void {
    this.#listener = listener;
  }

  hasWork(lane: Lane): boolean {
    return this.#deps.lanes.hasNext(lane);
  }

  found(): void {
    if (this.hasWork('live') || this.hasWork('backfill')) this.#listener();
  }

  close(): void {
    this.#cancelWake?.();
    this.#listener = () => {};
  }

  read(lane: Lane, limits: SliceLimits): Slice | undefined {
    const { clock, lanes } = this.#deps;
    const until = clock.monotonic() + READ_MS;
    for (let file = lanes.next(lane); file !== undefined; file = lanes.next(lane)) {
      const slice = needsRead(file) ? this.#readFile(file, limits) : undefined;
      if (slice !== undefined) return slice;
      if (clock.monotonic() < until) continue;
      this.#wakeSoon();
      return undefined;
    }
    return undefined;
  }

  #readFile(file: TailedFile, limits: SliceLimits): Slice | undefined {
    const { lanes, looks, status } = this.#deps;
    try {
      const result = this.#deps.slices.read(file, limits);
      switch (result.kind) {
        case 'slice':
          lanes.requeue(file);
          status.sliceRead(result.slice);
          return result.slice;
        case 'again':
          lanes.requeue(file);
          break;
        case 'changed':
          looks.contentChanged(file);
          break;
        case 'replaced':
          if (file.source !== undefined) looks.look(file.path, file.source);
          break;
        case 'nothing':
          this.#deps.drained.progressed(file);
          break;
      }
    } catch (error) {
      this.#unreadable(file, error);
    }
    return undefined;
  }

  #unreadable(file: TailedFile, error: unknown): void {
    this.#deps.readers.close(file);
    if (isAbsence(error)) {
      if (file.presence === 'present') this.#deps.looks.vanish(file);
      return;
    }
    // The next look that meets it, or the end of the next one where it is gone, clears it and tries again; the other files go on.
    file.problem = isAbsent(file) ? unreadableKeptWords(file.path, error) : unreadableWords(file.path, error);
  }

  #wakeSoon(): void {
    this.#cancelWake ??= this.#deps.clock.after(0, () => {
      this.#cancelWake = undefined;
      this.found();
    });
  }
}
