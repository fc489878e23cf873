/**
 * The main thread's end of the thread that answers questions. A year's report
 * takes its time there, and agents are acknowledged meanwhile.
 *
 * The thread starts with a question and ends when none has come for a while: an
 * answer can take memory that nothing else needs. One question is answered at a
 * time, and is not interrupted: what must never wait for a long one has another
 * of these.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import type { Answered, AnswersData, Asked, Present, Question } from './questions.ts';

/** The two ends of a thread, or of the same in a test. */
export interface AnswersChannel {
  post(message: Asked | 'close'): void;
  onMessage(listener: (answer: Answered) => void): void;
  /** The other end is gone; `error` when it crashed. */
  onExit(listener: (error: Error | undefined) => void): void;
  /** Ends it in the middle of a question. */
  terminate(): void;
}

export interface Answers {
  /** The JSON document. Rejects with a TtError. `signal`: nobody waits for it any more; it is not asked then, unless it is being answered. */
  ask(question: Question, signal?: AbortSignal): Promise<string>;
  /** What waits is refused, what is being answered is given up. Resolves when the thread has ended. */
  close(): Promise<void>;
}

export interface AnswersDeps {
  start(): AnswersChannel;
  present(): Present;
  clock: Pick<Clock, 'after'>;
}

/** So long after the last question the thread ends. */
export const IDLE_MS = 60_000;

/** Who asks more than this at once is told to come again. */
export const QUESTIONS_AT_ONCE = 64;

interface Waiting {
  question: Question;
  resolve(text: string): void;
  reject(error: TtError): void;
}

/** `entry`: worker.ts from source, tt-answers.mjs as built. */
export function startAnswersThread(entry: URL, data: AnswersData): AnswersChannel {
  const worker = new Worker(entry, { workerData: data, name: 'tt-answers', resourceLimits: { maxYoungGenerationSizeMb: 8 } });
  let crash: Error | undefined;
  worker.on('error', (error: Error) => (crash = error));
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.on('message', listener),
    onExit: (listener) => worker.on('exit', () => listener(crash)),
    terminate: () => void worker.terminate(),
  };
}

interface Thread {
  channel: AnswersChannel;
  ended: Promise<void>;
}

export function createAnswers({ start, present, clock }: AnswersDeps): Answers {
  const queue: Waiting[] = [];
  const threads = new Set<Thread>();
  let thread: Thread | undefined;
  let current: Waiting | undefined;
  let isClosing = false;
  let cancelIdle: (() => void) | undefined;

  const dismiss = (): void => {
    thread?.channel.post('close');
    thread = undefined;
  };
  const startThread = (): Thread => {
    const channel = start();
    channel.onMessage((answered) => {
      const asked = current;
      current = undefined;
      if (answered.ok) asked?.resolve(answered.text);
      else asked?.reject(toError(answered));
      next();
    });
    const ended = new Promise<void>((resolve) => {
      channel.onExit((error) => {
        threads.delete(started);
        resolve();
        if (thread !== started) return;
        thread = undefined;
        current?.reject(isClosing ? closing() : gone(error));
        current = undefined;
        next();
      });
    });
    const started: Thread = { channel, ended };
    threads.add(started);
    return started;
  };
  const next = (): void => {
    cancelIdle?.();
    while (!current && !isClosing) {
      current = queue.shift();
      if (!current) {
        if (thread) cancelIdle = clock.after(IDLE_MS, dismiss);
        return;
      }
      try {
        thread ??= startThread();
        thread.channel.post({ question: current.question, present: present() });
      } catch (error) {
        current.reject(error instanceof TtError ? error : notAsked(error));
        current = undefined;
      }
    }
  };
  return {
    ask(question, signal) {
      if (isClosing) return Promise.reject(closing());
      if (signal?.aborted) return Promise.reject(givenUp());
      if (queue.length >= QUESTIONS_AT_ONCE) return Promise.reject(busy());
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { question, resolve, reject };
        queue.push(waiting);
        signal?.addEventListener('abort', () => {
          const place = queue.indexOf(waiting);
          if (place === -1) return;
          queue.splice(place, 1);
          reject(givenUp());
        }, { once: true });
        next();
      });
    },
    async close() {
      isClosing = true;
      cancelIdle?.();
      for (const { reject } of queue.splice(0)) reject(closing());
      if (current) thread?.channel.terminate();
      else dismiss();
      await Promise.all([...threads].map(({ ended }) => ended));
    },
  };
}

function toError({ code, message, hint, isUsage, isRetryable }: Extract<Answered, { ok: false }>): TtError {
  return new TtError(code, message, { hint, exitCode: isUsage ? EXIT_CODES.usage : EXIT_CODES.failed, retryable: isRetryable });
}

function gone(error: unknown): TtError {
  return new TtError('answers_gone', `the thread that answers ended${error === undefined ? '' : `: ${messageOf(error)}`}`, { hint: 'ask again', retryable: true, cause: error });
}

function notAsked(error: unknown): TtError {
  return new TtError('answers_gone', `the thread that answers could not be asked: ${messageOf(error)}`, { hint: 'ask again', retryable: true, cause: error });
}

function busy(): TtError {
  return new TtError('busy', 'too many questions at once', { hint: 'ask again in a moment', retryable: true });
}

function givenUp(): TtError {
  return new TtError('given_up', 'who asked has gone', { hint: 'ask again', retryable: true });
}

function closing(): TtError {
  return new TtError('shutting_down', 'the collector is stopping', { hint: 'try again when it runs', retryable: true });
}
