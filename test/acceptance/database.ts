// What the table of a corpus counts, out of the views that others may query.
import { openReader } from '../../collector/store/database.ts';
import { openUsageReader } from '../../collector/store/read-usage.ts';
import { openPrices } from '../../collector/usage/prices.ts';
import { usageReport } from '../../collector/usage/usage-report.ts';
import type { UsageGroup } from '../../shared/usage-documents.ts';
import type { Counts } from './expected.ts';
import { addUpSpent, type Spent } from './spent.ts';

export interface Stored {
  counts: Counts;
  /** Per session, summed up by group. */
  sessions(groupOf: (sessionId: string) => string): Map<string, Spent>;
  /** By day in UTC. */
  days: Map<string, Spent>;
}

const COUNTS = `
  SELECT count(DISTINCT session_id) AS sessions, sum(prompts) AS prompts, sum(script_prompts) AS script_prompts,
    sum(commands) AS "slash commands", sum(interrupts) AS interrupts, sum(tool_uses) AS "tool uses", sum(tool_results) AS "tool results",
    u.*
  FROM sessions, (
    SELECT count(*) AS messages, sum(input_tokens) AS input, sum(output_tokens) AS output,
      sum(cache_creation_input_tokens) AS "cache creation", sum(cache_read_input_tokens) AS "cache read"
    FROM message_usage WHERE message_id NOT LIKE 'entry:%'
  ) AS u`;

export function readStored(path: string): Stored {
  const database = openReader(path);
  try {
    const counts = database.prepare<[], Counts>(COUNTS).get() ?? {};
    const reader = openUsageReader(database);
    const spentBy = (by: UsageGroup): Map<string, Spent> => {
      // Not by `session@machine`: what has no label is called by its ID, which ccusage does not know.
      const { rows } = usageReport({ by, timezone: 'UTC' }, { reader, prices: openPrices(), labelOf: () => '' });
      return new Map(rows.map(({ key, tokens, cost_usd }) => [(key ?? '').replace(/@$/, ''), {
        input: tokens.input, output: tokens.output, cacheCreation: tokens.cache_creation, cacheRead: tokens.cache_read, cost: cost_usd ?? 0,
      }]));
    };
    const sessions = spentBy('session');
    return { counts, sessions: (groupOf) => addUpSpent(sessions, groupOf), days: spentBy('day') };
  } finally {
    database.close();
  }
}
