/** Signs of work of a session, out of its events. */
import { parseTimestamp, timestampMs } from '../../shared/timestamp.ts';
import { WORD_RANKS, type WorkSign, type WorkWord } from '../time/delegation.ts';
import type { PlacedFact } from './assignments.ts';
import type { Database } from './database.ts';
import { openKeys, type Keys } from './keys.ts';
import { isLegacyRow, textOf } from './session-fold.ts';
import { openSessionSpeakers, type SessionSpeakers } from './session-speakers.ts';
import { parseData } from './sessions.ts';

/** What stands in a row of `interval` about the fact that opened it. */
export interface IntervalOpener extends PlacedFact {
  machine: number;
}

export type StoredWorkSign = WorkSign & IntervalOpener & { discriminator: string };

export interface SessionSigns {
  /** Of all events in [fromMs, throughMs], and of about `more` that follow. `endMs`: all before it were read. */
  read(session: number, range: { fromMs: number; throughMs: number; more: number }): { signs: StoredWorkSign[]; endMs: number };
  /** Time of the last event up to `ms`. */
  lastAt(session: number, ms: number): number | undefined;
  /** Whether a subagent says it. */
  isSubagents(row: number): boolean;
  hasLegacyRows(session: number): boolean;
}

type Row = IntervalOpener & { discriminator: string; schemaVersion: number; data: string | null };

/** SQLite's integers end before Infinity. */
const MOST_ROWS = 2 ** 40;

const STATUS_WORDS: ReadonlyMap<string | null, WorkWord> = new Map([
  ['waiting', 'waiting'], ['busy', 'busy'], ['shell', 'busy'], ['idle', 'idle'], ['gone', 'gone'],
]);

export function openSessionSigns(
  database: Database, keys: Pick<Keys, 'kindOf' | 'machineId'> = openKeys(database), speakers: SessionSpeakers = openSessionSpeakers(database, keys),
): SessionSigns {
  const columns = `e.row, e.at, e.machine, e.session, e.kind, e.cwd, e.fact, e.discriminator, e.schema_version AS schemaVersion,
    CASE WHEN k.type IN ('user_message', 'agent_status', 'agent_turn', 'agent_session') THEN e.data END AS data`;
  const from = `SELECT ${columns} FROM event_row e JOIN kind_key k ON k.kind = e.kind WHERE e.session = ?`;
  const range = database.prepare<[number, number, number], Row>(`${from} AND e.at >= ? AND e.at <= ? ORDER BY e.at`);
  const following = database.prepare<[number, number, number], Row>(`${from} AND e.at > ? ORDER BY e.at LIMIT ?`);
  const lastAt = database.prepare<[number, number], number>('SELECT max(at) FROM event_row WHERE session = ? AND at <= ?').pluck();
  const agentOf = database.prepare<[number], string | null>("SELECT json_extract(data, '$.agent_id') FROM event_row WHERE row = ?").pluck();
  const legacyKinds = database.prepare<[], number>(`
    SELECT kind FROM kind_key WHERE form <> 'fact'
      AND type IN ('agent_session', 'user_message', 'assistant_message', 'agent_tool_use', 'agent_tool_result')`).pluck();
  const legacyRow = database.prepare<[number, string]>(`
    SELECT 1 FROM event_row WHERE session = ? AND schema_version < 2 AND kind IN (SELECT value FROM json_each(?)) LIMIT 1`);

  const hasLegacyRows = (session: number): boolean => {
    const kinds = legacyKinds.all();
    return kinds.length > 0 && legacyRow.get(session, JSON.stringify(kinds)) !== undefined;
  };
  /** Asked anew: facts may have come or gone. */
  const ownSpeaks = (session: number): boolean => {
    speakers.drop(session);
    return speakers.of(session).own;
  };
  const compare = (a: StoredWorkSign, b: StoredWorkSign): number => {
    if (a.at !== b.at || a.word !== b.word) return a.at - b.at || WORD_RANKS[a.word] - WORD_RANKS[b.word];
    const text = (sign: StoredWorkSign): string => {
      const { source, type } = keys.kindOf(sign.kind);
      return `${sign.discriminator} ${keys.machineId(sign.machine)} ${source} ${type}`;
    };
    return text(a) < text(b) ? -1 : 1;
  };

  return {
    read(session, { fromMs, throughMs, more }) {
      const rows = fromMs <= throughMs ? range.all(session, fromMs, throughMs) : [];
      const found = following.all(session, Math.max(throughMs, fromMs - 1), Math.min(more, MOST_ROWS) + 1);
      const last = found.length > more ? found.at(-1)?.at : undefined;
      const whole = last === undefined ? found : found.filter(({ at }) => at < last);
      // More events in one millisecond than asked for: all of it.
      const rest = last !== undefined && whole.length === 0 ? range.all(session, last, last) : whole;
      const endMs = last === undefined ? Infinity : whole.length === 0 ? last + 1 : last;
      const isOutvoted = hasLegacyRows(session) && ownSpeaks(session);
      const signs: StoredWorkSign[] = [];
      for (const part of [rows, rest]) {
        for (const row of part) {
          const kind = keys.kindOf(row.kind);
          if (isOutvoted && isLegacyRow(row.schemaVersion, kind)) continue;
          const sign = toSign(kind.type, row);
          if (sign !== undefined) signs.push(sign);
        }
      }
      sortTies(signs, compare);
      return { signs, endMs };
    },
    lastAt: (session, ms) => lastAt.get(session, ms) ?? undefined,
    isSubagents: (row) => (agentOf.get(row) ?? null) !== null,
    hasLegacyRows,
  };
}

/** By hand, because it runs for every event. */
function toSign(type: string, row: Row): StoredWorkSign | undefined {
  const word = wordOf(type, row);
  if (word === undefined) return undefined;
  const { at, machine, session, kind, cwd, fact, discriminator } = row;
  const tool = type === 'agent_tool_use' || type === 'agent_tool_result' ? discriminator : undefined;
  const seenAt = word === 'gone' ? seenAtOf(row) : undefined;
  return { word, tool, seenAt, row: row.row, at, machine, session, kind, cwd, fact, discriminator };
}

function wordOf(type: string, row: Row): WorkWord | undefined {
  switch (type) {
    case 'assistant_message':
      return 'message';
    case 'agent_tool_use':
      return 'tool';
    case 'agent_tool_result':
      return 'result';
    case 'user_message':
      return parseData(row.data)['kind'] === 'interrupt' ? 'interrupt' : 'said';
    case 'agent_turn':
      // A subagent that is done is a sign of the conversation's work.
      return textOf(parseData(row.data), 'agent_id') === null ? 'turn_ended' : 'result';
    case 'agent_session':
      return parseData(row.data)['action'] === 'ended' ? 'session_ended' : undefined;
    case 'agent_status':
      return STATUS_WORDS.get(textOf(parseData(row.data), 'status'));
    default:
      return undefined;
  }
}

function seenAtOf(row: Row): number | undefined {
  const seen = parseTimestamp(textOf(parseData(row.data), 'observed_at') ?? '');
  return seen === undefined ? undefined : timestampMs(seen);
}

/** `signs` are in order of `at`. */
function sortTies(signs: StoredWorkSign[], compare: (a: StoredWorkSign, b: StoredWorkSign) => number): void {
  for (let from = 0; from < signs.length;) {
    let to = from + 1;
    while (to < signs.length && signs[to]?.at === signs[from]?.at) to += 1;
    if (to - from > 1) signs.splice(from, to - from, ...signs.slice(from, to).sort(compare));
    from = to;
  }
}
