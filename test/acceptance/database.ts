// What the table of a corpus counts, out of the views that others may query.
import { openReader } from '../../collector/store/database.ts';
import { addUpBy, type Totals } from '../support/usage-model.ts';
import type { Counts } from './expected.ts';

export interface Stored {
  counts: Counts;
  /** Tokens per session, summed up by group. */
  tokens(groupOf: (sessionId: string) => string): Map<string, Totals>;
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
const TOKENS = `
  SELECT session_id AS "group", sum(input_tokens) AS input, sum(output_tokens) AS output,
    sum(cache_creation_input_tokens) AS cacheCreation, sum(cache_read_input_tokens) AS cacheRead
  FROM message_usage GROUP BY session_id`;

export function readStored(path: string): Stored {
  const database = openReader(path);
  try {
    const counts = database.prepare<[], Counts>(COUNTS).get() ?? {};
    const rows = database.prepare<[], Totals & { group: string }>(TOKENS).all();
    return { counts, tokens: (groupOf) => addUpBy(rows.map((row) => ({ ...row, group: groupOf(row.group) })), ({ group }) => group) };
  } finally {
    database.close();
  }
}
