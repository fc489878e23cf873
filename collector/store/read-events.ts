/**
 * Reads events back, exactly as they came over the wire. Rows hold the parts of
 * an event; this is the one place that puts them together again.
 *
 * Guarantee: an event that was stored comes out with the same keys and values.
 * Limits: `schema_version` 1 is not printed (absent means 1), keys may come in
 * another order, and numbers beyond 2^53 went through JavaScript.
 */
import { buildEventId } from '../../shared/event-id.ts';
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import { parseMachineId, toEventId, toTimestamp } from '../../shared/ids.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { Database } from './database.ts';

export interface EventFilter {
  machineIds?: readonly string[];
  types?: readonly string[];
  sessionId?: string;
  /** Epoch ms; half open: `since` ≤ time < `until`. */
  sinceMs?: number;
  untilMs?: number;
}

export type EventOrder = 'oldest' | 'newest';

/** Where a page ended: time, then order of arrival. */
export interface EventPosition {
  at: number;
  row: number;
}

export interface PlacedEvent extends EventPosition {
  event: TtEvent;
}

export interface EventReader {
  /** In order of time over all machines. Reads a few hundred rows at a time, however many there are. */
  read(filter: EventFilter, order: EventOrder, after?: EventPosition): Iterable<PlacedEvent>;
  /** In order of arrival, of those that arrived after `row`: for following. */
  arrivedAfter(row: number, limit: number, filter?: EventFilter): PlacedEvent[];
  /** Greatest row that was ever given, also where it was forgotten since; 0 for none. */
  newestRow(): number;
}

interface EventRow {
  row: number;
  at: number;
  machineId: string;
  source: string;
  type: string;
  form: 'fact' | 'id' | 'opaque';
  discriminator: string;
  schemaVersion: number;
  cwd: string | null;
  sessionId: string;
  data: string | null;
}

const PAGE_ROWS = 256;

const SELECT = `
  SELECT e.row, e.at, coalesce(m.machine_id, '') AS machineId, k.source, k.type, k.form, e.discriminator,
    e.schema_version AS schemaVersion, c.path AS cwd, coalesce(s.session_id, '') AS sessionId, e.data
  FROM event_row e
  JOIN machine_key m ON m.machine = e.machine
  JOIN kind_key k ON k.kind = e.kind
  JOIN session_key s ON s.session = e.session
  LEFT JOIN cwd_key c ON c.cwd = e.cwd`;

/** Conditions common to every query. Bound by name; a value that was not given matches everything. */
const MATCHES = `
  ($types IS NULL OR k.type IN (SELECT value FROM json_each($types)))
  AND ($session IS NULL OR s.session_id = $session)
  AND e.at >= $since AND e.at < $until`;

const OF_MACHINES = '($machines IS NULL OR m.machine_id IN (SELECT value FROM json_each($machines)))';

interface Bindings {
  types: string | null;
  session: string | null;
  since: number;
  until: number;
}

function toEvent(row: EventRow): TtEvent {
  const timestamp = printTimestamp(row.at);
  const machineId = parseMachineId(row.machineId);
  const { source, type, discriminator } = row;
  const isOpaque = row.form === 'opaque' || machineId === undefined;
  const id = isOpaque ? toEventId(discriminator) : buildEventId({ machineId, source, type, timestamp: toTimestamp(timestamp), discriminator });
  return {
    id, timestamp, source, type,
    ...(row.schemaVersion === 1 ? {} : { schema_version: row.schemaVersion }),
    ...(row.cwd === null ? {} : { cwd: row.cwd }),
    ...(row.sessionId === '' ? {} : { session_id: row.sessionId }),
    ...parseData(row.data),
  };
}

/** Written by us out of an object of JSON values. */
function parseData(data: string | null): Record<string, JsonValue> {
  return data === null ? {} : (JSON.parse(data) as Record<string, JsonValue>);
}

function bindingsOf(filter: EventFilter): Bindings {
  return {
    types: filter.types === undefined ? null : JSON.stringify(filter.types),
    session: filter.sessionId ?? null,
    since: filter.sinceMs ?? Number.MIN_SAFE_INTEGER,
    until: filter.untilMs ?? Number.MAX_SAFE_INTEGER,
  };
}

const placed = (row: EventRow): PlacedEvent => ({ at: row.at, row: row.row, event: toEvent(row) });

export function openEventReader(database: Database): EventReader {
  // One machine or session at a time: (machine, at) and (session, at) are the indexes that give rows in order of time.
  const pageOf = (column: 'machine' | 'session', order: EventOrder) => {
    const [compare, direction] = order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC'];
    return database.prepare<[Bindings & { key: number; machines: string | null; at: number; row: number }], EventRow>(`${SELECT}
      WHERE e.${column} = $key ${column === 'session' ? `AND e.session <> 0 AND ${OF_MACHINES}` : ''}
        AND (e.at, e.row) ${compare} ($at, $row) AND ${MATCHES}
      ORDER BY e.at ${direction}, e.row ${direction} LIMIT ${PAGE_ROWS}`);
  };
  const pages = {
    machine: { oldest: pageOf('machine', 'oldest'), newest: pageOf('machine', 'newest') },
    session: { oldest: pageOf('session', 'oldest'), newest: pageOf('session', 'newest') },
  };
  const arrived = database.prepare<[Bindings & { row: number; limit: number; machines: string | null }], EventRow>(`${SELECT}
    WHERE e.row > $row AND ${OF_MACHINES} AND ${MATCHES}
    ORDER BY e.row LIMIT $limit`);
  const machines = database.prepare<[{ machines: string | null }], { machine: number }>(
    `SELECT m.machine FROM machine_key m WHERE ${OF_MACHINES} ORDER BY m.machine`,
  );
  const session = database.prepare<[string], { session: number }>('SELECT session FROM session_key WHERE session_id = ?');
  const newest = database.prepare<[], { row: number | null }>("SELECT seq AS row FROM sqlite_sequence WHERE name = 'event_row'");
  const listOf = (filter: EventFilter): string | null => (filter.machineIds === undefined ? null : JSON.stringify(filter.machineIds));

  interface Key {
    column: 'machine' | 'session';
    key: number;
  }
  const keysOf = (filter: EventFilter): Key[] => {
    if (filter.sessionId === undefined) return machines.all({ machines: listOf(filter) }).map(({ machine }) => ({ column: 'machine', key: machine }));
    const found = filter.sessionId === '' ? undefined : session.get(filter.sessionId);
    return found ? [{ column: 'session', key: found.session }] : [];
  };

  function* pagesOf({ column, key }: Key, filter: EventFilter, order: EventOrder, after: EventPosition): Generator<PlacedEvent> {
    const bindings = { ...bindingsOf(filter), machines: listOf(filter), key };
    let position = after;
    for (;;) {
      const rows = pages[column][order].all({ ...bindings, at: position.at, row: position.row });
      for (const row of rows) yield placed(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_ROWS) return;
      position = last;
    }
  }

  return {
    read(filter, order, after) {
      const start = after ?? startOf(order, filter);
      return merge(keysOf(filter).map((key) => pagesOf(key, filter, order, start)), order);
    },
    arrivedAfter: (row, limit, filter = {}) =>
      arrived.all({ ...bindingsOf(filter), row, limit, machines: listOf(filter) }).map(placed),
    newestRow: () => newest.get()?.row ?? 0,
  };
}

/** The position before the first: where the filter has an edge, the index starts there. */
function startOf(order: EventOrder, filter: EventFilter): EventPosition {
  if (order === 'oldest') return { at: filter.sinceMs ?? Number.MIN_SAFE_INTEGER, row: -1 };
  return { at: filter.untilMs ?? Number.MAX_SAFE_INTEGER, row: Number.MAX_SAFE_INTEGER };
}

function isBefore(a: PlacedEvent, b: PlacedEvent, order: EventOrder): boolean {
  const difference = a.at - b.at || a.row - b.row;
  return order === 'oldest' ? difference < 0 : difference > 0;
}

function* merge(sources: Iterator<PlacedEvent>[], order: EventOrder): Generator<PlacedEvent> {
  const heads = sources.flatMap((source) => advance(source));
  while (heads.length > 0) {
    const next = heads.reduce((best, head) => (isBefore(head.value, best.value, order) ? head : best));
    yield next.value;
    heads.splice(heads.indexOf(next), 1, ...advance(next.source));
  }
}

function advance(source: Iterator<PlacedEvent>): { source: Iterator<PlacedEvent>; value: PlacedEvent }[] {
  const result = source.next();
  return result.done ? [] : [{ source, value: result.value }];
}
