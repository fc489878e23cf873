/**
 * Keeps the search index up in the background, in a thread of its own: what is
 * said now is found within half a minute. It takes a quarter of one processor at
 * most, so that the first look at a large archive costs nobody an acknowledgement.
 */
import { existsSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Paths } from '../../shared/paths.ts';
import { directoriesIn } from '../session-files/session-files.ts';
import { tryLock } from '../store/database.ts';
import { openSearchWriter } from '../store/search-index.ts';
import { indexArchive } from './indexer.ts';

export interface UpkeepDeps {
  paths: Pick<Paths, 'archiveDir' | 'searchDatabase' | 'searchLockFile'>;
  clock: Pick<Clock, 'monotonic' | 'sleep'>;
  /** Ends it after the slice that it is at. */
  stop: AbortSignal;
  onFailure(message: string): void;
}

const LOOK_MS = 15_000;
/** After something that waiting may mend: a full disk. */
const RETRY_MS = 300_000;
const REST = 3;

/** Resolves when it was stopped. Never rejects: what keeps it from its work is told, and tried again. */
export async function keepSearchIndex(deps: UpkeepDeps): Promise<void> {
  const { paths: { archiveDir, searchLockFile, searchDatabase }, clock, stop, onFailure } = deps;
  while (!stop.aborted) {
    const isNeeded = directoriesIn(archiveDir).length > 0 || existsSync(searchDatabase);
    const lock = isNeeded ? tryLock(searchLockFile) : undefined;
    try {
      // Held from look to look, so that a question need not look itself.
      if (lock) await lookAgainAndAgain(deps);
    } catch (error) {
      onFailure(messageOf(error));
      await clock.sleep(RETRY_MS, stop);
    } finally {
      lock?.release();
    }
    await clock.sleep(LOOK_MS, stop);
  }
}

async function lookAgainAndAgain({ paths: { archiveDir, searchDatabase }, clock, stop, onFailure }: UpkeepDeps): Promise<void> {
  using index = openSearchWriter(searchDatabase);
  const told = new Set<string>();
  const onUnreadable = (name: string, problem: string): void => {
    if (!told.has(name)) onFailure(`${name} is not searched: ${problem}`);
    told.add(name);
  };
  while (!stop.aborted) {
    let sinceMs = clock.monotonic();
    for (const _progress of indexArchive({ archiveDir, index, onUnreadable })) {
      await clock.sleep(REST * (clock.monotonic() - sinceMs), stop);
      if (stop.aborted) return;
      sinceMs = clock.monotonic();
    }
    await clock.sleep(LOOK_MS, stop);
  }
}
