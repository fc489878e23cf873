/**
 * Everything one transaction of the writer may do, over one database. The store
 * knows rows and rules; frames, answers and grouping are the committer's.
 */
import { parseEventId, type EventIdParts } from '../../shared/event-id.ts';
import type { LineageEdge, SessionState, TtEvent } from '../../shared/event.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import type { RefusalCode } from '../../shared/protocol/frames.ts';
import type { MachineRef, RebuildCounts } from '../writer/messages.ts';
import { dataOf, toClaim } from './claim.ts';
import { openClaims } from './claims.ts';
import type { Database } from './database.ts';
import { openDeadLetters, type DeadLetters } from './dead-letters.ts';
import { openGaps, type Gaps } from './gaps.ts';
import { openKeys } from './keys.ts';
import { openLedger, type Ledger } from './ledger.ts';
import { openLineage } from './lineage.ts';
import { openReplacing, type Replacing } from './replacing.ts';
import { openSessionStates } from './session-states.ts';
import { openSessions } from './sessions.ts';
import { openUsage } from './usage.ts';

export type EventOutcome =
  | { verdict: 'stored' | 'duplicate'; row: number | null; at: number }
  | { verdict: 'refused'; code: RefusalCode };

export interface EventStore {
  /**
   * Runs `work` as one IMMEDIATE transaction and derives what it changed. On any
   * throw nothing of it is stored, and nothing interned in it is remembered.
   */
  transaction<T>(work: () => T): T;
  machine(ref: MachineRef): number;
  machineKey(machineId: string): number;
  /** `event` has passed `checkEvent`, which gave its `parts`, or an import's own check. */
  storeEvent(event: TtEvent, bornAt: number | null, parts?: EventIdParts): EventOutcome;
  storeEdges(edges: readonly LineageEdge[]): void;
  /** Why a state is refused; undefined: it is stored, or an earlier value is. */
  storeState(machine: number, state: SessionState): RefusalCode | undefined;
  readonly replacing: Replacing;
  readonly ledger: Ledger;
  readonly deadLetters: DeadLetters;
  readonly gaps: Gaps;
  rebuild(): RebuildCounts;
}

/** An event nested so deep that JSON cannot be printed again is refused, not fatal. */
function printedData(event: TtEvent): string | null | undefined {
  try {
    return dataOf(event);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function isTooLarge(data: string): boolean {
  // No character takes more than three bytes a unit: short texts need no counting.
  return data.length * 3 > WIRE_LIMITS.eventBytes && Buffer.byteLength(data) > WIRE_LIMITS.eventBytes;
}

export function openEventStore(database: Database): EventStore {
  const keys = openKeys(database);
  const lineage = openLineage(database, keys);
  const sessions = openSessions(database, keys);
  const usage = openUsage(database, keys);
  const states = openSessionStates(database, keys);
  let lastRow: number | null = null;
  const claims = openClaims(database, keys, { ...keys, descends: lineage.descends }, {
    added(claim, row) {
      lastRow = row;
      sessions.added(claim);
      usage.added(claim, row);
    },
    changed(row, before, after) {
      sessions.touch(before.session);
      sessions.touch(after.session);
      usage.changed(row, before, after);
    },
    removed(row, before) {
      sessions.touch(before.session);
      usage.changed(row, before, undefined);
    },
  });
  const counts = database.prepare<[], { events: number; copies: number }>(
    'SELECT (SELECT count(*) FROM event_row) AS events, (SELECT count(*) FROM copy_row) AS copies',
  );
  const deadLetters = openDeadLetters(database);
  const replacing = openReplacing(database, keys, claims);
  const forget = (): void => {
    replacing.forget();
    deadLetters.forget();
    keys.forget();
    lineage.forget();
    sessions.forget();
    usage.forget();
  };

  return {
    transaction(work) {
      try {
        return database.transaction(() => {
          const result = work();
          sessions.flush();
          usage.flush();
          return result;
        }).immediate();
      } catch (error) {
        forget();
        throw error;
      }
    },
    machine(ref) {
      const { machine, isChanged } = keys.enrolled(ref);
      if (isChanged) claims.decideMachineAgain(machine);
      return machine;
    },
    machineKey: (machineId) => keys.machine(machineId),
    storeEvent(event, bornAt, parts = parseEventId(event.id)) {
      const claim = toClaim(event, parts, keys, bornAt);
      const known = claims.look(claim);
      if (known === 'same') return { verdict: 'duplicate', row: null, at: claim.at };
      if (claim.kindName.form === 'fact' && replacing.isOutdated(event, claim.schemaVersion)) {
        return { verdict: 'duplicate', row: null, at: claim.at };
      }
      const data = printedData(event);
      if (data === undefined) return { verdict: 'refused', code: 'malformed' };
      if (data !== null && isTooLarge(data)) return { verdict: 'refused', code: 'too_large' };
      claim.data = data;
      lastRow = null;
      return { verdict: claims.store(claim, known), row: lastRow, at: claim.at };
    },
    storeEdges(edges) {
      const affected = lineage.add(edges);
      if (affected.length > 0) claims.decideAgain(affected);
    },
    storeState: states.store,
    replacing,
    ledger: openLedger(database),
    deadLetters,
    gaps: openGaps(database),
    rebuild() {
      return this.transaction(() => {
        const { events, copies } = counts.get() ?? { events: 0, copies: 0 };
        return { events, copies, sessions: sessions.rebuild(), responses: usage.rebuild() };
      });
    },
  };
}
