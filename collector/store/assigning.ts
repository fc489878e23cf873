/** Writes assignments, takes them back, and tells which events they are about. */
import { PLACED_FACT, type Assigner, type Assignment, type PlacedFact } from './assignments.ts';
import type { FactRef } from './assignable.ts';
import type { Database } from './database.ts';

/** What an assignment covers, as keys of this database. `time` is of a person's attention alone, and has both ends. */
export type Coverage =
  | { scope: 'facts'; facts: readonly FactRef[] }
  | { scope: 'session'; session: number }
  | { scope: 'directory' | 'pattern'; path: string }
  | { scope: 'time' };

export interface NewAssignment {
  streamId: string | null;
  coverage: Coverage;
  fromMs: number | null;
  toMs: number | null;
}

export interface Act {
  act: number;
  assignedBy: Assigner;
  assignedAt: string;
  assignments: number;
}

export interface Assigning {
  /** Said together. Returns the act, null where nothing was said. */
  add(assignments: readonly NewAssignment[], by: Assigner, at: string): number | null;
  /** Has `by` said exactly this last, so that saying it again changes nothing? */
  says(assignment: NewAssignment, by: Assigner): boolean;
  /** Null: the latest. */
  act(act: number | null): Act | undefined;
  /** Takes an act back: what was said before holds again. */
  undo(act: number): void;
  /** Events that one of these covers, each once, in no order; also where another assignment holds. */
  covered(assignments: readonly Assignment[]): Iterable<PlacedFact>;
}

export function openAssigning(database: Database): Assigning {
  const insert = database.prepare<[string | null, Assigner, string, string, number | null, string | null, number | null, number | null]>(`
    INSERT INTO assignment (act, stream_id, assigned_by, assigned_at, scope, session, path, from_at, to_at) VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const setAct = database.prepare<[number, number]>('UPDATE assignment SET act = ? WHERE assignment = ?');
  const insertFact = database.prepare<[number, string, number]>('INSERT OR IGNORE INTO assigned_fact (fact, fact_key, assignment) VALUES (?, ?, ?)');
  const lastOfFact = database.prepare<[number, string, Assigner], { streamId: string | null }>(`
    SELECT a.stream_id AS streamId FROM assigned_fact f JOIN assignment a ON a.assignment = f.assignment
    WHERE f.fact = ? AND f.fact_key = ? AND a.assigned_by = ? ORDER BY a.assignment DESC LIMIT 1`);
  // Of directories, patterns and times the latest of all: what was said between may overlap, and would hold before it.
  const lastOfScope = database.prepare<[Record<string, string | number | null>], { streamId: string | null }>(`
    SELECT CASE WHEN scope = $scope AND path IS $path AND from_at IS $fromMs AND to_at IS $toMs THEN stream_id ELSE '' END AS streamId FROM assignment
    WHERE assigned_by = $by AND CASE WHEN $scope IN ('session', 'time') THEN scope = $scope AND session IS $session
      ELSE scope IN ('directory', 'pattern') END
    ORDER BY assignment DESC LIMIT 1`);
  return {
    add(assignments, by, at) {
      let act: number | null = null;
      for (const { streamId, coverage, fromMs, toMs } of assignments) {
        const session = coverage.scope === 'session' ? coverage.session : null;
        const path = 'path' in coverage ? coverage.path : null;
        const id = Number(insert.run(streamId, by, at, coverage.scope, session, path, fromMs, toMs).lastInsertRowid);
        act ??= id;
        setAct.run(act, id);
        if (coverage.scope === 'facts') for (const { fact, factKey } of coverage.facts) insertFact.run(fact, factKey, id);
      }
      return act;
    },
    says({ streamId, coverage, fromMs, toMs }, by) {
      if (coverage.scope === 'facts') return coverage.facts.every(({ fact, factKey }) => lastOf(lastOfFact.get(fact, factKey, by), streamId));
      return lastOf(lastOfScope.get({
        by, scope: coverage.scope, session: coverage.scope === 'session' ? coverage.session : null, path: 'path' in coverage ? coverage.path : null, fromMs, toMs,
      }), streamId);
    },
    act: (act) => database.prepare<[number | null], Act>(`
      SELECT act, assigned_by AS assignedBy, min(assigned_at) AS assignedAt, count(*) AS assignments
      FROM assignment WHERE act = coalesce(?, (SELECT max(act) FROM assignment)) GROUP BY act`).get(act),
    undo: (act) => void database.prepare<[number]>('DELETE FROM assignment WHERE act = ?').run(act),
    *covered(assignments) {
      const seen = new Set<number>();
      for (const one of assignments) {
        for (const fact of eventsCovered(database, one)) {
          if (seen.has(fact.row)) continue;
          seen.add(fact.row);
          yield fact;
        }
      }
    },
  };
}

function lastOf(last: { streamId: string | null } | undefined, streamId: string | null): boolean {
  return last !== undefined && last.streamId === streamId;
}

interface Bounds {
  from: number;
  to: number;
}

/** Events of one assignment, as an index finds them. */
export function* eventsCovered(database: Database, { assignment, scope, session, fromMs, toMs }: Assignment): Generator<PlacedFact> {
  const bounds: Bounds = { from: fromMs ?? Number.MIN_SAFE_INTEGER, to: toMs ?? Number.MAX_SAFE_INTEGER };
  const during = 'e.at >= $from AND e.at < $to';
  const query = (sql: string, more: Record<string, unknown> = {}): IterableIterator<PlacedFact> =>
    database.prepare<[Record<string, unknown>], PlacedFact>(`SELECT ${PLACED_FACT} FROM ${sql}`).iterate({ ...bounds, ...more });
  switch (scope) {
    case 'facts':
      // Most are in the index of facts; what waits to get into it, is read in the second step.
      yield* query(`assigned_fact f CROSS JOIN fact p ON p.hash = f.fact CROSS JOIN event_row e ON e.row = p.row
        WHERE f.assignment = $assignment AND ${during} AND ${IS_ASSIGNED}`, { assignment });
      yield* query(`event_row e CROSS JOIN assigned_fact f ON f.fact = e.fact AND f.assignment = $assignment
        WHERE e.row > (SELECT CASE count(*) WHEN 512 THEN min(through) ELSE 0 END FROM fact_range) AND ${during} AND ${IS_ASSIGNED}`, { assignment });
      break;
    case 'session':
      yield* query(`event_row e WHERE e.session = $session AND ${during}`, { session });
      yield* query(`copy_row c CROSS JOIN event_row e ON e.row = c.event WHERE c.session = $session AND ${during}`, { session });
      break;
    case 'directory':
    case 'pattern':
      yield* query(`event_row e WHERE ${during} AND e.cwd IN (
        SELECT cwd FROM assigned_directory WHERE assignment = $assignment)`, { assignment });
      break;
    case 'time':
      yield* query(`machine_key m CROSS JOIN event_row e ON e.machine = m.machine WHERE ${during} AND e.kind IN (SELECT kind FROM attention_kind)`);
  }
}

const IS_ASSIGNED = 'f.fact_key = (SELECT k.fact_key FROM event_fact k WHERE k.row = e.row)';
