/** The main thread's end of the thread that compares sessions and hands them over: files are read and summed there, agents are answered meanwhile. */
import { Worker } from 'node:worker_threads';
import { messageOf, TtError } from '../../shared/errors.ts';
import type { Looked, LookRequest, StepLook } from './step-looks.ts';

/** From source the worker itself; deploy/build.ts makes it the URL of its bundle. */
export const STEP_ENTRY = new URL('./step-worker.ts', import.meta.url);

export interface StepThreadData {
  home: string;
  environment: Record<string, string | undefined>;
  /** tt itself. */
  program: { node: string; file: string };
}

export interface StepThread {
  /** Rejects where the thread ended; the next look has a new one. */
  look: StepLook;
  /** Ends what is on its way: half a session is none. Resolves when the thread has ended. */
  close(): Promise<void>;
}

export type ToStepWorker = { id: number; request: LookRequest } | 'close';
export type FromStepWorker = { id: number; looked: Looked } | { id: number; failure: string };

/** The thread starts with the first look. */
export function openStepThread(data: StepThreadData, entry: URL = STEP_ENTRY): StepThread {
  const waiting = new Map<number, { resolve(looked: Looked): void; reject(error: Error): void }>();
  let thread: { worker: Worker; ended: Promise<void> } | undefined;
  let nextId = 0;
  let isClosed = false;
  const start = (): NonNullable<typeof thread> => {
    const worker = new Worker(entry, { workerData: data, name: 'tt-step', resourceLimits: { maxYoungGenerationSizeMb: 8 } });
    let crash: Error | undefined;
    worker.on('error', (error: Error) => (crash = error));
    worker.on('message', (message: FromStepWorker) => {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if ('looked' in message) asked?.resolve(message.looked);
      else asked?.reject(failed(message.failure));
    });
    const ended = new Promise<void>((resolve) => {
      worker.on('exit', () => {
        thread = undefined;
        for (const { reject } of waiting.values()) reject(failed(crash === undefined ? 'its thread ended' : messageOf(crash)));
        waiting.clear();
        resolve();
      });
    });
    return { worker, ended };
  };
  return {
    look(request) {
      if (isClosed) return Promise.reject(failed('the collector is stopping'));
      const id = (nextId += 1);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread ??= start();
        thread.worker.postMessage({ id, request } satisfies ToStepWorker);
      });
    },
    async close() {
      isClosed = true;
      thread?.worker.postMessage('close' satisfies ToStepWorker);
      await thread?.ended;
    },
  };
}

function failed(why: string): TtError {
  return new TtError('step_failed', `sessions could not be compared: ${why}`, { hint: 'it is tried again by itself; by hand: tt sessions sync MACHINE' });
}
