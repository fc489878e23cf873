/** What a report needs beside the intervals: of which project a session is, whether its waits are known, and the facts behind. */
import type { Database } from './database.ts';

export interface ReportedSession {
  sessionId: string;
  title: string | null;
  /** Directory that it was started in; null: none is known. */
  project: string | null;
  /** Its harness's live registry said something of it: its waits for the person are known. */
  tellsWaits: boolean;
}

export interface ReportedEvent {
  id: string;
  type: string;
  timestamp: string;
}

export interface ReportReader {
  session(sessionId: string): ReportedSession | undefined;
  event(row: number): ReportedEvent | undefined;
}

/** When a machine was heard of last, by its events alone, epoch ms; undefined: never. */
export function openLastHeard(database: Database): (machineId: string) => number | undefined {
  const last = database.prepare<[string], number | null>(
    'SELECT max(at) FROM event_row WHERE machine = (SELECT machine FROM machine_key WHERE machine_id = ?)').pluck();
  return (machineId) => last.get(machineId) ?? undefined;
}

/** Each session is asked for once, its title only where somebody wants it. */
export function openReportReader(database: Database): ReportReader {
  const session = database.prepare<[string], { project: string | null; tellsWaits: number }>(`
    SELECT c.path AS project, r.status_at IS NOT NULL AS tellsWaits
    FROM session_key k JOIN session_row r ON r.session = k.session AND r.agent_id = ''
    LEFT JOIN cwd_key c ON c.cwd = r.cwd
    WHERE k.session_id = ?`);
  const title = database.prepare<[string], string | null>(`
    SELECT json_extract(t.value, '$') FROM session_state t JOIN session_key k ON k.session = t.session
    WHERE k.session_id = ? AND t.key IN ('custom-title', 'ai-title', 'summary')
    ORDER BY CASE t.key WHEN 'custom-title' THEN 1 WHEN 'ai-title' THEN 2 ELSE 3 END LIMIT 1`).pluck();
  const event = database.prepare<[number], ReportedEvent>('SELECT id, type, timestamp FROM events WHERE row = ?');
  const known = new Map<string, ReportedSession | undefined>();
  const titles = new Map<string, string | null>();
  const titleOf = (sessionId: string): string | null => {
    const found = titles.get(sessionId) ?? title.get(sessionId) ?? null;
    titles.set(sessionId, found);
    return found;
  };
  const find = (sessionId: string): ReportedSession | undefined => {
    const row = session.get(sessionId);
    return row && { sessionId, project: row.project, tellsWaits: row.tellsWaits === 1, get title() { return titleOf(sessionId); } };
  };
  return {
    session(sessionId) {
      if (!known.has(sessionId)) known.set(sessionId, find(sessionId));
      return known.get(sessionId);
    },
    event: (row) => event.get(row),
  };
}
