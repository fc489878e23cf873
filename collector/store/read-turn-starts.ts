/** Where the turns of a session begin, so that a page of them reads only its own events. */
import type { Database } from './database.ts';
import type { EventPosition } from './read-events.ts';

export interface TurnStartReader {
  /** What a human or a script wanted of the conversation itself, in order: what `turnsOf` begins a turn with. */
  startsOf(sessionId: string): EventPosition[];
  /** Whether anything before `first` is a turn of its own, though nobody is known to have asked for it. */
  hasWorkBefore(sessionId: string, first: EventPosition | undefined): boolean;
  /** Name of the tool of a use, by its ID; undefined: its use is not here. Looks through the session. */
  toolOf(sessionId: string, use: string): string | undefined;
}

const textAt = (path: string): string => `CASE json_type(e.data, '${path}') WHEN 'text' THEN json_extract(e.data, '${path}') END`;
const OF_CONVERSATION = "json_type(e.data, '$.agent_id') IS NOT 'text'";
const KINDS = (types: string): string => `e.kind IN (SELECT kind FROM kind_key WHERE type IN (${types}))`;
const IN_SESSION = 'FROM event_row e WHERE e.session = (SELECT session FROM session_key WHERE session_id = ?) AND e.session <> 0';

export function openTurnStartReader(database: Database): TurnStartReader {
  const starts = database.prepare<[string], EventPosition>(`
    SELECT e.at, e.row ${IN_SESSION} AND ${KINDS("'user_message'")} AND ${OF_CONVERSATION}
      AND coalesce(${textAt('$.kind')}, 'prompt') IN ('prompt', 'command', 'shell')
    ORDER BY e.at, e.row`);
  const before = database.prepare<[string, number, number], { found: number }>(`
    SELECT 1 AS found ${IN_SESSION} AND (e.at, e.row) < (?, ?)
      AND NOT ${KINDS("'agent_status'")} AND NOT (${KINDS("'agent_session'")} AND ${OF_CONVERSATION}) LIMIT 1`);
  const tool = database.prepare<[string, string], { tool: string | null }>(`
    SELECT ${textAt('$.tool')} AS tool ${IN_SESSION} AND e.discriminator = ? AND ${KINDS("'agent_tool_use'")} LIMIT 1`);
  return {
    startsOf: (sessionId) => starts.all(sessionId),
    hasWorkBefore: (sessionId, first) => before.get(sessionId, first?.at ?? Number.MAX_SAFE_INTEGER, first?.row ?? Number.MAX_SAFE_INTEGER) !== undefined,
    toolOf: (sessionId, use) => tool.get(sessionId, use)?.tool ?? undefined,
  };
}
