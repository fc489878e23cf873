/** What the page says of the database: its size, its room, and when it was last saved and looked at. */
import { existsSync, statSync } from 'node:fs';
import { readRoom } from '../../shared/doctor/disk-room.ts';
import type { Paths } from '../../shared/paths.ts';
import { STORE_SCHEMA, type StoreDocument } from '../../shared/store-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { VERSION } from '../../shared/version.ts';
import { readLastBackup } from '../last-backup.ts';
import { readLastCheck } from '../last-check.ts';
import { SCHEMA_VERSION } from '../store/database.ts';

export function readStoreFacts(paths: Pick<Paths, 'database' | 'lastBackupFile' | 'lastCheckFile'>, { nowMs, startedMs }: { nowMs: number; startedMs: number }): StoreDocument {
  const backup = readLastBackup(paths.lastBackupFile);
  return {
    schema: STORE_SCHEMA,
    as_of: printTimestamp(nowMs),
    path: paths.database,
    bytes: sizeOf(paths.database),
    wal_bytes: sizeOf(`${paths.database}-wal`),
    free_bytes: freeBytes(paths.database),
    last_backup: backup && { at: printTimestamp(backup.atMs), file: backup.file },
    last_check: readLastCheck(paths.lastCheckFile),
    version: VERSION,
    started_at: printTimestamp(startedMs),
    database_schema: SCHEMA_VERSION,
  };
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

function freeBytes(path: string): number | null {
  try {
    return readRoom(path).freeBytes;
  } catch {
    return null;
  }
}
