/**
 * The derived table `usage_row`: one row per API response, the entry that wins
 * by `compareUsage`. Kept up at ingest by comparing; only an entry that became
 * worse makes the others of its response be looked at again.
 */
import type { Claim, NewClaim } from './claim.ts';
import type { Database, Statement } from './database.ts';
import { openFactIndex, RESPONSES, type FactIndex } from './fact-index.ts';
import { factHash } from './fact-hash.ts';
import type { Keys } from './keys.ts';
import { parseData } from './sessions.ts';
import { compareUsage, usageOf, type UsageRow } from './usage-order.ts';

export interface Usage {
  added(claim: NewClaim, row: number): void;
  /** `after` undefined: nobody says it any more. */
  changed(row: number, before: Claim, after: Claim | undefined): void;
  /** Like `changed` with nobody left, but who stands for the response that it returns is only looked for by `findAgain`. */
  takeAway(row: number, before: Claim): string | undefined;
  /** Among these rows; once over all of them, and it is as if derived anew. */
  findAgain(responses: ReadonlySet<string>, rows: { from: number; to: number }): void;
  /** Rows of `usage_row`: takes over what their events say now, and looks for another where they say nothing of it. */
  checkAgain(rows: { from: number; to: number }): void;
  /** What these events say, as if they had just come. */
  offerAgain(rows: { from: number; to: number }): void;
  flush(): void;
  rebuild(): number;
  forget(): void;
}

/** A response whose best entry may be any: where to look for it. */
interface LostResponse {
  response: string;
  messageId: string;
  at: number;
}

/** Entries of one response lie seconds apart; what is further apart than this is not looked for. */
const RESPONSE_SPAN_MS = 86_400_000;
const REBUILD_PAGE_ROWS = 5000;

type Values = [
  number, string, string, string | null, number, number, number, string, number, string | null, number, number, number,
  number | null, number, string | null, number,
];
type MessageRow = Claim & { row: number };

type StoredUsage = UsageRow & { row: number };

interface Statements {
  insert: Statement<Values>;
  replace: Statement<[...Values, number]>;
  find: Statement<[number, string], StoredUsage>;
  remove: Statement<[number]>;
  removeAll: Statement<[]>;
  near: Statement<[number, number, string], MessageRow>;
  page: Statement<[number, number], MessageRow>;
  stored: Statement<[number, number], LostResponse & { event: number }>;
  standing: Statement<[number, number], MessageRow>;
  lastRow: Statement<[], { row: number }>;
  count: Statement<[], { count: number }>;
}

function prepare(database: Database): Statements {
  const messages = `SELECT e.row, e.machine, e.at, e.kind, e.session, e.discriminator, e.fact, e.cwd, e.born_at AS bornAt,
    e.schema_version AS schemaVersion, e.data FROM event_row e JOIN kind_key k ON k.kind = e.kind`;
  const columns = `hash, response, message_id, request_id, event, machine, session, agent_id, at, model,
    input_tokens, output_tokens, cache_creation_tokens, cache_creation_1h, cache_read_tokens, speed, placeholder`;
  const values = '?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?';
  return {
    insert: database.prepare(`INSERT INTO usage_row (${columns}) VALUES (${values})`),
    replace: database.prepare(`UPDATE usage_row SET (${columns}) = (${values}) WHERE row = ?`),
    find: database.prepare(`
      SELECT u.row, u.response, u.message_id AS messageId, u.request_id AS requestId, u.event, u.machine, u.session,
        u.agent_id AS agentId, u.at, u.model, u.input_tokens AS input, u.output_tokens AS output,
        u.cache_creation_tokens AS cacheCreation, u.cache_creation_1h AS cacheCreation1h, u.cache_read_tokens AS cacheRead,
        u.speed, u.placeholder, e.discriminator
      FROM usage_row u LEFT JOIN event_row e ON e.row = u.event WHERE u.row = ? AND u.response = ?`),
    remove: database.prepare('DELETE FROM usage_row WHERE row = ?'),
    removeAll: database.prepare('DELETE FROM usage_row'),
    near: database.prepare(`${messages}
      WHERE k.type = 'assistant_message' AND e.machine IN (SELECT machine FROM machine_key) AND e.at BETWEEN ? AND ?
        AND CASE json_type(e.data, '$.message_id') WHEN 'text' THEN json_extract(e.data, '$.message_id')
          ELSE 'entry:' || e.discriminator END IN (SELECT value FROM json_each(?))`),
    page: database.prepare(`${messages} WHERE k.type = 'assistant_message' AND e.row BETWEEN ? AND ?`),
    stored: database.prepare('SELECT response, message_id AS messageId, at, event FROM usage_row WHERE row BETWEEN ? AND ?'),
    standing: database.prepare(`${messages} WHERE k.type = 'assistant_message' AND e.row IN (SELECT event FROM usage_row WHERE row BETWEEN ? AND ?)`),
    lastRow: database.prepare('SELECT coalesce(max(row), 0) AS row FROM event_row'),
    count: database.prepare('SELECT count(*) AS count FROM usage_row'),
  };
}

interface StoredResponses {
  find(response: string): StoredUsage | undefined;
  save(row: UsageRow, stored: StoredUsage | undefined): void;
  remove(response: string): void;
  /** Only where this event stands for it; false: another one does, or none. */
  removeStanding(response: string, event: number): boolean;
  removeAll(): void;
}

/** The rows by their response. */
function openResponses(statements: Statements, index: FactIndex): StoredResponses {
  const find = (response: string): StoredUsage | undefined => {
    for (const row of index.rows(factHash(response))) {
      const found = statements.find.get(row, response);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const remove = (stored: StoredUsage): void => {
    statements.remove.run(stored.row);
    index.remove(factHash(stored.response), stored.row);
  };
  return {
    find,
    save(row, stored) {
      const hash = factHash(row.response);
      const values: Values = [
        hash, row.response, row.messageId, row.requestId, row.event, row.machine, row.session, row.agentId, row.at, row.model,
        row.input, row.output, row.cacheCreation, row.cacheCreation1h, row.cacheRead, row.speed, row.placeholder,
      ];
      if (stored === undefined) index.add(hash, Number(statements.insert.run(...values).lastInsertRowid));
      else statements.replace.run(...values, stored.row);
    },
    remove(response) {
      const stored = find(response);
      if (stored !== undefined) remove(stored);
    },
    removeStanding(response, event) {
      const stored = find(response);
      if (stored?.event !== event) return false;
      remove(stored);
      return true;
    },
    removeAll() {
      statements.removeAll.run();
      index.clear();
    },
  };
}

/** None for an entry that tells no usage. */
function asUsage(event: MessageRow): UsageRow[] {
  const row = usageOf(event, parseData(event.data), event.row);
  return row === undefined ? [] : [row];
}

type LostResponses = Map<string, { messageId: string; from: number; to: number }>;

function note(lost: LostResponses, { response, messageId, at }: LostResponse): void {
  const known = lost.get(response) ?? { from: at, to: at };
  lost.set(response, { messageId, from: Math.min(known.from, at), to: Math.max(known.to, at) });
}

function saveBetter(responses: StoredResponses, row: UsageRow): void {
  const stored = responses.find(row.response);
  if (stored !== undefined && isSame(row, stored)) return;
  if (stored === undefined || stored.event === row.event || compareUsage(row, stored) < 0) responses.save(row, stored);
}

/** Comparing is a tenth of writing. */
function isSame(row: UsageRow, stored: StoredUsage): boolean {
  return Object.entries(row).every(([key, value]) => Reflect.get(stored, key) === value);
}

/** Of rows that are stored: what their events say now, and those whose events say nothing of their response. */
function standingNow(statements: Statements, { from, to }: { from: number; to: number }): { standing: UsageRow[]; fallen: LostResponse[] } {
  const said = new Map(statements.standing.all(from, to).flatMap(asUsage).map((row) => [`${row.event} ${row.response}`, row]));
  const stored = statements.stored.all(from, to).map((row) => ({ ...row, said: said.get(`${row.event} ${row.response}`) }));
  return { standing: stored.flatMap((row) => row.said ?? []), fallen: stored.filter((row) => row.said === undefined) };
}

export function openUsage(database: Database, keys: Keys): Usage {
  const statements = prepare(database);
  const index = openFactIndex(database, RESPONSES);
  const responses = openResponses(statements, index);
  let gathered = new Map<string, UsageRow>();
  let lost: LostResponses = new Map();

  const gather = (row: UsageRow): void => {
    const known = gathered.get(row.response);
    if (known === undefined || known.event === row.event || compareUsage(row, known) < 0) gathered.set(row.response, row);
  };
  const lose = (one: LostResponse): void => note(lost, one);
  const findLost = (): void => {
    for (const response of lost.keys()) {
      responses.remove(response);
      gathered.delete(response);
    }
    const messageIds = JSON.stringify([...lost.values()].map(({ messageId }) => messageId));
    for (const { from, to } of spansOf([...lost.values()])) {
      for (const row of statements.near.all(from, to, messageIds).flatMap(asUsage)) if (lost.has(row.response)) gather(row);
    }
    lost = new Map();
  };
  const saveGathered = (): void => {
    for (const row of gathered.values()) saveBetter(responses, row);
    gathered = new Map();
    index.flush();
  };

  return {
    added(claim, event) {
      if (claim.kindName.type !== 'assistant_message') return;
      const row = usageOf(claim, claim.event, event);
      if (row !== undefined) gather(row);
    },
    changed(event, before, after) {
      if (keys.kindOf(before.kind).type !== 'assistant_message') return;
      const was = usageOf(before, parseData(before.data), event);
      const is = after && usageOf(after, parseData(after.data), event);
      if (was !== undefined && (is === undefined || is.response !== was.response || compareUsage(is, was) > 0)) {
        lose(was);
        if (is?.response === was.response) lose(is);
      }
      if (is !== undefined) gather(is);
    },
    takeAway(event, before) {
      if (keys.kindOf(before.kind).type !== 'assistant_message') return undefined;
      const was = usageOf(before, parseData(before.data), event);
      return was !== undefined && responses.removeStanding(was.response, event) ? was.response : undefined;
    },
    findAgain(responses, { from, to }) {
      for (const row of statements.page.all(from, to).flatMap(asUsage)) if (responses.has(row.response)) gather(row);
    },
    checkAgain(rows) {
      const { standing, fallen } = standingNow(statements, rows);
      standing.forEach(gather);
      fallen.forEach(lose);
    },
    offerAgain: ({ from, to }) => statements.page.all(from, to).flatMap(asUsage).forEach(gather),
    flush() {
      if (lost.size > 0) findLost();
      saveGathered();
    },
    rebuild() {
      responses.removeAll();
      const lastRow = statements.lastRow.get()?.row ?? 0;
      for (let from = 1; from <= lastRow; from += REBUILD_PAGE_ROWS) {
        statements.page.all(from, from + REBUILD_PAGE_ROWS - 1).flatMap(asUsage).forEach(gather);
        saveGathered();
      }
      return statements.count.get()?.count ?? 0;
    },
    forget() {
      gathered = new Map();
      lost = new Map();
      index.forget();
    },
  };
}

/** Where to look, each stretch once. */
function spansOf(places: { from: number; to: number }[]): { from: number; to: number }[] {
  const spans: { from: number; to: number }[] = [];
  for (const place of places.sort((a, b) => a.from - b.from)) {
    const [from, to] = [place.from - RESPONSE_SPAN_MS, place.to + RESPONSE_SPAN_MS];
    const last = spans.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else spans.push({ from, to });
  }
  return spans;
}
