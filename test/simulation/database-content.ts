/** What is in the collector's database, as the simulation compares it. */
import type { Database } from '../../collector/store/database.ts';
import { readIntervals } from '../../collector/store/intervals.ts';
import { claimKey, type ClaimKey } from './claims.ts';

export function* claimsIn(database: Database): Iterable<ClaimKey> {
  for (const view of ['events', 'event_copies']) {
    for (const { id, session } of database.prepare<[], { id: string; session: string | null }>(`SELECT id, session_id AS session FROM ${view}`).iterate()) {
      yield claimKey(id, session);
    }
  }
}

export interface StoredClaim {
  key: ClaimKey;
  id: string;
  sessionId: string;
  bornAt: number | null;
  enrolledAt: number | null;
  machineId: string;
  at: number;
  fact: string;
  isWinner: boolean;
}

/** Every claim, with what decides who wins. */
export function storedClaims(database: Database): StoredClaim[] {
  return ['event_row', 'copy_row'].flatMap((table) => database.prepare<[], Omit<StoredClaim, 'key' | 'isWinner' | 'id'> & { source: string; type: string; discriminator: string; form: string; timestamp: string }>(`
    SELECT m.machine_id AS machineId, m.enrolled_at AS enrolledAt, k.source, k.type, k.form, s.session_id AS sessionId, e.born_at AS bornAt, e.at,
      e.discriminator, strftime('%Y-%m-%dT%H:%M:%fZ', e.at / 1000.0, 'unixepoch') AS timestamp, '' AS fact
    FROM ${table} e JOIN machine_key m USING (machine) JOIN kind_key k USING (kind) JOIN session_key s USING (session)`).all().map((row) => {
    const { machineId, source, type, discriminator, timestamp, sessionId, bornAt, enrolledAt, at, form } = row;
    const id = `${machineId}:${source}:${type}:${timestamp}:${discriminator}`;
    const fact = form === 'fact' ? `${type}:${discriminator}` : id;
    return { key: claimKey(id, sessionId), id, sessionId, bornAt, enrolledAt, machineId, at, fact, isWinner: table === 'event_row' };
  }));
}

export function lineageIn(database: Database): { child: string; parent: string; via: string }[] {
  return database.prepare<[], { child: string; parent: string; via: string }>(`SELECT c.session_id AS child, p.session_id AS parent, l.via FROM lineage l
    JOIN session_key c ON c.session = l.child JOIN session_key p ON p.session = l.parent`).all();
}

/** As each machine tells them, the latest last. */
export function statesIn(database: Database): { session_id: string; key: string; after: string; offset: number; value: string }[] {
  return database.prepare<[], { session_id: string; key: string; after: string; offset: number; value: string }>(
    'SELECT k.session_id, s.key, s.after, s.offset, s.value FROM session_state_row s JOIN session_key k USING (session) ORDER BY s.after, s.offset').all();
}

export function ledgerIn(database: Database, machineId: string): Map<string, number> {
  return new Map(database.prepare<[string], { gen: string; offset: number }>(
    'SELECT f.gen, f.offset FROM file f JOIN machine_key m USING (machine) WHERE m.machine_id = ?').all(machineId).map(({ gen, offset }) => [gen, offset]));
}

const EVER = { fromMs: 0, toMs: 8_640_000_000_000_000 };

/** What can be derived anew, as others see it. */
export function derivedIn(database: Database): string {
  return JSON.stringify([
    database.prepare('SELECT * FROM sessions ORDER BY session_id, agent_id').all(),
    database.prepare(`SELECT response, request_id, event, machine, session, agent_id, at, model, input_tokens, output_tokens,
      cache_creation_tokens, cache_creation_1h, cache_read_tokens, speed, placeholder FROM usage_row ORDER BY response`).all(),
    [...readIntervals(database, EVER)].map((interval) => JSON.stringify(interval)).sort(),
  ]);
}

export function gapsIn(database: Database): { machineId: string; gen: string; path: string; from: number; to: number }[] {
  return database.prepare<[], { machineId: string; gen: string; path: string; from: number; to: number }>(
    'SELECT m.machine_id AS machineId, g.gen, g.path, g.from_offset AS "from", g.to_offset AS "to" FROM gap g JOIN machine_key m ON m.machine = g.machine',
  ).all();
}
