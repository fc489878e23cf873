/**
 * Durable checkpoints of all generations: changed ones are appended to a journal
 * and synced together, at most every half second; a journal of more than four
 * times what lives is replaced by a snapshot.
 *
 * Guarantee: when `flush` has resolved to true, everything marked before is on
 * disk, and so is what `before` wrote. While the disk refuses (full, read-only),
 * the last durable state stays in force, the problem is visible and each flush
 * tries again.
 */
import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { makePrivateDirectory, PRIVATE_FILE_MODE, syncDirectory, writeFileAtomic } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Generation } from '../../shared/ids.ts';
import { checkpointPaths, keepPrevious, loadCheckpoint, type CheckpointPaths } from './checkpoint-files.ts';
import { CHECKPOINT_VERSION, encodeLine, type CheckpointLine, type CheckpointRecord } from './record.ts';

export interface CheckpointStore {
  /** What was on disk at opening, one record of each generation. Given away once: the caller's from then on, and no longer in memory here. */
  takeLoaded(): CheckpointRecord[];
  /** The record of this generation changed or is no more: write it at the next flush. */
  mark(gen: Generation): void;
  /** False: not on disk, see `problems`. */
  flush(): Promise<boolean>;
  readonly problems: readonly string[];
  /** From now on nothing is written: the files are another agent's. */
  disown(): void;
  close(): Promise<void>;
}

export interface CheckpointStoreDeps {
  clock: Clock;
  directory: string;
  /** Present state of a generation; undefined when there is nothing to keep of it. */
  recordOf(gen: Generation): CheckpointRecord | undefined;
  /** All generations that have a record. */
  generations(): Iterable<Generation>;
  /** Called before each write: puts on disk what must be there first. False: it could not, so nothing is written. */
  before?(): boolean;
}

const FLUSH_MS = 500;
const RETRY_MS = 5_000;
const COMPACT_FACTOR = 4;
const COMPACT_MIN_BYTES = 1024 * 1024;

export function openCheckpointStore(deps: CheckpointStoreDeps): CheckpointStore {
  return new JournaledCheckpoints(deps);
}

class JournaledCheckpoints implements CheckpointStore {
  readonly #deps: CheckpointStoreDeps;
  readonly #paths: CheckpointPaths;
  readonly #loadProblems: readonly string[];
  #loaded: CheckpointRecord[];
  readonly #dirty = new Set<Generation>();
  #number: number;
  #journal: number | undefined;
  #journalBytes = 0;
  #liveBytes = 0;
  #problem: string | null = null;
  #cancelTimer: (() => void) | undefined;
  #flushing: Promise<boolean> = Promise.resolve(true);
  #isClosed = false;
  #isDisowned = false;

  constructor(deps: CheckpointStoreDeps) {
    this.#deps = deps;
    this.#paths = checkpointPaths(deps.directory);
    const { records, lastNumber, problems } = loadCheckpoint(this.#paths, deps.clock.now());
    this.#loaded = [...records.values()];
    this.#loadProblems = problems;
    this.#number = lastNumber;
  }

  takeLoaded(): CheckpointRecord[] {
    const loaded = this.#loaded;
    this.#loaded = [];
    return loaded;
  }

  get problems(): readonly string[] {
    return this.#problem === null ? this.#loadProblems : [...this.#loadProblems, this.#problem];
  }

  mark(gen: Generation): void {
    this.#dirty.add(gen);
    this.#arm(this.#problem === null ? FLUSH_MS : RETRY_MS);
  }

  #arm(ms: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer ??= this.#deps.clock.after(ms, () => {
      this.#cancelTimer = undefined;
      this.flush().catch(() => {}); // Never rejects: what went wrong is in `problems`.
    });
  }

  /** One after another: a journal has one writer. */
  flush(): Promise<boolean> {
    const write = (): Promise<boolean> => this.#write();
    this.#flushing = this.#flushing.then(write, write);
    return this.#flushing;
  }

  async #write(): Promise<boolean> {
    if (this.#isDisowned) return false;
    if (this.#dirty.size === 0) return true;
    const gens = [...this.#dirty];
    this.#dirty.clear();
    try {
      if (this.#deps.before?.() === false) throw new Error('what must be on disk before them is not');
      const isLong = this.#journalBytes > Math.max(COMPACT_MIN_BYTES, COMPACT_FACTOR * this.#liveBytes);
      // The first write of a run is a snapshot: it leaves a torn journal behind for good.
      if (this.#journal === undefined || isLong) this.#compact();
      else await this.#append(this.#journal, gens);
      this.#problem = null;
      return true;
    } catch (error) {
      for (const gen of gens) this.#dirty.add(gen);
      this.#problem = `cannot write checkpoints in ${this.#deps.directory}: ${messageOf(error)}; what was acknowledged since will be sent again after a restart`;
      this.#arm(RETRY_MS);
      return false;
    }
  }

  #compact(): void {
    makePrivateDirectory(this.#deps.directory);
    const lines = [this.#encode((n) => ({ n, version: CHECKPOINT_VERSION }))];
    for (const gen of this.#deps.generations()) {
      const record = this.#deps.recordOf(gen);
      if (record !== undefined) lines.push(this.#encode((n) => ({ n, put: record })));
    }
    const count = lines.length - 1;
    lines.push(this.#encode((n) => ({ n, count })));
    const text = lines.join('');
    keepPrevious(this.#paths);
    writeFileAtomic(this.#paths.snapshot, text);
    this.#liveBytes = text.length;
    this.#startJournal();
  }

  /** Only behind a durable snapshot that holds all the old journal said. */
  #startJournal(): void {
    this.#closeJournal();
    const journal = openSync(this.#paths.journal, 'w', PRIVATE_FILE_MODE);
    this.#journal = journal;
    this.#journalBytes = 0;
    this.#appendText(journal, this.#encode((n) => ({ n, version: CHECKPOINT_VERSION })));
    syncDirectory(this.#deps.directory);
  }

  async #append(journal: number, gens: readonly Generation[]): Promise<void> {
    const lines = gens.map((gen) => {
      const record = this.#deps.recordOf(gen);
      return this.#encode((n) => (record === undefined ? { n, drop: gen } : { n, put: record }));
    });
    this.#appendText(journal, lines.join(''));
    await new Promise<void>((resolve, reject) => {
      fdatasync(journal, (error) => (error === null ? resolve() : reject(error)));
    }).catch((error: unknown) => {
      // What the system failed to sync it may have dropped, and would sync without a word next time: a snapshot follows.
      this.#closeJournal();
      throw error;
    });
  }

  /** A part of a line would hide all that follow it: what was not written whole is cut off again. */
  #appendText(journal: number, text: string): void {
    const bytes = Buffer.from(text);
    try {
      let done = 0;
      while (done < bytes.length) done += writeSync(journal, bytes, done, bytes.length - done, this.#journalBytes + done);
    } catch (error) {
      ftruncateSync(journal, this.#journalBytes);
      throw error;
    }
    this.#journalBytes += bytes.length;
  }

  #encode(line: (n: number) => CheckpointLine): string {
    this.#number += 1;
    return encodeLine(line(this.#number));
  }

  #closeJournal(): void {
    if (this.#journal !== undefined) closeSync(this.#journal);
    this.#journal = undefined;
  }

  disown(): void {
    this.#isDisowned = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.flush();
    this.#closeJournal();
  }
}
