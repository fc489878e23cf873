/** Passes on to the derived tables what happens to facts; while something is forgotten, they only tell what has to be done. */
import type { Attention } from './attention.ts';
import type { Claim } from './claim.ts';
import type { FactListener } from './claims.ts';
import type { SessionMarks } from './session-marks.ts';
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

/** What follows from events, and hears of each. */
export interface Derived {
  sessions: Sessions;
  usage: Usage;
  attention: Attention;
  marks: SessionMarks;
}

export function createDerivation({ sessions, usage, attention, marks }: Derived): Derivation {
  let addedRow: number | null = null;
  let removal: Removal | undefined;
  const touch = (session: number): void => {
    if (removal === undefined) sessions.touch(session);
    else removal.sessions.add(session);
  };
  return {
    added(claim, row) {
      addedRow = row;
      const isFirstOwn = sessions.added(claim);
      usage.added(claim, row);
      attention.added(claim, row, isFirstOwn);
      marks.mark(claim);
    },
    changed(row, before, after) {
      touch(before.session);
      touch(after.session);
      attention.changed(row, before, after);
      marks.mark(before);
      marks.mark(after);
      usage.changed(row, before, after);
    },
    removed(row, before) {
      touch(before.session);
      attention.removed(row, before);
      marks.mark(before);
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
