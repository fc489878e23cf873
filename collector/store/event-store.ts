/**
 * Everything one transaction of the writer may do, over one database. The store
 * knows rows and rules; frames, answers and grouping are the committer's.
 */
import { parseEventId, type EventIdParts } from '../../shared/event-id.ts';
import type { LineageEdge, SessionState, TtEvent } from '../../shared/event.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import type { RefusalCode } from '../../shared/protocol/frames.ts';
import type { MachineRef, RebuildCounts } from '../writer/messages.ts';
import { openAttention } from './attention.ts';
import { dataOf, toClaim } from './claim.ts';
import { openClaims } from './claims.ts';
import type { Database } from './database.ts';
import { openDeadLetters, type DeadLetters } from './dead-letters.ts';
import { openGaps, type Gaps } from './gaps.ts';
import { createDerivation } from './derivation.ts';
import { openForgetting, type Forgetting } from './forgetting.ts';
import { guardGaps, guardLedger, guardStates, wantedEdges } from './forgotten-guard.ts';
import { openKeys } from './keys.ts';
import { openLedger, type Ledger } from './ledger.ts';
import { openLineage } from './lineage.ts';
import { openRecomputing, type Recomputing } from './recomputing.ts';
import { openReplacing, type Replacing } from './replacing.ts';
import { openSessionMarks } from './session-marks.ts';
import { openSessionSpeakers } from './session-speakers.ts';
import { openSessionStates } from './session-states.ts';
import { openSessions } from './sessions.ts';
import { openTimeSteps } from './time-steps.ts';
import { openTombstones } from './tombstones.ts';
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
  /** `event` has passed `checkEvent`, which gave its `parts`, or an import's own check. `maxBytes`: of its other keys, the wire's limit if not given. */
  storeEvent(event: TtEvent, bornAt: number | null, parts?: EventIdParts, maxBytes?: number): EventOutcome;
  storeEdges(edges: readonly LineageEdge[]): void;
  /** Why a state is refused; undefined: it is stored, or an earlier value is. */
  storeState(machine: number, state: SessionState): RefusalCode | undefined;
  readonly replacing: Replacing;
  readonly ledger: Ledger;
  readonly deadLetters: DeadLetters;
  readonly gaps: Gaps;
  readonly forgetting: Forgetting;
  /** Indexes of the names of files that belong to something forgotten. */
  forgottenNames(machineId: string, names: readonly string[]): number[];
  /** After texts were taken out of the database behind the caches. */
  forgetCaches(): void;
  rebuild(): RebuildCounts;
  readonly recomputing: Recomputing;
  derivedCounts(): RebuildCounts;
  /** Derives time that is behind for about 5 ms, in a transaction of its own. True: there is more. */
  deriveTime(): boolean;
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

function isTooLarge(data: string, maxBytes: number): boolean {
  // No character takes more than three bytes a unit: short texts need no counting.
  return data.length * 3 > maxBytes && Buffer.byteLength(data) > maxBytes;
}

/** Interned texts, rules and derived tables, as they stand on one another. */
function openParts(database: Database) {
  const keys = openKeys(database);
  const lineage = openLineage(database, keys);
  const speakers = openSessionSpeakers(database, keys);
  const sessions = openSessions(database, keys, speakers);
  const usage = openUsage(database, keys);
  const attention = openAttention(database, keys, speakers);
  const marks = openSessionMarks(database);
  const derivation = createDerivation({ sessions, usage, attention, marks });
  const claims = openClaims(database, { keys, order: { ...keys, descends: lineage.descends }, listener: derivation });
  const deadLetters = openDeadLetters(database);
  const replacing = openReplacing(database, keys, claims);
  const tombstones = openTombstones(database);
  const cached = [tombstones, replacing, deadLetters, keys, lineage, sessions, usage, attention, marks, claims];
  return {
    speakers, keys, lineage, sessions, usage, attention, marks, derivation, claims, deadLetters, replacing, tombstones,
    forgetCaches(): void {
      for (const part of cached) part.forget();
    },
  };
}

/** `elapsed`: monotonic ms, for work that is done in steps; without it a step has no end but its work's. */
export function openEventStore(database: Database, { elapsed = () => 0 }: { elapsed?: () => number } = {}): EventStore {
  const parts = openParts(database);
  const { keys, lineage, sessions, usage, attention, marks, derivation, claims, deadLetters, replacing, tombstones, forgetCaches } = parts;
  const time = openTimeSteps(database, { keys, speakers: parts.speakers, elapsed });
  const counts = database.prepare<[], { events: number; copies: number }>(
    'SELECT (SELECT count(*) FROM event_row) AS events, (SELECT count(*) FROM copy_row) AS copies',
  );
  const derivedCounts = database.prepare<[], RebuildCounts>(`
    SELECT (SELECT count(*) FROM event_row) AS events, (SELECT count(*) FROM copy_row) AS copies,
      (SELECT count(*) FROM session_row) AS sessions, (SELECT count(*) FROM usage_row) AS responses`);
  const transaction = <T>(work: () => T): T => {
    try {
      return database.transaction(() => {
        const result = work();
        sessions.flush();
        usage.flush();
        attention.flush();
        marks.flush();
        claims.flush();
        return result;
      }).immediate();
    } catch (error) {
      forgetCaches();
      throw error;
    }
  };
  const rebuild = (): RebuildCounts => transaction(() => {
    const { events, copies } = counts.get() ?? { events: 0, copies: 0 };
    const derived = { sessions: sessions.rebuild(), responses: usage.rebuild() };
    attention.rebuild();
    time.rebuild();
    return { events, copies, ...derived };
  });

  return {
    transaction,
    machine(ref) {
      const { machine, isChanged } = keys.enrolled(ref);
      if (isChanged) claims.decideMachineAgain(machine);
      return machine;
    },
    machineKey: (machineId) => keys.machine(machineId),
    storeEvent(event, bornAt, idParts = parseEventId(event.id), maxBytes = WIRE_LIMITS.eventBytes) {
      const machineId = idParts?.machineId ?? event['machine_id'];
      if (tombstones.keepsOut({ machineId, sessionId: event['session_id'], cwd: event['cwd'] })) return { verdict: 'refused', code: 'forgotten' };
      const claim = toClaim(event, idParts, keys, bornAt);
      const known = claims.look(claim);
      if (known === 'same') return { verdict: 'duplicate', row: null, at: claim.at };
      if (claim.kindName.form === 'fact' && replacing.isOutdated(event, claim.schemaVersion)) {
        return { verdict: 'duplicate', row: null, at: claim.at };
      }
      const data = printedData(event);
      if (data === undefined) return { verdict: 'refused', code: 'malformed' };
      if (data !== null && isTooLarge(data, maxBytes)) return { verdict: 'refused', code: 'too_large' };
      claim.data = data;
      return { verdict: claims.store(claim, known), row: derivation.takeRow(), at: claim.at };
    },
    storeEdges(edges) {
      const affected = lineage.add(wantedEdges(edges, tombstones));
      if (affected.length > 0) claims.decideAgain(affected);
    },
    storeState: guardStates(openSessionStates(database, keys), tombstones, keys).store,
    replacing,
    ledger: guardLedger(openLedger(database), tombstones, keys),
    deadLetters,
    gaps: guardGaps(openGaps(database), tombstones, keys),
    forgottenNames: (machineId, names) => names.flatMap((name, index) => (tombstones.keepsOutMachine(machineId) || tombstones.keepsOutFile(name) ? [index] : [])),
    forgetting: openForgetting({ ...parts, database, transaction, rebuild, elapsed }),
    forgetCaches,
    rebuild,
    recomputing: openRecomputing({ ...parts, database, time, transaction, elapsed }),
    derivedCounts: () => derivedCounts.get() ?? { events: 0, copies: 0, sessions: 0, responses: 0 },
    deriveTime: () => transaction(() => time.step()),
  };
}
