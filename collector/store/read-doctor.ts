/** What `tt doctor` asks of the database. Each question may look at many rows: nobody waits for it but a person. */
import { messageOf } from '../../shared/errors.ts';
import { SCHEMA_VERSION, openCopy, userVersion, writeFailure, type Database } from './database.ts';

const DAY_MS = 86_400_000;

/** Opens it whatever its schema is, to read. Throws `file_missing`, `database_*`. */
export function openForDoctor(path: string): Database {
  const database = openCopy(path, { readonly: true });
  database.pragma('query_only = ON');
  return database;
}

/** Version of the schema in the file, and of this program. */
export function readSchemaVersions(database: Database): { found: number; known: number } {
  return { found: userVersion(database), known: SCHEMA_VERSION };
}

/** What SQLite finds damaged; none: it is sound. `deep` also compares every index with its table. */
export function findDamage(database: Database, { deep }: { deep: boolean }): string[] {
  try {
    const rows = database.pragma(deep ? 'integrity_check(10)' : 'quick_check(10)');
    const found = Array.isArray(rows) ? rows.flatMap((row: unknown) => Object.values(row ?? {}).map(String)) : [String(rows)];
    return found.filter((line) => line !== 'ok');
  } catch (error) {
    // Damaged where it says what it holds: then it can not even be checked.
    if (writeFailure(error) === 'corrupt') return [messageOf(error)];
    throw error;
  }
}

export interface DirectoryCounts {
  /** Events that are to have a directory. */
  events: number;
  without: number;
}

/** Of what panes, people and models did since then. */
export function countWithoutDirectory(database: Database, sinceMs: number): DirectoryCounts {
  return database.prepare<[number], DirectoryCounts>(`
    SELECT count(*) AS events, coalesce(sum(cwd IS NULL), 0) AS without
    FROM event_row JOIN kind_key USING (kind)
    WHERE at >= ? AND type IN ('tmux_pane_focus', 'user_message', 'assistant_message', 'agent_tool_use')`).get(sinceMs) ?? { events: 0, without: 0 };
}

export interface SourceDays {
  machineId: string;
  source: string;
  /** Days on which it said something, as whole days since the epoch (UTC), ascending. */
  days: number[];
}

export function readSourceDays(database: Database, sinceMs: number): SourceDays[] {
  const rows = database.prepare<[number], { machineId: string; source: string; day: number }>(`
    SELECT m.machine_id AS machineId, k.source, e.at / ${DAY_MS} AS day
    FROM event_row e JOIN machine_key m USING (machine) JOIN kind_key k USING (kind)
    WHERE e.at >= ? AND m.machine_id IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`).all(sinceMs);
  const sources = new Map<string, SourceDays>();
  for (const { machineId, source, day } of rows) {
    const key = `${machineId} ${source}`;
    const known = sources.get(key);
    if (known === undefined) sources.set(key, { machineId, source, days: [day] });
    else known.days.push(day);
  }
  return [...sources.values()];
}
