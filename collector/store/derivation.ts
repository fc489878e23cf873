/** Passes on to the derived tables what happens to facts; while something is forgotten, they only tell what has to be done. */
import type { Claim } from './claim.ts';
import type { FactListener } from './claims.ts';
import type { Sessions } from './sessions.ts';
import type { Usage } from './usage.ts';

/** What a removal left behind, to be put right after it. */
export interface Removal {
  sessions: Set<number>;
  /** Claims that won facts which nobody claims any more. */
  facts: Claim[];
  /** Who stands for these responses now, has to be found. */
  responses: string[];
}

export interface Derivation extends FactListener {
  /** Row of the event that was added since this was asked last; null where none was. */
  takeRow(): number | null;
  /** Runs `work`; sessions that it changes are returned instead of derived anew at the end of the transaction. */
  removing(work: () => void): Removal;
}

export function createDerivation(sessions: Sessions, usage: Usage): Derivation {
  let addedRow: number | null = null;
  let removal: Removal | undefined;
  const touch = (session: number): void => {
    if (removal === undefined) sessions.touch(session);
    else removal.sessions.add(session);
  };
  return {
    added(claim, row) {
      addedRow = row;
      sessions.added(claim);
      usage.added(claim, row);
    },
    changed(row, before, after) {
      touch(before.session);
      touch(after.session);
      usage.changed(row, before, after);
    },
    removed(row, before) {
      touch(before.session);
      if (removal === undefined) return usage.changed(row, before, undefined);
      removal.facts.push(before);
      const lost = usage.takeAway(row, before);
      if (lost !== undefined) removal.responses.push(lost);
    },
    takeRow() {
      const row = addedRow;
      addedRow = null;
      return row;
    },
    removing(work) {
      const made: Removal = { sessions: new Set(), facts: [], responses: [] };
      removal = made;
      try {
        work();
      } finally {
        removal = undefined;
      }
      return made;
    },
  };
}
