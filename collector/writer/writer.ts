/** The main thread's end of the writer. */
import { Worker } from 'node:worker_threads';
import { TtError } from '../../shared/errors.ts';
import type { BatchJob, CommitSummary, FromWriter, ToWriter, WriterAnswer, WriterCalls, WriterMethod, WriterProblem } from './messages.ts';

/** What the listener's side needs of it. */
export interface WriterPort {
  /** Hands a batch over; its buffer is transferred. The answer comes by `onCommitted`, after the commit. */
  send(job: BatchJob): void;
  /** Runs after every batch that was sent before. Rejects with a TtError. */
  call<M extends WriterMethod>(method: M, ...args: WriterCalls[M]['args']): Promise<WriterCalls[M]['result']>;
}

export interface Committed {
  answers: readonly WriterAnswer[];
  summary: CommitSummary;
  taken: readonly { connection: number; bytes: number }[];
}

export interface Writer extends WriterPort {
  /** Resolves when the database is open; rejects with the reason why it is not. */
  opened(): Promise<void>;
  /** Returns the way to stop. */
  onCommitted(listener: (committed: Committed) => void): () => void;
  /** Rejects when the writer can not go on. Never resolves. */
  readonly failure: Promise<never>;
  /** What is wrong now (disk full, …), for the status; null when nothing is. */
  readonly problem: WriterProblem | null;
  /** Resolves when everything that was sent has been answered. */
  idle(): Promise<void>;
  /** Finishes what was sent, closes the database, ends the thread. Idempotent. */
  close(): Promise<void>;
}

/** The two ends of a thread, or of a message channel in a test. */
export interface WriterChannel {
  post(message: ToWriter, transfer: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: FromWriter) => void): void;
  /** The other end is gone; `error` when it crashed. */
  onExit(listener: (error: Error | undefined) => void): void;
}

/** Of the thread's heap; V8's own choice takes 50 MB more and no less time. */
const YOUNG_GENERATION_MB = 12;

/** `entry`: worker.ts from source, tt-writer.mjs as built. `data` goes to it as `workerData`. */
export function startWriterThread(entry: URL, data: { database: string }): WriterChannel {
  const worker = new Worker(entry, { workerData: data, name: 'tt-writer', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } });
  let crash: Error | undefined;
  worker.on('error', (error: Error) => (crash = error));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    onMessage: (listener) => worker.on('message', listener),
    onExit: (listener) => worker.on('exit', () => listener(crash)),
  };
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: TtError) => void;
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

function createDeferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> = { resolve() {}, reject() {} };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever does not watch it learns of a failure by its calls.
  promise.catch(() => {});
  return { promise, ...settle };
}

export function createWriter(channel: WriterChannel): Writer {
  return new ThreadWriter(channel);
}

class ThreadWriter implements Writer {
  readonly #channel: WriterChannel;
  readonly #calls = new Map<number, Waiting>();
  readonly #listeners = new Set<(committed: Committed) => void>();
  readonly #idleWaiters = new Set<() => void>();
  readonly #ready = createDeferred<void>();
  readonly #failure = createDeferred<never>();
  readonly #exited = createDeferred<void>();
  #nextCall = 1;
  #unanswered = 0;
  #problem: WriterProblem | null = null;
  #failed: TtError | undefined;
  #isClosing = false;

  constructor(channel: WriterChannel) {
    this.#channel = channel;
    channel.onMessage((message) => this.#onMessage(message));
    channel.onExit((error) => this.#onExit(error));
  }

  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  get problem(): WriterProblem | null {
    return this.#problem;
  }

  opened(): Promise<void> {
    return this.#ready.promise;
  }

  send(job: BatchJob): void {
    if (this.#failed || this.#isClosing) return;
    this.#unanswered += 1;
    this.#channel.post(job, [job.bytes]);
  }

  call<M extends WriterMethod>(method: M, ...args: WriterCalls[M]['args']): Promise<WriterCalls[M]['result']> {
    if (this.#failed) return Promise.reject(this.#failed);
    if (this.#isClosing) return Promise.reject(closing());
    const id = this.#nextCall++;
    return new Promise((resolve, reject) => {
      // The writer is our own code: its result is what the method's type says.
      this.#calls.set(id, { resolve: (value) => resolve(value as WriterCalls[M]['result']), reject });
      this.#channel.post({ kind: 'call', id, method, args }, []);
    });
  }

  onCommitted(listener: (committed: Committed) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  idle(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.add(resolve));
  }

  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      if (!this.#failed) this.#channel.post({ kind: 'close' }, []);
    }
    return this.#exited.promise;
  }

  #onMessage(message: FromWriter): void {
    switch (message.kind) {
      case 'ready': return this.#ready.resolve();
      case 'result': return this.#onResult(message);
      case 'failed': return this.#fail(new TtError(message.code, message.message, { hint: message.hint }));
      case 'problem': {
        this.#problem = message.problem;
        return;
      }
      case 'committed': {
        this.#unanswered -= message.taken.length;
        for (const listener of this.#listeners) listener(message);
        return this.#settleIdle();
      }
    }
  }

  #onResult(message: Extract<FromWriter, { kind: 'result' }>): void {
    const waiting = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.ok) waiting?.resolve(message.value);
    else waiting?.reject(new TtError(message.code, message.message, { hint: message.hint }));
  }

  #onExit(error: Error | undefined): void {
    if (!this.#isClosing || error) this.#fail(gone(error));
    for (const { reject } of this.#calls.values()) reject(closing());
    this.#calls.clear();
    this.#exited.resolve();
  }

  #fail(error: TtError): void {
    if (this.#failed) return;
    this.#failed = error;
    this.#unanswered = 0;
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    this.#ready.reject(error);
    this.#failure.reject(error);
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.#unanswered > 0) return;
    for (const resolve of this.#idleWaiters) resolve();
    this.#idleWaiters.clear();
  }
}

function gone(error: Error | undefined): TtError {
  return new TtError('writer_gone', `the writer thread ended${error ? `: ${error.message}` : ''}`, {
    hint: 'start the collector again; what was not acknowledged is sent again', cause: error,
  });
}

function closing(): TtError {
  return new TtError('shutting_down', 'the collector is stopping', { hint: 'try again when it runs', retryable: true });
}
