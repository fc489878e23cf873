/** What can be assigned, found by the names that are printed: sessions, events, directories. */
import { parseEventId } from '../../shared/event-id.ts';
import { timestampMs } from '../../shared/timestamp.ts';
import type { Database } from './database.ts';
import { factHash } from './fact-hash.ts';

/** A fact by what never changes of it. */
export interface FactRef {
  fact: number;
  factKey: string;
}

interface FoundFact extends FactRef {
  form: string;
}

/** Sessions with events whose ID is `name` or, from `shortest` characters on, begins so; at most 20. */
export function findSessions(database: Database, name: string, shortest: number): { session: number; sessionId: string }[] {
  const read = (condition: string): { session: number; sessionId: string }[] =>
    database.prepare<[{ name: string }], { session: number; sessionId: string }>(`
      SELECT k.session, k.session_id AS sessionId FROM session_key k
      WHERE k.session <> 0 AND ${condition} AND EXISTS (SELECT 1 FROM event_row e WHERE e.session = k.session)
      ORDER BY k.session_id LIMIT 20`).all({ name });
  const exact = read('k.session_id = $name');
  return exact.length > 0 || name.length < shortest ? exact : read('substr(k.session_id, 1, length($name)) = $name');
}

/** The facts that an ID names, whether its claim won or lost; none: nobody says it. */
export function openFactFinder(database: Database): (eventId: string) => FactRef[] {
  const key = "CASE WHEN k.form = 'fact' THEN k.type || ':' || e.discriminator ELSE $id END AS factKey";
  const byParts = database.prepare<[{ id: string; machine: string; at: number; source: string; type: string; discriminator: string }], FactRef>(`
    SELECT e.fact, ${key} FROM machine_key m CROSS JOIN event_row e ON e.machine = m.machine AND e.at = $at
    JOIN kind_key k ON k.kind = e.kind
    WHERE m.machine_id = $machine AND k.source = $source AND k.type = $type AND e.discriminator = $discriminator AND k.form <> 'opaque'`);
  const copies = database.prepare<[{ id: string; hash: number; type: string; discriminator: string }], FactRef>(`
    SELECT DISTINCT e.fact, ${key} FROM copy_row e JOIN kind_key k ON k.kind = e.kind
    WHERE e.fact = $hash AND k.type = $type AND e.discriminator = $discriminator AND k.form = 'fact'`);
  // No time to find it by: through the facts' index, and what waits to get into it.
  const opaque = database.prepare<[{ id: string; hash: number }], FoundFact>(`
    SELECT e.fact, $id AS factKey, k.form FROM fact_place p JOIN event_row e ON e.row = p.row JOIN kind_key k ON k.kind = e.kind
    WHERE p.hash = $hash AND k.form = 'opaque' AND e.discriminator = $id`);
  return (id) => {
    const parts = parseEventId(id);
    if (parts !== undefined) {
      const { machineId, source, type, timestamp, discriminator } = parts;
      const found = byParts.all({ id, machine: machineId, at: timestampMs(timestamp), source, type, discriminator });
      if (found.length > 0) return found;
      const lost = copies.all({ id, hash: factHash(`${type}:${discriminator}`), type, discriminator });
      if (lost.length > 0) return lost;
    }
    return opaque.all({ id, hash: factHash(id) }).map(({ fact, factKey }) => ({ fact, factKey }));
  };
}
