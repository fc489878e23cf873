/**
 * One machine's part of the archive while the collector runs: offers are compared
 * with what is there, chunks are written in groups, synced, then answered; one
 * thing at a time, in the order it came.
 */
import { closeSync, fsync, ftruncateSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parseArchiveName, type ArchiveName } from '../../shared/archive-name.ts';
import { makePrivateDirectory } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import type { MachineId } from '../../shared/ids.ts';
import { ARCHIVE_CHUNK_BYTES, ARCHIVE_RETRY_MS, ARCHIVE_WINDOW_BYTES } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import { decodeChunk, type Chunk } from '../../shared/protocol/chunk.ts';
import type { ArchiveRefusal, AuditedFrame, CollectorFrame, Holding, OfferFrame } from '../../shared/protocol/frames.ts';
import type { MachineRegistry } from '../enrolment/machine-registry.ts';
import { createAudits, type Audits } from './audits.ts';
import { MachineArchive, type Appended } from './machine-archive.ts';

export interface MachineDeskDeps {
  archiveDir: string;
  clock: Clock;
  log: Log;
  registry: Pick<MachineRegistry, 'byId'>;
  /** Which of these names are of something that was forgotten. */
  forgotten: (machineId: MachineId, names: string[]) => Promise<number[]>;
  /** Free bytes below which nothing is taken. */
  reserveBytes: number;
}

/** One agent that can `archive`, while it is connected. */
export interface ArchiveSession {
  /** These two return why it breaks the protocol. */
  offer(frame: OfferFrame): string | undefined;
  chunk(frame: Buffer): string | undefined;
  audited(frame: AuditedFrame): void;
  close(): void;
}

const syncFile = promisify(fsync);
/** Files open at once. */
const GROUP_JOBS = 64;
const UNANSWERED_BYTES = 2 * ARCHIVE_WINDOW_BYTES;
/** An agent sends one at a time. */
const QUEUED_OFFERS = 4;
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

type Job = { kind: 'offer'; frame: OfferFrame } | { kind: 'chunk'; chunk: Chunk; heldBytes: number };
type Send = (frame: CollectorFrame) => void;

interface Done {
  answer: CollectorFrame;
  appended?: Appended;
}

export class MachineDesk {
  problem: string | null = null;
  readonly #machineId: MachineId;
  readonly #deps: MachineDeskDeps;
  readonly #archive: MachineArchive;
  readonly #onStored: () => void;
  #work: Promise<void> = Promise.resolve();
  #present: { send: Send; audits: Audits; told: boolean | undefined } | undefined;

  /** `onStored`: chunks have reached the disk. */
  constructor(machineId: MachineId, deps: MachineDeskDeps, onStored: () => void) {
    this.#onStored = onStored;
    this.#machineId = machineId;
    this.#deps = deps;
    this.#archive = new MachineArchive(deps.archiveDir, machineId);
  }

  get isServed(): boolean {
    return this.#present !== undefined;
  }

  get #isOn(): boolean {
    return this.#deps.registry.byId(this.#machineId)?.archive === true;
  }

  /** Tells what is wished where that is news. `again`: the agent shall look at everything anew. */
  wish({ again = false } = {}): void {
    const present = this.#present;
    const on = this.#isOn;
    if (present === undefined || (!again && on === (present.told ?? false))) return;
    present.told = on;
    present.send({ type: 'archive', on, chunk_bytes: ARCHIVE_CHUNK_BYTES, window_bytes: ARCHIVE_WINDOW_BYTES });
  }

  open(send: Send): ArchiveSession {
    const present = { send, audits: createAudits(this.#deps.clock, send), told: undefined };
    this.#present?.audits.close();
    this.#present = present;
    this.wish();
    const queue: Job[] = [];
    let queuedBytes = 0;
    let isOpen = true;
    const answer: Send = (frame) => void (isOpen && send(frame));
    const take = (job: Job): void => {
      queue.push(job);
      this.#then(async () => {
        const jobs = queue.splice(0, GROUP_JOBS);
        for (const each of jobs) queuedBytes -= each.kind === 'chunk' ? each.heldBytes : 0;
        // Of a connection that is gone nobody waits for an answer, and the next one asks what is there.
        if (jobs.length === 0 || !isOpen) return;
        try {
          await this.#group(jobs, answer);
        } catch (error) {
          // Whoever waits for an answer would wait for ever.
          for (const job of jobs) answer(failedAnswer(job));
          throw error;
        }
      });
    };
    return {
      offer: (frame) => {
        if (queue.filter(({ kind }) => kind === 'offer').length >= QUEUED_OFFERS) return 'more was offered than is answered';
        take({ kind: 'offer', frame });
        return undefined;
      },
      chunk: (frame) => {
        const decoded = decodeChunk(frame);
        if (!decoded.ok) return decoded.reason;
        // Plain bytes: what waits here is not compressed any more.
        const heldBytes = Math.max(frame.length, decoded.chunk.bytes.length);
        queuedBytes += heldBytes;
        if (queuedBytes > UNANSWERED_BYTES) return 'more chunks were sent than the window allows';
        take({ kind: 'chunk', chunk: decoded.chunk, heldBytes });
        return undefined;
      },
      audited: (frame) => present.audits.answered(frame),
      close: () => {
        isOpen = false;
        present.audits.close();
        if (this.#present === present) this.#present = undefined;
      },
    };
  }

  audit(files: { name: string; size: number }[]): Promise<(string | null)[] | undefined> {
    return this.#present === undefined ? Promise.resolve(undefined) : this.#present.audits.ask(files);
  }

  async sendAgain(names: readonly string[]): Promise<number> {
    let count = 0;
    this.#then(async () => {
      for (const each of names) {
        const name = parseArchiveName(each);
        if (name !== undefined && this.#archive.putAside(name)) count += 1;
      }
      await this.#sync([]);
    });
    await this.#work;
    this.wish({ again: true });
    return count;
  }

  idle(): Promise<void> {
    return this.#work;
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.problem = messageOf(error);
      this.#deps.log.error({ machine: this.#machineId, error: messageOf(error) }, 'the archive of a machine failed');
    });
  }

  async #group(jobs: readonly Job[], send: Send): Promise<void> {
    const names = [...new Set(jobs.flatMap(namesOf))];
    const forgotten = new Set((await this.#deps.forgotten(this.#machineId, names)).map((index) => names[index]));
    const hasRoom = this.#hasRoom();
    const done = jobs.map((job) => (job.kind === 'offer' ? this.#offered(job.frame, forgotten) : this.#written(job.chunk, { forgotten, hasRoom })));
    const isSynced = await this.#sync(done.flatMap(({ appended }) => appended ?? []));
    if (isSynced && done.some(({ appended }) => appended !== undefined)) this.#onStored();
    // Also what was offered beside it: it may have been compared with bytes that are taken back.
    for (const [index, { answer, appended }] of done.entries()) {
      const job = jobs[index];
      send(job !== undefined && !isSynced && (appended !== undefined || job.kind === 'offer') ? failedAnswer(job) : answer);
    }
  }

  #hasRoom(): boolean {
    try {
      makePrivateDirectory(this.#deps.archiveDir);
      const { bavail, bsize } = statfsSync(this.#deps.archiveDir);
      if (bavail * bsize >= this.#deps.reserveBytes) {
        this.problem = null;
        return true;
      }
      this.problem = 'paused: the disk is nearly full, and what is left is for events';
    } catch (error) {
      this.problem = `paused: ${this.#deps.archiveDir} can not be written (${messageOf(error)})`;
    }
    return false;
  }

  #offered({ seq, files }: OfferFrame, forgotten: ReadonlySet<string | undefined>): Done {
    return {
      answer: {
        type: 'holdings', seq,
        files: files.map((file): Holding => {
          const name = parseArchiveName(file.name);
          const code = this.#refusal(name, forgotten);
          if (code !== undefined || name === undefined) return { code: code ?? 'bad_name' };
          const was = file.was === undefined ? undefined : parseArchiveName(file.was);
          try {
            if (was !== undefined) this.#archive.rename(was, name);
            return this.#archive.held(name, file.size);
          } catch (error) {
            return { code: this.#failed(name, error) };
          }
        }),
      },
    };
  }

  #written(chunk: Chunk, { forgotten, hasRoom }: { forgotten: ReadonlySet<string | undefined>; hasRoom: boolean }): Done {
    const { seq, name: text } = chunk.header;
    const name = parseArchiveName(text);
    const code = this.#refusal(name, forgotten);
    if (code !== undefined || name === undefined) return { answer: refused(seq, code ?? 'bad_name') };
    if (!hasRoom) return { answer: refused(seq, 'disk_full') };
    try {
      const appended = this.#archive.append(name, chunk);
      return typeof appended === 'string' ? { answer: refused(seq, appended) } : { answer: { type: 'archived', seq }, appended };
    } catch (error) {
      return { answer: refused(seq, this.#failed(name, error)) };
    }
  }

  #refusal(name: ArchiveName | undefined, forgotten: ReadonlySet<string | undefined>): ArchiveRefusal | undefined {
    if (!this.#isOn) return 'off';
    if (name === undefined) return 'bad_name';
    return forgotten.has(name.name) ? 'forgotten' : undefined;
  }

  #failed({ name }: ArchiveName, error: unknown): ArchiveRefusal {
    const isFull = NO_ROOM.has(systemCode(error) ?? '');
    this.problem = isFull ? 'paused: the disk is full' : messageOf(error);
    this.#deps.log.warn({ machine: this.#machineId, name, error: messageOf(error) }, 'a file could not be archived');
    return isFull ? 'disk_full' : 'failed';
  }

  /** Files, then the names of new ones. What did not reach the disk is taken back, so that nobody finds it there. */
  async #sync(appended: readonly Appended[]): Promise<boolean> {
    try {
      // One sync for all chunks of a file.
      const files = new Map(appended.map(({ name, fd }) => [name, fd]));
      await Promise.all([...files.values()].map((fd) => syncFile(fd)));
      await Promise.all([...this.#archive.touched].map(syncNames));
      this.#archive.touched.clear();
      return true;
    } catch (error) {
      this.problem = `paused: the disk does not take it (${messageOf(error)})`;
      this.#deps.log.error({ machine: this.#machineId, error: messageOf(error) }, 'archived files could not be synced');
      for (const { fd, from } of appended.toReversed()) ftruncateSync(fd, from);
      return false;
    } finally {
      for (const { fd } of appended) closeSync(fd);
    }
  }
}

async function syncNames(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error; // Forgotten meanwhile: there are no names left.
  }
}

function namesOf(job: Job): string[] {
  return job.kind === 'chunk' ? [job.chunk.header.name] : job.frame.files.map(({ name }) => name);
}

function failedAnswer(job: Job): CollectorFrame {
  if (job.kind === 'chunk') return refused(job.chunk.header.seq, 'failed');
  return { type: 'holdings', seq: job.frame.seq, files: job.frame.files.map(() => ({ code: 'failed' })) };
}

function refused(seq: number, code: ArchiveRefusal): CollectorFrame {
  return { type: 'archived', seq, code, ...(code === 'disk_full' || code === 'failed' ? { retry_ms: ARCHIVE_RETRY_MS } : {}) };
}
