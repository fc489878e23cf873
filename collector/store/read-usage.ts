/** Tokens out of `usage_row`: sums over a period, and those of one session. */
import type { Database } from './database.ts';
import { openUsageSummer, TIER_TOKENS, type UsageKey, type UsagePeriod, type UsageSums } from './usage-sums.ts';

/** As numbers that the database knows. */
const EVER: UsagePeriod = { fromMs: Number.MIN_SAFE_INTEGER, toMs: Number.MAX_SAFE_INTEGER };

export interface UsageReader {
  sums(by: UsageKey, period: UsagePeriod): UsageSums[];
  /** By what `keyOf` calls the time of a response, epoch ms. */
  sumsByTime(period: UsagePeriod, keyOf: (atMs: number) => string): UsageSums[];
  /** Of one session, by its subagents; '' is the conversation itself. */
  sumsOfSession(sessionId: string): UsageSums[];
  /** Of one session, response by response, in order of time. */
  responses(sessionId: string, period?: UsagePeriod): (UsageSums & { atMs: number; agentId: string })[];
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

const SUMS = KINDS.map(([name, tokens, above]) => `sum(${tokens}) AS ${name}, sum(max(${tokens} - ${TIER_TOKENS}, 0)) AS ${above}`).join(', ');
const ONE = `u.model, u.speed IS 'fast' AS fast, 1 AS responses, u.placeholder AS lowerBounds,
  ${KINDS.map(([name, tokens, above]) => `${tokens} AS ${name}, max(${tokens} - ${TIER_TOKENS}, 0) AS ${above}`).join(', ')}`;

export function openUsageReader(database: Database): UsageReader {
  const summer = openUsageSummer(database);
  const ofSession = 'WHERE u.session = (SELECT session FROM session_key WHERE session_id = $id AND session <> 0)';
  const byAgent = database.prepare<[{ id: string }], Row>(`
    SELECT u.agent_id AS key, NULL AS machineId, u.model, u.speed IS 'fast' AS fast, count(*) AS responses, sum(u.placeholder) AS lowerBounds, ${SUMS}
    FROM usage_row u ${ofSession} GROUP BY u.agent_id, u.model, u.speed IS 'fast'`);
  const single = database.prepare<[{ id: string; from: number; to: number }], Row & { at: number }>(
    `SELECT u.agent_id AS key, NULL AS machineId, u.at, ${ONE} FROM usage_row u ${ofSession} AND u.at >= $from AND u.at < $to ORDER BY u.at, u.row`,
  );
  return {
    sums: summer.by,
    sumsByTime: summer.byTime,
    sumsOfSession: (sessionId) => byAgent.all({ id: sessionId }).map(toSums),
    responses: (sessionId, { fromMs, toMs } = EVER) => single.all({ id: sessionId, from: Math.max(fromMs, EVER.fromMs), to: Math.min(toMs, EVER.toMs) })
      .map((row) => ({ ...toSums(row), atMs: row.at, agentId: row.key ?? '' })),
  };
}

function toSums(row: Row): UsageSums {
  return {
    key: row.key, machineId: row.machineId, model: row.model, isFast: row.fast !== 0, responses: row.responses, lowerBounds: row.lowerBounds,
    tokens: { input: row.input, output: row.output, cacheWrite5m: row.write5m, cacheWrite1h: row.write1h, cacheRead: row.read },
    above: { input: row.aboveInput, output: row.aboveOutput, cacheWrite5m: row.above5m, cacheWrite1h: row.above1h, cacheRead: row.aboveRead },
  };
}
