/**
 * Which stream a fact belongs to: of all assignments that cover it the
 * strongest, of equals the latest. Nothing is stored per fact of a session or a
 * directory, so facts that arrive later belong as well, in whichever order they
 * and their copies arrive.
 *
 * Strength goes by who says it (a person before a model before a rule), then by
 * how closely it is meant: single facts, a session, a directory, a time. The
 * view `event_assignment` says the same in SQL (migration 0005).
 */
import type { Database } from './database.ts';

export const ASSIGNERS = ['user', 'model', 'rule', 'auto'] as const;
export type Assigner = (typeof ASSIGNERS)[number];

export type AssignmentScope = 'facts' | 'session' | 'directory' | 'pattern' | 'time';

export interface Assignment {
  assignment: number;
  act: number;
  /** Null: to no stream. */
  streamId: string | null;
  assignedBy: Assigner;
  scope: AssignmentScope;
  strength: number;
  session: number | null;
  path: string | null;
  /** Epoch ms, half-open; null: without end. */
  fromMs: number | null;
  toMs: number | null;
}

/** Columns of `event_row` by which an assignment covers it. */
export interface PlacedFact {
  row: number;
  fact: number;
  session: number;
  cwd: number | null;
  at: number;
  kind: number;
}

export const PLACED_FACT = 'e.row, e.fact, e.session, e.cwd, e.at, e.kind';

/** What of a fact matters as things are assigned now, beside its row, session and directory. */
export interface FactNeeds {
  time: boolean;
  kind: boolean;
  fact: boolean;
}

export interface StreamLookup {
  /** What is not needed may be anything. */
  readonly needs: FactNeeds;
  /** The assignment that holds; undefined: none. */
  of(fact: PlacedFact): Assignment | undefined;
  /** Stream of an `event_row`; null: none. */
  ofRow(row: number): string | null;
}

export function readAssignments(database: Database): Assignment[] {
  return database.prepare<[], Assignment>(`
    SELECT assignment, act, stream_id AS streamId, assigned_by AS assignedBy, scope, strength, session, path,
      from_at AS fromMs, to_at AS toMs
    FROM assignment ORDER BY assignment`).all();
}

function isDuring({ fromMs, toMs }: Assignment, at: number): boolean {
  return (fromMs === null || at >= fromMs) && (toMs === null || at < toMs);
}

/** Strongest first; of equals the latest. */
function byStrength(a: Assignment, b: Assignment): number {
  return b.strength - a.strength || b.assignment - a.assignment;
}

type ByKey = ReadonlyMap<number, readonly Assignment[]>;
const NONE: readonly Assignment[] = [];

function groupBySession(assignments: readonly Assignment[]): ByKey {
  const sessions = new Map<number, Assignment[]>();
  for (const one of assignments) {
    if (one.session === null) continue;
    const known = sessions.get(one.session);
    if (known === undefined) sessions.set(one.session, [one]);
    else known.push(one);
  }
  for (const list of sessions.values()) list.sort(byStrength);
  return sessions;
}

/** SQLite itself compares: its LIKE is not a regular expression. */
function groupByDirectory(database: Database, known: ReadonlyMap<number, Assignment>): ByKey {
  const pairs = database.prepare<[], { cwd: number; assignment: number }>('SELECT cwd, assignment FROM assigned_directory').all();
  const directories = new Map<number, Assignment[]>();
  for (const { cwd, assignment } of pairs) {
    const one = known.get(assignment);
    if (one !== undefined) directories.set(cwd, [...(directories.get(cwd) ?? []), one]);
  }
  for (const list of directories.values()) list.sort(byStrength);
  return directories;
}

/** Events of which one of these sessions says the same, without having won it. */
function readCopied(database: Database, sessions: readonly number[]): ReadonlySet<number> {
  return new Set(database.prepare<[string], number>(
    'SELECT c.event FROM copy_row c WHERE c.session IN (SELECT value FROM json_each(?))').pluck().all(JSON.stringify(sessions)));
}

/**
 * As the database is now: open another one for what is said later. Reads all
 * assignments once, single facts only where one is assigned.
 * `assignments`: these alone, as if the others had not been said.
 */
export function openStreamLookup(database: Database, assignments: readonly Assignment[] = readAssignments(database)): StreamLookup {
  const known = new Map(assignments.map((one) => [one.assignment, one]));
  const sessions = groupBySession(assignments);
  const directories = groupByDirectory(database, known);
  const times = assignments.filter(({ scope }) => scope === 'time').sort(byStrength);
  const attention = new Set(database.prepare<[], number>('SELECT kind FROM attention_kind').pluck().all());
  const facts = new Set(database.prepare<[], number>('SELECT DISTINCT fact FROM assigned_fact').pluck().all());
  const ofFact = database.prepare<[number], { assignment: number }>(`
    SELECT f.assignment FROM event_fact k JOIN assigned_fact f ON f.fact = k.fact AND f.fact_key = k.fact_key WHERE k.row = ?`);
  const copiesOf = database.prepare<[number, number], { session: number }>('SELECT session FROM copy_row WHERE fact = ? AND event = ?');
  const copied = readCopied(database, [...sessions.keys()]);
  const place = database.prepare<[number], PlacedFact>(`SELECT ${PLACED_FACT} FROM event_row e WHERE e.row = ?`);
  const strongestSession = Math.max(0, ...[...sessions.values()].flat().map(({ strength }) => strength));

  const of = (fact: PlacedFact): Assignment | undefined => {
    if (known.size === 0) return undefined;
    let best: Assignment | undefined;
    let bestStrength = 0;
    const offer = (list: readonly Assignment[], weaker = 0): void => {
      const found = list.find((one) => isDuring(one, fact.at));
      if (found === undefined) return;
      const strength = found.strength - weaker;
      if (strength < bestStrength || (strength === bestStrength && best !== undefined && found.assignment < best.assignment)) return;
      [best, bestStrength] = [found, strength];
    };
    if (facts.has(fact.fact)) {
      offer(ofFact.all(fact.row).flatMap(({ assignment }) => known.get(assignment) ?? []).sort(byStrength));
    }
    offer(sessions.get(fact.session) ?? NONE);
    if (fact.cwd !== null) offer(directories.get(fact.cwd) ?? NONE);
    if (times.length > 0 && attention.has(fact.kind)) offer(times);
    if (strongestSession - 1 > bestStrength && copied.has(fact.row)) {
      for (const { session } of copiesOf.all(fact.fact, fact.row)) offer(sessions.get(session) ?? NONE, 1);
    }
    return best;
  };
  return {
    of,
    needs: {
      time: assignments.some(({ fromMs, toMs }) => fromMs !== null || toMs !== null),
      kind: times.length > 0,
      fact: facts.size > 0 || copied.size > 0,
    },
    ofRow(row) {
      const found = known.size === 0 ? undefined : place.get(row);
      return found === undefined ? null : of(found)?.streamId ?? null;
    },
  };
}
