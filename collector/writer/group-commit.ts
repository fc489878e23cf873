/** Commits groups, and decides what follows when the database refuses: every job gets an answer. */
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode, TtError } from '../../shared/errors.ts';
import { encodeFrame } from '../../shared/protocol/codec.ts';
import { writeFailure } from '../store/database.ts';
import { seqOf, workBytes } from './batch-head.ts';
import type { BatchJob, CallJob, CommitSummary, FromWriter, WriterAnswer, WriterMethod, WriterProblem } from './messages.ts';

/** What the writer needs of the store. */
export interface StoreWork {
  /** One transaction. Throws the database's error with nothing stored. */
  commit(jobs: BatchJob[]): { answers: WriterAnswer[]; summary: CommitSummary };
  /** May be asynchronous (an online backup): then commits and other calls may come between its steps. */
  call(method: WriterMethod, args: readonly unknown[]): unknown;
}

export interface OpenStore {
  committer: StoreWork;
  close(): void;
}

const DISK_FULL_RETRY_MS = 5000;
const BUSY_RETRY_MS = 1000;
/** A batch that can not be stored for a reason nobody foresaw: kept by its agent, tried again slowly, shown. */
const UNEXPECTED_RETRY_MS = 60_000;

export interface GroupCommitDeps {
  /** Called at once, and again after an I/O error: an fsync that failed can not be repeated. */
  open: () => OpenStore;
  post: (message: FromWriter) => void;
  clock: Pick<Clock, 'now'>;
}

export class GroupCommit {
  readonly #deps: GroupCommitDeps;
  #store: OpenStore;
  #problem: WriterProblem | null = null;

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps;
    this.#store = deps.open();
  }

  /** False when the database is beyond use; that was posted then. */
  commit(jobs: BatchJob[]): boolean {
    try {
      const { answers, summary } = this.#store.committer.commit(jobs);
      this.#deps.post({ kind: 'committed', answers, summary, taken: takenOf(jobs) });
      this.#report(null);
      return true;
    } catch (error) {
      return this.#recover(jobs, error);
    }
  }

  async call({ id, method, args }: CallJob): Promise<void> {
    try {
      const value = await this.#store.committer.call(method, args);
      this.#deps.post({ kind: 'result', id, ok: true, value });
    } catch (error) {
      this.#deps.post({ kind: 'result', id, ok: false, ...describeFailure(error) });
    }
  }

  /** Moves the WAL into the database while nobody waits. */
  checkpoint(): void {
    this.#callIdly('checkpoint');
  }

  /** Some milliseconds of it. True: there is more. */
  deriveTime(): boolean {
    return this.#callIdly('deriveTime') === true;
  }

  #callIdly(method: 'checkpoint' | 'deriveTime'): unknown {
    try {
      return this.#store.committer.call(method, []);
    } catch (error) {
      this.#report({ code: describeFailure(error).code, message: messageOf(error) });
      return undefined;
    }
  }

  close(): void {
    this.#store.close();
  }

  #report(problem: WriterProblem | null): void {
    if (problem?.code === this.#problem?.code) return;
    this.#problem = problem;
    this.#deps.post({ kind: 'problem', problem });
  }

  #recover(jobs: BatchJob[], error: unknown): boolean {
    const kind = kindOfFailure(error);
    if (kind === 'beyond_use') return this.#fail(error);
    if (kind === 'unexpected' && jobs.length > 1) return jobs.every((job) => this.commit([job]));
    this.#report({ code: kind === 'disk_full' ? kind : describeFailure(error).code, message: messageOf(error) });
    // Whether it was stored nobody knows: asking for it again is always safe, the ledger decides.
    if (kind === 'unknown_outcome' && !this.#reopen()) return false;
    this.#answerNotTaken(jobs, kind);
    return true;
  }

  #reopen(): boolean {
    try {
      this.#store.close();
      this.#store = this.#deps.open();
      return true;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): false {
    this.#deps.post({ kind: 'failed', ...describeFailure(error) });
    return false;
  }

  #answerNotTaken(jobs: readonly BatchJob[], kind: FailureKind): void {
    const type = kind === 'disk_full' ? 'disk_full' : 'busy';
    const retryMs = { disk_full: DISK_FULL_RETRY_MS, busy: BUSY_RETRY_MS, unknown_outcome: BUSY_RETRY_MS, beyond_use: 0, unexpected: UNEXPECTED_RETRY_MS }[kind];
    const answers = jobs.map((job) => notTaken(job, type, retryMs));
    const summary = { committedAtMs: this.#deps.clock.now(), machines: [], storedRows: [] };
    this.#deps.post({ kind: 'committed', answers, summary, taken: takenOf(jobs) });
  }
}

function takenOf(jobs: readonly BatchJob[]): { connection: number; bytes: number }[] {
  return jobs.map(({ connection, bytes, isCompressed }) => ({ connection, bytes: workBytes(bytes.byteLength, isCompressed) }));
}

function notTaken(job: BatchJob, type: 'busy' | 'disk_full', retryMs: number): WriterAnswer {
  const seq = seqOf(job);
  if (seq !== undefined) return { connection: job.connection, frame: encodeFrame({ type, seq, retry_ms: retryMs }) };
  return { connection: job.connection, frame: '', protocolError: 'a batch starts with its seq and lane' };
}

type FailureKind = 'disk_full' | 'busy' | 'unknown_outcome' | 'beyond_use' | 'unexpected';

function kindOfFailure(error: unknown): FailureKind {
  const failure = writeFailure(error instanceof TtError && error.cause !== undefined ? error.cause : error);
  if (failure === undefined) return 'unexpected';
  return ({ disk_full: 'disk_full', busy: 'busy', io: 'unknown_outcome', corrupt: 'beyond_use' } as const)[failure];
}

export function describeFailure(error: unknown): { code: string; message: string; hint: string } {
  const code = systemCode(error) ?? 'internal';
  if (error instanceof TtError) return { code, message: error.message, hint: error.hint };
  const hint = code.startsWith('SQLITE_')
    ? 'check the disk; if the database stays damaged: tt collector restore FILE, and the agents send the rest again'
    : 'run again with TT_DEBUG=1 for the details, and report it';
  return { code, message: messageOf(error), hint };
}
