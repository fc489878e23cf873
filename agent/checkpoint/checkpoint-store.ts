/**
 * Durable checkpoints of all generations: changed ones are appended to a journal
 * and synced together, at most every half second; a journal of more than four
 * times what lives is replaced by a snapshot.
 *
 * Guarantee: when `flush` has resolved to true, everything marked before is on
 * disk. While the disk refuses (full, read-only), the last durable state stays
 * in force, the problem is visible and each flush tries again.
 */
import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { makePrivateDirectory, PRIVATE_FILE_MODE, syncDirectory, writeFileAtomic } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Generation } from '../../shared/ids.ts';
import { checkpointPaths, keepPrevious, loadCheckpoint } from './checkpoint-files.ts';
import { CHECKPOINT_VERSION, encodeLine, type CheckpointLine, type CheckpointRecord } from './record.ts';

export interface CheckpointStore {
  /** What was on disk at opening. */
  readonly loaded: ReadonlyMap<Generation, CheckpointRecord>;
  /** The record of this generation changed or is no more: write it at the next flush. */
  mark(gen: Generation): void;
  /** False: not on disk, see `problems`. */
  flush(): Promise<boolean>;
  readonly problems: readonly string[];
  close(): Promise<void>;
}

export interface CheckpointStoreDeps {
  clock: Clock;
  directory: string;
  /** Present state of a generation; undefined when there is nothing to keep of it. */
  recordOf(gen: Generation): CheckpointRecord | undefined;
  /** All generations that have a record. */
  generations(): Iterable<Generation>;
}

const FLUSH_MS = 500;
const RETRY_MS = 5_000;
const COMPACT_FACTOR = 4;
const COMPACT_MIN_BYTES = 1024 * 1024;

export function openCheckpointStore(deps: CheckpointStoreDeps): CheckpointStore {
  const paths = checkpointPaths(deps.directory);
  const loaded = loadCheckpoint(paths, deps.clock.now());
  const dirty = new Set<Generation>();
  let number = loaded.lastNumber;
  let journal: number | undefined;
  let journalBytes = 0;
  let liveBytes = 0;
  let problem: string | null = null;
  let cancelTimer: (() => void) | undefined;
  let flushing: Promise<boolean> = Promise.resolve(true);
  let isClosed = false;

  function encode(line: (n: number) => CheckpointLine): string {
    number += 1;
    return encodeLine(line(number));
  }

  function mark(gen: Generation): void {
    dirty.add(gen);
    arm(problem === null ? FLUSH_MS : RETRY_MS);
  }

  function arm(ms: number): void {
    if (isClosed) return;
    cancelTimer ??= deps.clock.after(ms, () => {
      cancelTimer = undefined;
      flush().catch(() => {}); // Never rejects: what went wrong is in `problem`.
    });
  }

  /** One after another: a journal has one writer. */
  function flush(): Promise<boolean> {
    flushing = flushing.then(write, write);
    return flushing;
  }

  async function write(): Promise<boolean> {
    if (dirty.size === 0) return true;
    const gens = [...dirty];
    dirty.clear();
    try {
      // The first write of a run is a snapshot: it leaves a torn journal behind for good.
      if (journal === undefined || journalBytes > Math.max(COMPACT_MIN_BYTES, COMPACT_FACTOR * liveBytes)) compact();
      else await append(journal, gens);
      problem = null;
      return true;
    } catch (error) {
      for (const gen of gens) dirty.add(gen);
      problem = `cannot write checkpoints in ${deps.directory}: ${messageOf(error)}; what was sent since will be sent again after a restart`;
      arm(RETRY_MS);
      return false;
    }
  }

  function compact(): void {
    makePrivateDirectory(deps.directory);
    const lines = [encode((n) => ({ n, version: CHECKPOINT_VERSION }))];
    for (const gen of deps.generations()) {
      const record = deps.recordOf(gen);
      if (record !== undefined) lines.push(encode((n) => ({ n, put: record })));
    }
    const count = lines.length - 1;
    lines.push(encode((n) => ({ n, count })));
    const text = lines.join('');
    keepPrevious(paths);
    writeFileAtomic(paths.snapshot, text);
    liveBytes = text.length;
    startJournal();
  }

  /** Only behind a durable snapshot that holds all the old journal said. */
  function startJournal(): void {
    closeJournal();
    journal = openSync(paths.journal, 'w', PRIVATE_FILE_MODE);
    journalBytes = 0;
    appendText(journal, encode((n) => ({ n, version: CHECKPOINT_VERSION })));
    syncDirectory(deps.directory);
  }

  async function append(fd: number, gens: readonly Generation[]): Promise<void> {
    const lines = gens.map((gen) => {
      const record = deps.recordOf(gen);
      return encode((n) => (record === undefined ? { n, drop: gen } : { n, put: record }));
    });
    appendText(fd, lines.join(''));
    await new Promise<void>((resolve, reject) => {
      fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** A part of a line would hide all that follow it: what was not written whole is cut off again. */
  function appendText(fd: number, text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, journalBytes + done);
    } catch (error) {
      ftruncateSync(fd, journalBytes);
      throw error;
    }
    journalBytes += bytes.length;
  }

  function closeJournal(): void {
    if (journal !== undefined) closeSync(journal);
    journal = undefined;
  }

  return {
    loaded: loaded.records,
    mark,
    flush,
    get problems() {
      return problem === null ? loaded.problems : [...loaded.problems, problem];
    },
    close: async () => {
      isClosed = true;
      cancelTimer?.();
      await flush();
      closeJournal();
    },
  };
}
