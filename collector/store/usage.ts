/**
 * The derived table `usage_row`: one row per API response, the entry that wins
 * by `compareUsage`. Kept up at ingest by comparing; only an entry that became
 * worse makes the others of its response be looked at again.
 */
import type { Claim, NewClaim } from './claim.ts';
import type { Database, Statement } from './database.ts';
import type { Keys } from './keys.ts';
import { parseData } from './sessions.ts';
import { compareUsage, usageOf, type UsageRow } from './usage-order.ts';

export interface Usage {
  added(claim: NewClaim, row: number): void;
  /** `after` undefined: nobody says it any more. */
  changed(row: number, before: Claim, after: Claim | undefined): void;
  flush(): void;
  rebuild(): number;
  forget(): void;
}

/** Entries of one response lie seconds apart; what is further apart than this is not looked for. */
const RESPONSE_SPAN_MS = 86_400_000;
const REBUILD_PAGE_ROWS = 5000;

type Values = [
  string, string, string | null, number, number, number, string, number, string | null, number, number, number,
  number | null, number, string | null, number,
];
type MessageRow = Claim & { row: number };

interface Statements {
  write: Statement<Values>;
  find: Statement<[string], UsageRow>;
  remove: Statement<[string]>;
  removeAll: Statement<[]>;
  near: Statement<[number, number], MessageRow>;
  page: Statement<[number, number], MessageRow>;
  lastRow: Statement<[], { row: number }>;
  count: Statement<[], { count: number }>;
}

function prepare(database: Database): Statements {
  const messages = `SELECT e.row, e.machine, e.at, e.kind, e.session, e.discriminator, e.fact, e.cwd, e.born_at AS bornAt,
    e.schema_version AS schemaVersion, e.data FROM event_row e JOIN kind_key k ON k.kind = e.kind`;
  return {
    write: database.prepare(`
      INSERT OR REPLACE INTO usage_row (response, message_id, request_id, event, machine, session, agent_id, at, model,
        input_tokens, output_tokens, cache_creation_tokens, cache_creation_1h, cache_read_tokens, speed, placeholder)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    find: database.prepare(`
      SELECT u.response, u.message_id AS messageId, u.request_id AS requestId, u.event, u.machine, u.session,
        u.agent_id AS agentId, u.at, u.model, u.input_tokens AS input, u.output_tokens AS output,
        u.cache_creation_tokens AS cacheCreation, u.cache_creation_1h AS cacheCreation1h, u.cache_read_tokens AS cacheRead,
        u.speed, u.placeholder, e.discriminator
      FROM usage_row u JOIN event_row e ON e.row = u.event WHERE u.response = ?`),
    remove: database.prepare('DELETE FROM usage_row WHERE response = ?'),
    removeAll: database.prepare('DELETE FROM usage_row'),
    near: database.prepare(`${messages}
      WHERE k.type = 'assistant_message' AND e.machine IN (SELECT machine FROM machine_key) AND e.at BETWEEN ? AND ?`),
    page: database.prepare(`${messages} WHERE k.type = 'assistant_message' AND e.row BETWEEN ? AND ?`),
    lastRow: database.prepare('SELECT coalesce(max(row), 0) AS row FROM event_row'),
    count: database.prepare('SELECT count(*) AS count FROM usage_row'),
  };
}

export function openUsage(database: Database, keys: Keys): Usage {
  const statements = prepare(database);
  let gathered = new Map<string, UsageRow>();
  /** Responses whose best entry may be any: where to look for them. */
  let lost = new Map<string, { from: number; to: number }>();

  const gather = (row: UsageRow): void => {
    const known = gathered.get(row.response);
    if (known === undefined || known.event === row.event || compareUsage(row, known) < 0) gathered.set(row.response, row);
  };
  const save = (row: UsageRow): void => {
    statements.write.run(
      row.response, row.messageId, row.requestId, row.event, row.machine, row.session, row.agentId, row.at, row.model,
      row.input, row.output, row.cacheCreation, row.cacheCreation1h, row.cacheRead, row.speed, row.placeholder,
    );
  };
  const lose = (response: string, at: number): void => {
    const known = lost.get(response) ?? { from: at, to: at };
    lost.set(response, { from: Math.min(known.from, at), to: Math.max(known.to, at) });
  };
  const findLost = (): void => {
    for (const response of lost.keys()) {
      statements.remove.run(response);
      gathered.delete(response);
    }
    for (const { from, to } of spansOf([...lost.values()])) {
      for (const event of statements.near.all(from, to)) {
        const row = usageOf(event, parseData(event.data), event.row);
        if (row !== undefined && lost.has(row.response)) gather(row);
      }
    }
    lost = new Map();
  };
  const saveGathered = (): void => {
    for (const row of gathered.values()) {
      const stored = statements.find.get(row.response);
      if (stored === undefined || stored.event === row.event || compareUsage(row, stored) < 0) save(row);
    }
    gathered = new Map();
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
        lose(was.response, was.at);
        if (is?.response === was.response) lose(is.response, is.at);
      }
      if (is !== undefined) gather(is);
    },
    flush() {
      if (lost.size > 0) findLost();
      saveGathered();
    },
    rebuild() {
      statements.removeAll.run();
      const lastRow = statements.lastRow.get()?.row ?? 0;
      for (let from = 1; from <= lastRow; from += REBUILD_PAGE_ROWS) {
        for (const event of statements.page.all(from, from + REBUILD_PAGE_ROWS - 1)) {
          const row = usageOf(event, parseData(event.data), event.row);
          if (row !== undefined) gather(row);
        }
        saveGathered();
      }
      return statements.count.get()?.count ?? 0;
    },
    forget() {
      gathered = new Map();
      lost = new Map();
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
