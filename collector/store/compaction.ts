/**
 * Takes what was forgotten out of the file itself: interned texts that nobody
 * uses any more, and the free room that removed rows left.
 *
 * `secure_delete` overwrites what is removed, but rows that moved between pages
 * before may have left parts of themselves: only writing the whole file anew is
 * certain. Nothing else can write meanwhile, about a second for each 100 MB.
 */
import { statSync } from 'node:fs';
import type { Database } from './database.ts';

export interface Compacted {
  /** False: a reader kept the write-ahead log in use, so older pages still lie in it. */
  isClean: boolean;
  bytesBefore: number;
  bytesAfter: number;
}

/** Above this the copy goes through a temporary file that is private and has no name, not through memory. */
const IN_MEMORY_BYTES = 256 * 1024 * 1024;

export function compact(database: Database): Compacted {
  const bytesBefore = statSync(database.name).size;
  database.transaction(() => removeUnusedTexts(database)).immediate();
  if (bytesBefore > IN_MEMORY_BYTES) database.pragma('temp_store = FILE');
  try {
    database.exec('VACUUM');
  } finally {
    database.pragma('temp_store = MEMORY');
  }
  const isClean = database.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0;
  return { isClean, bytesBefore, bytesAfter: statSync(database.name).size };
}

/** Every table names a key by the same column, so a new table needs no entry here. */
function removeUnusedTexts(database: Database): void {
  for (const [table, key, columns] of [['session_key', 'session', ['session', 'child', 'parent']], ['cwd_key', 'cwd', ['cwd']]] as const) {
    const users = database.prepare<[string, string], { name: string; column: string }>(`
      SELECT m.name, c.name AS "column" FROM sqlite_master m JOIN pragma_table_info(m.name) c
      WHERE m.type = 'table' AND m.name <> ? AND c.name IN (SELECT value FROM json_each(?))`).all(table, JSON.stringify(columns));
    const used = users.map(({ name, column }) => `SELECT "${column}" FROM "${name}" WHERE "${column}" IS NOT NULL`);
    database.exec(`DELETE FROM ${table} WHERE ${key} <> 0 AND ${key} NOT IN (${used.join(' UNION ')})`);
  }
}
