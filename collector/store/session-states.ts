/** Latest value of each state of a session; order is (after, offset, gen), never arrival. */
import type { SessionState } from '../../shared/event.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';

export interface SessionStates {
  store(machine: number, state: SessionState): void;
}

export function openSessionStates(database: Database, keys: Keys): SessionStates {
  const store = database.prepare<[number, string, string, number, string, number, string]>(`
    INSERT INTO session_state (session, key, after, offset, gen, machine, value) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session, key) DO UPDATE SET
      after = excluded.after, offset = excluded.offset, gen = excluded.gen, machine = excluded.machine,
      value = excluded.value
    WHERE (excluded.after, excluded.offset, excluded.gen) > (after, offset, gen)`);
  return {
    store(machine, state) {
      const session = keys.session(state.session_id);
      store.run(session, state.key, state.after, state.offset, state.gen, machine, JSON.stringify(state.value));
    },
  };
}
