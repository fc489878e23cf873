/** The database as the writer's loop sees it: one committer and the calls that run between its commits. */
import type { Clock } from '../../shared/clock.ts';
import { TtError } from '../../shared/errors.ts';
import { openWriter } from '../store/database.ts';
import { openEventStore } from '../store/event-store.ts';
import { createCommitter } from './commit.ts';
import type { OpenStore } from './group-commit.ts';
import { createWriterCalls } from './writer-calls.ts';

/** Opens, creates or migrates. Throws `database_*`. */
export function openStore(path: string, clock: Pick<Clock, 'now' | 'monotonic'>): OpenStore {
  const database = openWriter(path);
  try {
    const store = openEventStore(database, { elapsed: () => clock.monotonic() });
    const committer = createCommitter(store, clock);
    const calls = createWriterCalls(database, store);
    return {
      committer: {
        commit: (jobs) => committer.commit(jobs),
        call(method, args) {
          const run = calls[method];
          if (!run) throw new TtError('unknown_call', `the writer knows no ${method}`, { hint: 'use one version of tt throughout' });
          return run(...args);
        },
      },
      close: () => {
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
