/** The main thread's end of the thread that keeps the search index: there is none until something is archived. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../shared/clock.ts';
import type { Paths } from '../../shared/paths.ts';
import { directoriesIn } from '../session-files/session-files.ts';
import type { UpkeepDeps } from './upkeep.ts';

/** From source the worker itself; deploy/build.ts makes it the URL of its bundle. */
export const SEARCH_ENTRY = new URL('./worker.ts', import.meta.url);

export interface SearchUpkeep {
  /** Resolves when the thread has ended. */
  close(): Promise<void>;
}

export interface SearchUpkeepDeps {
  paths: Pick<Paths, 'archiveDir' | 'searchDatabase' | 'searchLockFile'>;
  clock: Pick<Clock, 'every'>;
  /** Also when the thread itself ended: the collector goes on without it. */
  onFailure: UpkeepDeps['onFailure'];
}

const LOOK_MS = 5_000;

export function openSearchUpkeep({ paths, clock, onFailure }: SearchUpkeepDeps): SearchUpkeep {
  const { archiveDir, searchDatabase, searchLockFile } = paths;
  let worker: Worker | undefined;
  let ended = Promise.resolve();
  const start = (): void => {
    if (directoriesIn(archiveDir).length === 0) return;
    cancel();
    const started = new Worker(SEARCH_ENTRY, { workerData: { archiveDir, searchDatabase, searchLockFile }, name: 'tt-search', resourceLimits: { maxYoungGenerationSizeMb: 8 } });
    worker = started;
    started.on('message', (message: unknown) => onFailure(String(message)));
    started.on('error', (error: Error) => onFailure(error.message));
    ended = new Promise((resolve) => {
      started.on('exit', () => resolve());
    });
  };
  const cancel = clock.every(LOOK_MS, start);
  return {
    close() {
      cancel();
      worker?.postMessage('close');
      return ended;
    },
  };
}
