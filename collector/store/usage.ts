/**
 * The derived table `usage_row`: one row per API response. A response is written
 * as several entries with the same message ID and growing counts; the entry with
 * the greatest output, then the greatest sum, wins whole (claude-logs §4).
 */
import type { Claim, NewClaim } from './claim.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';
import { textOf, type EventData } from './session-fold.ts';
import { parseData } from './sessions.ts';

export interface Usage {
  added(claim: NewClaim, row: number): void;
  changed(row: number, before: Claim, after: Claim): void;
  flush(): void;
  rebuild(): number;
  forget(): void;
}

interface UsageRow {
  response: string;
  messageId: string;
  requestId: string | null;
  event: number;
  machine: number;
  session: number;
  agentId: string;
  at: number;
  model: string | null;
  input: number;
  output: number;
  cacheCreation: number;
  cacheCreation1h: number | null;
  cacheRead: number;
  speed: string | null;
  placeholder: number;
  /** Not stored: the entry, for the last tie. */
  discriminator: string;
}

function countOf(usage: EventData, key: string): number {
  const value = usage[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** Gateways make message IDs that may repeat; the vendor's are unique by themselves. */
function responseKey(messageId: string, requestId: string | null): string {
  return messageId.startsWith('msg_') || requestId === null ? messageId : `${messageId}/${requestId}`;
}

function usageOf(claim: Claim, data: EventData, event: number): UsageRow | undefined {
  const usage = data['usage'];
  if (typeof usage !== 'object' || usage === null) return undefined;
  const counts = usage as EventData;
  const requestId = textOf(data, 'request_id');
  // Without a message ID nothing says which entries belong together: each counts (as ccusage has it).
  const messageId = textOf(data, 'message_id') ?? `entry:${claim.discriminator}`;
  const hour = counts['cache_creation_1h_input_tokens'];
  return {
    response: responseKey(messageId, requestId), messageId, requestId, event,
    machine: claim.machine, session: claim.session, agentId: textOf(data, 'agent_id') ?? '', at: claim.at,
    model: textOf(data, 'model'),
    input: countOf(counts, 'input_tokens'), output: countOf(counts, 'output_tokens'),
    cacheCreation: countOf(counts, 'cache_creation_input_tokens'),
    cacheCreation1h: typeof hour === 'number' ? hour : null,
    cacheRead: countOf(counts, 'cache_read_input_tokens'),
    speed: textOf(counts, 'speed'), placeholder: counts['placeholder'] === true ? 1 : 0,
    discriminator: claim.discriminator,
  };
}

function sumOf(row: UsageRow): number {
  return row.input + row.output + row.cacheCreation + row.cacheRead;
}

/** Does `a` stand for the response rather than `b`? Total over entries of one response. */
function isBetter(a: UsageRow, b: UsageRow): boolean {
  // A `/btw` side chain repeats the parent's message under another request: the parent's counts.
  if (a.requestId !== b.requestId && (a.agentId === '') !== (b.agentId === '')) return a.agentId === '';
  if (a.output !== b.output) return a.output > b.output;
  if (sumOf(a) !== sumOf(b)) return sumOf(a) > sumOf(b);
  if (a.at !== b.at) return a.at > b.at;
  return a.discriminator > b.discriminator;
}

type Values = [
  string, string, string | null, number, number, number, string, number, string | null, number, number, number,
  number | null, number, string | null, number,
];

export function openUsage(database: Database, keys: Keys): Usage {
  const write = database.prepare<Values>(`
    INSERT OR REPLACE INTO usage_row (response, message_id, request_id, event, machine, session, agent_id, at, model,
      input_tokens, output_tokens, cache_creation_tokens, cache_creation_1h, cache_read_tokens, speed, placeholder)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const find = database.prepare<[string], Omit<UsageRow, 'discriminator'> & { discriminator: string }>(`
    SELECT u.response, u.message_id AS messageId, u.request_id AS requestId, u.event, u.machine, u.session,
      u.agent_id AS agentId, u.at, u.model, u.input_tokens AS input, u.output_tokens AS output,
      u.cache_creation_tokens AS cacheCreation, u.cache_creation_1h AS cacheCreation1h, u.cache_read_tokens AS cacheRead,
      u.speed, u.placeholder, e.discriminator
    FROM usage_row u JOIN event_row e ON e.row = u.event WHERE u.response = ?`);
  const remove = database.prepare<[string]>('DELETE FROM usage_row WHERE response = ?');
  const removeAll = database.prepare('DELETE FROM usage_row');
  const columns = `e.row, e.machine, e.at, e.kind, e.session, e.discriminator, e.fact, e.cwd, e.born_at AS bornAt,
    e.schema_version AS schemaVersion, e.data`;
  const messages = `SELECT ${columns} FROM event_row e JOIN kind_key k ON k.kind = e.kind WHERE k.type = 'assistant_message'`;
  const inSession = database.prepare<[number], Claim & { row: number }>(`${messages} AND e.session = ?`);
  const all = database.prepare<[], Claim & { row: number }>(messages);

  let gathered = new Map<string, UsageRow>();
  const again = new Map<string, Set<number>>();

  const gather = (row: UsageRow): void => {
    const known = gathered.get(row.response);
    if (known === undefined || isBetter(row, known)) gathered.set(row.response, row);
  };
  const save = (row: UsageRow): void => {
    write.run(
      row.response, row.messageId, row.requestId, row.event, row.machine, row.session, row.agentId, row.at, row.model,
      row.input, row.output, row.cacheCreation, row.cacheCreation1h, row.cacheRead, row.speed, row.placeholder,
    );
  };
  /** Best of all entries of these responses in the sessions named for each. */
  const deriveAgain = (): void => {
    const sessions = new Set<number>();
    for (const [response, named] of again) {
      for (const session of named) sessions.add(session);
      const stored = find.get(response);
      if (stored !== undefined) sessions.add(stored.session);
      const fresh = gathered.get(response);
      if (fresh !== undefined) sessions.add(fresh.session);
      remove.run(response);
      gathered.delete(response);
    }
    for (const session of sessions) {
      for (const event of inSession.all(session)) {
        const row = usageOf(event, parseData(event.data), event.row);
        if (row !== undefined && again.has(row.response)) gather(row);
      }
    }
  };
  const isMessage = (claim: Claim): boolean => keys.kindOf(claim.kind).type === 'assistant_message';

  return {
    added(claim, event) {
      if (claim.kindName.type !== 'assistant_message') return;
      const row = usageOf(claim, claim.event, event);
      if (row !== undefined) gather(row);
    },
    changed(event, before, after) {
      for (const claim of [before, after]) {
        if (!isMessage(claim)) continue;
        const response = usageOf(claim, parseData(claim.data), event)?.response;
        if (response === undefined) continue;
        const named = again.get(response) ?? new Set<number>();
        again.set(response, named.add(before.session).add(after.session));
      }
    },
    flush() {
      if (again.size > 0) deriveAgain();
      for (const row of gathered.values()) {
        const stored = find.get(row.response);
        if (stored === undefined || stored.event === row.event || isBetter(row, stored)) save(row);
      }
      this.forget();
    },
    rebuild() {
      removeAll.run();
      this.forget();
      for (const event of all.iterate()) {
        const row = usageOf(event, parseData(event.data), event.row);
        if (row !== undefined) gather(row);
      }
      const count = gathered.size;
      for (const row of gathered.values()) save(row);
      this.forget();
      return count;
    },
    forget() {
      gathered = new Map();
      again.clear();
    },
  };
}
