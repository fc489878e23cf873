/** First and last event of each stream, exactly, without reading the others: by the ends of what its assignments cover. */
import { openStreamLookup, PLACED_FACT, readAssignments, type Assignment, type PlacedFact, type StreamLookup } from './assignments.ts';
import { eventsCovered } from './assigning.ts';
import type { Database } from './database.ts';

export interface StreamActivity {
  firstMs: number;
  lastMs: number;
}

/** By stream ID; a stream without events is not in it. */
export function readStreamActivity(database: Database, lookup: StreamLookup = openStreamLookup(database)): Map<string, StreamActivity> {
  const found = new Map<string, StreamActivity>();
  const note = (streamId: string, at: number): void => {
    const known = found.get(streamId);
    if (known === undefined) found.set(streamId, { firstMs: at, lastMs: at });
    else {
      known.firstMs = Math.min(known.firstMs, at);
      known.lastMs = Math.max(known.lastMs, at);
    }
  };
  const ends = openEnds(database);
  for (const assignment of readAssignments(database)) {
    const { streamId } = assignment;
    if (streamId === null) continue;
    const belongs = (fact: PlacedFact): boolean => lookup.of(fact)?.streamId === streamId;
    if (assignment.scope === 'facts' || ends.hasCopies(assignment)) {
      for (const fact of eventsCovered(database, assignment)) {
        const known = found.get(streamId);
        if ((known === undefined || fact.at < known.firstMs || fact.at > known.lastMs) && belongs(fact)) note(streamId, fact.at);
      }
      continue;
    }
    for (const order of ['ASC', 'DESC'] as const) {
      for (const walk of ends.walks(assignment, order)) {
        for (const fact of walk) {
          const known = found.get(streamId);
          if (known !== undefined && (order === 'ASC' ? fact.at >= known.firstMs : fact.at <= known.lastMs)) break;
          if (!belongs(fact)) continue;
          note(streamId, fact.at);
          break;
        }
      }
    }
  }
  return found;
}

/** Walks over what an assignment covers from either end, each by an index in order of time. */
function openEnds(database: Database): {
  walks(assignment: Assignment, order: 'ASC' | 'DESC'): Iterable<Iterable<PlacedFact>>;
  hasCopies(assignment: Assignment): boolean;
} {
  const copies = database.prepare<[number | null]>('SELECT 1 FROM copy_row WHERE session = ? LIMIT 1');
  const machines = database.prepare<[], number>('SELECT machine FROM machine_key').pluck().all();
  const ordered = (condition: string, order: 'ASC' | 'DESC') => database.prepare<[Record<string, number | null>], PlacedFact>(`
    SELECT ${PLACED_FACT} FROM event_row e WHERE ${condition} AND e.at >= $from AND e.at < $to ORDER BY e.at ${order}`);
  return {
    hasCopies: ({ session }) => session !== null && copies.get(session) !== undefined,
    *walks({ assignment, scope, session, fromMs, toMs }, order) {
      const bounds = { from: fromMs ?? Number.MIN_SAFE_INTEGER, to: toMs ?? Number.MAX_SAFE_INTEGER };
      if (scope === 'session') {
        yield ordered('e.session = $session', order).iterate({ ...bounds, session });
        return;
      }
      const covered = scope === 'time' ? 'e.kind IN (SELECT kind FROM attention_kind)' : 'e.cwd IN (SELECT cwd FROM assigned_directory WHERE assignment = $assignment)';
      const statement = ordered(`e.machine = $machine AND ${covered}`, order);
      for (const machine of machines) yield statement.iterate({ ...bounds, machine, ...(scope === 'time' ? {} : { assignment }) });
    },
  };
}
