/** Keeps what was forgotten out of everything that is not an event: states, lineage, gaps, and names of files. */
import type { LineageEdge, SessionState } from '../../shared/event.ts';
import type { Gaps } from './gaps.ts';
import type { Keys } from './keys.ts';
import type { Ledger } from './ledger.ts';
import type { SessionStates, StateRefusal } from './session-states.ts';
import type { Tombstones } from './tombstones.ts';

export interface GuardedStates {
  store(machine: number, state: SessionState): StateRefusal | 'forgotten' | undefined;
}

export function guardStates(states: SessionStates, tombstones: Tombstones, keys: Keys): GuardedStates {
  return {
    store(machine, state) {
      const isForgotten = tombstones.keepsOutSession(state.session_id) || tombstones.keepsOutMachine(keys.machineId(machine));
      return isForgotten ? 'forgotten' : states.store(machine, state);
    },
  };
}

/** An edge with one end that is not forgotten still tells who repeats whom. */
export function wantedEdges(edges: readonly LineageEdge[], tombstones: Tombstones): LineageEdge[] {
  return edges.filter(({ child, parent }) => !tombstones.keepsOutSession(child) || !tombstones.keepsOutSession(parent));
}

/** Its offsets stay the authority on what has arrived. */
export function guardLedger(ledger: Ledger, tombstones: Tombstones, keys: Keys): Ledger {
  return {
    ...ledger,
    advance(machine, file, nowMs) {
      const isForgotten = tombstones.keepsOutFile(file.path) || tombstones.keepsOutMachine(keys.machineId(machine));
      ledger.advance(machine, isForgotten ? { ...file, path: '' } : file, nowMs);
    },
  };
}

export function guardGaps(gaps: Gaps, tombstones: Tombstones, keys: Keys): Gaps {
  return {
    ...gaps,
    store(machine, reports, nowMs) {
      if (tombstones.keepsOutMachine(keys.machineId(machine))) return;
      gaps.store(machine, reports.filter(({ path }) => !tombstones.keepsOutFile(path)), nowMs);
    },
  };
}
