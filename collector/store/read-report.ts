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

/** Each session is asked for once. */
export function openReportReader(database: Database): ReportReader {
  const session = database.prepare<[string], Omit<ReportedSession, 'tellsWaits'> & { tellsWaits: number }>(`
    SELECT k.session_id AS sessionId, c.path AS project, r.status_at IS NOT NULL AS tellsWaits,
      (SELECT json_extract(t.value, '$') FROM session_state t WHERE t.session = r.session AND t.key IN ('custom-title', 'ai-title', 'summary')
        ORDER BY CASE t.key WHEN 'custom-title' THEN 1 WHEN 'ai-title' THEN 2 ELSE 3 END LIMIT 1) AS title
    FROM session_key k JOIN session_row r ON r.session = k.session AND r.agent_id = ''
    LEFT JOIN cwd_key c ON c.cwd = r.cwd
    WHERE k.session_id = ?`);
  const event = database.prepare<[number], ReportedEvent>('SELECT id, type, timestamp FROM events WHERE row = ?');
  const known = new Map<string, ReportedSession | undefined>();
  return {
    session(sessionId) {
      if (known.has(sessionId)) return known.get(sessionId);
      const row = session.get(sessionId);
      const found = row && { ...row, tellsWaits: row.tellsWaits === 1 };
      known.set(sessionId, found);
      return found;
    },
    event: (row) => event.get(row),
  };
}
