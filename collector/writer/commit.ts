/** Batches become one transaction; each gets its answer only after that transaction is on disk. */
import { createHash } from 'node:crypto';
import { messageOf } from '../../shared/errors.ts';
import type { MachineId } from '../../shared/ids.ts';
import { decodeBatch, encodeFrame, type UncheckedBatch, type UnfitItem } from '../../shared/protocol/codec.ts';
import { decompressFrame } from '../../shared/protocol/compression.ts';
import type { AckFrame, BatchFile, CollectorFrame, RefusalCode } from '../../shared/protocol/frames.ts';
import { checkEvent } from '../store/claim.ts';
import type { EventStore } from '../store/event-store.ts';
import { decideRange } from '../store/ledger.ts';
import { DECOMPRESSED_BYTES } from './batch-head.ts';
import type { BatchJob, CommitSummary, WriterAnswer } from './messages.ts';

/** Row IDs of a commit that the live tail hears of; a backfill does not flood it. */
const ANNOUNCED_ROWS = 200;

export interface CommitterOptions {
  now(): number;
}

export interface Committed {
  answers: WriterAnswer[];
  summary: CommitSummary;
}

export interface Committer {
  /** One transaction. Throws the database's error with nothing stored. */
  commit(jobs: readonly BatchJob[]): Committed;
}

type MachineSummary = CommitSummary['machines'][number];

/** What one transaction changed, gathered while it runs. */
class Tally {
  readonly rows: number[] = [];
  readonly #machines = new Map<MachineId, MachineSummary>();

  of(machineId: MachineId): MachineSummary {
    const known = this.#machines.get(machineId);
    if (known !== undefined) return known;
    const fresh: MachineSummary = { machineId, stored: 0, duplicate: 0, refused: 0, lastEventAtMs: null };
    this.#machines.set(machineId, fresh);
    return fresh;
  }

  summary(committedAtMs: number): CommitSummary {
    return { committedAtMs, machines: [...this.#machines.values()], storedRows: this.rows.slice(-ANNOUNCED_ROWS) };
  }
}

interface TakenJob {
  job: BatchJob;
  batch: UncheckedBatch;
  unfit: readonly UnfitItem[];
}
type DecodedJob = TakenJob | { job: BatchJob; reason: string };

function decodeJob(job: BatchJob): DecodedJob {
  const bytes = Buffer.from(job.bytes);
  try {
    const text = (job.isCompressed ? decompressFrame(bytes, DECOMPRESSED_BYTES) : bytes).toString('utf8');
    const decoded = decodeBatch(text);
    return decoded.ok ? { job, batch: decoded.frame, unfit: decoded.unfit ?? [] } : { job, reason: decoded.reason };
  } catch (error) {
    return { job, reason: messageOf(error) };
  }
}

function printed(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '(nested too deep to print)';
  }
}

/** Stores the events of one batch and gives each its verdict. */
function takeEvents(store: EventStore, job: BatchJob, batch: UncheckedBatch, tally: Tally): AckFrame {
  const machine = store.machine(job.machine);
  const { machineId } = job.machine;
  const counts = tally.of(machineId);
  const refused: AckFrame['refused'] = [];
  let verdicts = '';
  let index = 0;
  const refuse = (file: BatchFile, value: unknown, code: AckFrame['refused'][number]['code'], subject: string): void => {
    const body = printed(value);
    store.deadLetters.store({ machine, code, subject, gen: file.gen, body }, job.receivedAtMs);
    refused.push({ index, code });
    counts.refused++;
    verdicts += 'r';
  };
  for (const file of batch.files) {
    for (const end = index + file.events; index < end; index++) {
      const value = batch.events[index];
      const checked = checkEvent(value, machineId);
      if (!checked.ok) {
        refuse(file, value, checked.code, checked.subject);
        continue;
      }
      const outcome = store.storeEvent(checked.event, file.born_at, checked.parts);
      if (outcome.verdict === 'refused') {
        refuse(file, value, outcome.code, checked.event.id);
        continue;
      }
      const { verdict, row, at } = outcome;
      verdicts += verdict === 'stored' ? 's' : 'd';
      if (verdict === 'stored') {
        counts.stored++;
        if (row !== null) tally.rows.push(row);
        if (counts.lastEventAtMs === null || at > counts.lastEventAtMs) counts.lastEventAtMs = at;
      } else {
        counts.duplicate++;
      }
    }
  }
  return { type: 'ack', seq: batch.seq, verdicts, refused };
}

/** What a batch says beside its events and cannot be kept: no verdict tells of it, so a dead letter does. */
function keepUnfit(store: EventStore, { job, batch, unfit }: TakenJob, tally: Tally): void {
  const machine = store.machine(job.machine);
  const keep = (part: UnfitItem['part'], code: RefusalCode, value: unknown): void => {
    const body = printed(value);
    const subject = `${part} ${createHash('sha256').update(body).digest('hex').slice(0, 16)}`;
    store.deadLetters.store({ machine, code, subject, gen: batch.files[0]?.gen ?? null, body }, job.receivedAtMs);
    tally.of(job.machine.machineId).refused++;
  };
  for (const { part, code, value } of unfit) keep(part, code, value);
  for (const state of batch.states) {
    const code = store.storeState(machine, state);
    if (code !== undefined) keep('state', code, state);
  }
}

/** Of the extraction that read the batch; agents that do not say it wrote it into their events. */
function extractionOf({ schema_version: version, events }: UncheckedBatch): number {
  if (version !== undefined) return version;
  return events.reduce<number>((newest, event) => {
    const own = typeof event === 'object' && event !== null && 'schema_version' in event ? event.schema_version : 0;
    return typeof own === 'number' && own > newest ? own : newest;
  }, 0);
}

function takeBatch(store: EventStore, taken: TakenJob, tally: Tally): CollectorFrame[] {
  const { job, batch } = taken;
  const machine = store.machine(job.machine);
  // Decided for the whole batch before anything is stored: a batch is taken whole or not at all.
  const rewinds = batch.files.flatMap((file): CollectorFrame[] => {
    const decision = decideRange(file, store.ledger.find(machine, file.gen));
    if (decision.take) return [];
    const common = { type: 'rewind', seq: batch.seq, gen: file.gen } as const;
    return ['reset' in decision ? { ...common, reset: true } : { ...common, to: decision.to }];
  });
  if (rewinds.length > 0) return rewinds;
  store.storeEdges(batch.edges);
  const ack = takeEvents(store, job, batch, tally);
  keepUnfit(store, taken, tally);
  if (batch.entries !== undefined) {
    store.replacing.take(machine, { files: batch.files, entries: batch.entries, schemaVersion: extractionOf(batch) });
  }
  for (const file of batch.files) {
    store.ledger.advance(machine, file, job.receivedAtMs);
    store.gaps.arrived(machine, file.gen, file);
  }
  return [ack];
}

export function createCommitter(store: EventStore, options: CommitterOptions): Committer {
  const answersOf = (decoded: DecodedJob, tally: Tally): WriterAnswer[] => {
    const { connection } = decoded.job;
    if ('reason' in decoded) return [{ connection, frame: '', protocolError: decoded.reason }];
    return takeBatch(store, decoded, tally).map((frame) => ({ connection, frame: encodeFrame(frame) }));
  };
  return {
    commit(jobs) {
      const decoded = jobs.map(decodeJob);
      const tally = new Tally();
      const answers = store.transaction(() => decoded.flatMap((job) => answersOf(job, tally)));
      return { answers, summary: tally.summary(options.now()) };
    },
  };
}
