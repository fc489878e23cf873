/**
 * Latest value of each state of a session as each machine tells it; order is
 * (after, offset, gen), never arrival. Which machine's counts, the view
 * `session_state` says: only who has events of the session has a say in it.
 */
import type { SessionState } from '../../shared/event.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import { isTooDeep } from './claim.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';

export type StateRefusal = 'malformed' | 'too_large';

export interface SessionStates {
  /** Why it is refused; undefined: it is stored, or a later value was already. */
  store(machine: number, state: SessionState): StateRefusal | undefined;
}

export function openSessionStates(database: Database, keys: Keys): SessionStates {
  const store = database.prepare<[number, string, string, number, string, number, string]>(`
    INSERT INTO session_state_row (session, key, after, offset, gen, machine, value) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session, key, machine) DO UPDATE SET
      after = excluded.after, offset = excluded.offset, gen = excluded.gen, value = excluded.value
    WHERE (excluded.after, excluded.offset, excluded.gen) > (after, offset, gen)`);
  return {
    store(machine, state) {
      if (isTooDeep(state.value)) return 'malformed';
      const value = JSON.stringify(state.value ?? null);
      if (Buffer.byteLength(value) > WIRE_LIMITS.eventBytes) return 'too_large';
      store.run(keys.session(state.session_id), state.key, state.after, state.offset, state.gen, machine, value);
      return undefined;
    },
  };
}
