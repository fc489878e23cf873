/** Tokens out of `usage_row`, added up by model and by whatever is asked. */
import type { Database, Statement } from './database.ts';

export interface UsageSums {
  /** What the sums are by; null: there is none. */
  key: string | null;
  /** Of a session: its machine. */
  machineId: string | null;
  model: string | null;
  isFast: boolean;
  responses: number;
  lowerBounds: number;
  tokens: { input: number; output: number; cacheWrite5m: number; cacheWrite1h: number; cacheRead: number };
  /** The part above 200,000 of a kind in one response; may come as a row of its own, without anything else. */
  above: { input: number; output: number; cacheWrite5m: number; cacheWrite1h: number; cacheRead: number };
}

/** As numbers that the database knows. */
const EVER: UsagePeriod = { fromMs: Number.MIN_SAFE_INTEGER, toMs: Number.MAX_SAFE_INTEGER };

export type UsageKey = 'machine' | 'project' | 'model' | 'session' | 'stream';

/** Epoch ms, half-open. */
export interface UsagePeriod {
  fromMs: number;
  toMs: number;
}

export interface UsageReader {
  sums(by: UsageKey, period: UsagePeriod): UsageSums[];
  /** Of one session, by its subagents; '' is the conversation itself. */
  sumsOfSession(sessionId: string): UsageSums[];
  /** Of one session, response by response, in order of time. */
  responses(sessionId: string, period?: UsagePeriod): (UsageSums & { atMs: number; agentId: string })[];
  /** Time of the first response at or after `fromMs`; undefined: there is none. */
  firstAt(fromMs: number): number | undefined;
}

interface Row {
  key: string | null;
  machineId: string | null;
  model: string | null;
  fast: number;
  responses: number;
  lowerBounds: number;
  input: number;
  output: number;
  write5m: number;
  write1h: number;
  read: number;
  aboveInput: number;
  aboveOutput: number;
  above5m: number;
  above1h: number;
  aboveRead: number;
}

const HOUR = 'coalesce(u.cache_creation_1h, 0)';
const FIVE_MINUTES = `max(u.cache_creation_tokens - ${HOUR}, 0)`;
const KINDS = [
  ['input', 'u.input_tokens', 'aboveInput'], ['output', 'u.output_tokens', 'aboveOutput'], ['write5m', FIVE_MINUTES, 'above5m'],
  ['write1h', HOUR, 'above1h'], ['read', 'u.cache_read_tokens', 'aboveRead'],
] as const;

/** A part of the prices holds from here on, kind by kind and response by response. */
const TIER_TOKENS = 200_000;

/** Of a group. What is above the tier is rare and added up apart: most of the time of a sum is the number of its columns. */
const ALL = `u.model, u.speed IS 'fast' AS fast, count(*) AS responses, sum(u.placeholder) AS lowerBounds,
  ${KINDS.map(([name, tokens]) => `sum(${tokens}) AS ${name}`).join(', ')}, ${KINDS.map(([, , above]) => `0 AS ${above}`).join(', ')}`;
const ABOVE = `u.model, u.speed IS 'fast' AS fast, 0 AS responses, 0 AS lowerBounds,
  ${KINDS.map(([name]) => `0 AS ${name}`).join(', ')}, ${KINDS.map(([, tokens, above]) => `sum(max(${tokens} - ${TIER_TOKENS}, 0)) AS ${above}`).join(', ')}`;
const IS_ABOVE = `max(u.input_tokens, u.output_tokens, u.cache_creation_tokens, u.cache_read_tokens) > ${TIER_TOKENS}`;

/** Rows of sums by `number`, which is the first column; those of one group add up. */
function sumsOf(number: string, source: string): string {
  const grouped = (sums: string, where: string): string => `SELECT ${number} AS number, ${sums} FROM usage_row u ${where} GROUP BY 1, u.model, u.speed IS 'fast'`;
  return `${grouped(ALL, source)} UNION ALL ${grouped(ABOVE, `${source} AND ${IS_ABOVE}`)}`;
}

const ONE = `u.model, u.speed IS 'fast' AS fast, 1 AS responses, u.placeholder AS lowerBounds,
  ${KINDS.map(([name, tokens, above]) => `${tokens} AS ${name}, max(${tokens} - ${TIER_TOKENS}, 0) AS ${above}`).join(', ')}`;

/** Grouped by numbers first: their texts are looked up once a group. */
const GROUPS: Readonly<Record<UsageKey, { number: string; text: string; joins: string; machine?: string }>> = {
  model: { number: '0', text: 'NULL', joins: '' },
  machine: { number: 'u.machine', text: '(SELECT machine_id FROM machine_key WHERE machine = g.number)', joins: '' },
  session: {
    number: 'u.session', text: '(SELECT session_id FROM session_key WHERE session = g.number)', joins: '',
    machine: "(SELECT m.machine_id FROM session_row r JOIN machine_key m ON m.machine = r.machine WHERE r.session = g.number AND r.agent_id = '')",
  },
  project: {
    number: 's.cwd', text: '(SELECT path FROM cwd_key WHERE cwd = g.number)',
    joins: "LEFT JOIN session_row s ON s.session = u.session AND s.agent_id = ''",
  },
  stream: {
    number: '(SELECT v.stream_id FROM events v WHERE v.row = u.event)', joins: '',
    text: '(SELECT coalesce(name, id) FROM streams WHERE id = g.number)',
  },
};

function groupQuery(by: UsageKey): string {
  const { number, text, joins, machine = 'NULL' } = GROUPS[by];
  return `
    SELECT ${text} AS key, ${machine} AS machineId, g.* FROM (
      ${sumsOf(number, `${joins} WHERE u.at >= $from AND u.at < $to`)}
    ) AS g`;
}

export function openUsageReader(database: Database): UsageReader {
  const queries = new Map<UsageKey, Statement<[{ from: number; to: number }], Row>>();
  const queryBy = (by: UsageKey): Statement<[{ from: number; to: number }], Row> => {
    const known = queries.get(by) ?? database.prepare<[{ from: number; to: number }], Row>(groupQuery(by));
    queries.set(by, known);
    return known;
  };
  const first = database.prepare<[number], { at: number | null }>('SELECT min(at) AS at FROM usage_row WHERE at >= ?');
  const ofSession = 'WHERE u.session = (SELECT session FROM session_key WHERE session_id = $id AND session <> 0)';
  const byAgent = database.prepare<[{ id: string }], Row>(`SELECT g.number AS key, NULL AS machineId, g.* FROM (${sumsOf('u.agent_id', ofSession)}) AS g`);
  const single = database.prepare<[{ id: string; from: number; to: number }], Row & { at: number }>(
    `SELECT u.agent_id AS key, NULL AS machineId, u.at, ${ONE} FROM usage_row u ${ofSession} AND u.at >= $from AND u.at < $to ORDER BY u.at, u.row`,
  );
  return {
    sums: (by, { fromMs, toMs }) => queryBy(by).all({ from: fromMs, to: toMs }).map(toSums),
    sumsOfSession: (sessionId) => byAgent.all({ id: sessionId }).map(toSums),
    responses: (sessionId, { fromMs, toMs } = EVER) => single.all({ id: sessionId, from: Math.max(fromMs, EVER.fromMs), to: Math.min(toMs, EVER.toMs) })
      .map((row) => ({ ...toSums(row), atMs: row.at, agentId: row.key ?? '' })),
    firstAt: (fromMs) => first.get(fromMs)?.at ?? undefined,
  };
}

function toSums(row: Row): UsageSums {
  return {
    key: row.key, machineId: row.machineId, model: row.model, isFast: row.fast !== 0, responses: row.responses, lowerBounds: row.lowerBounds,
    tokens: { input: row.input, output: row.output, cacheWrite5m: row.write5m, cacheWrite1h: row.write1h, cacheRead: row.read },
    above: { input: row.aboveInput, output: row.aboveOutput, cacheWrite5m: row.above5m, cacheWrite1h: row.above1h, cacheRead: row.aboveRead },
  };
}
