/** A consistent copy of a database that is being written to, and the proof that a copy is sound. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { PRIVATE_FILE_MODE, syncDirectory } from '../../shared/atomic-file.ts';
import { TtError } from '../../shared/errors.ts';
import { openReader, type Database } from './database.ts';

/**
 * Copies online, from the connection that writes: from another one it would
 * start again at every commit (tailing.md §7). The file appears whole, synced
 * and checked, or not at all.
 */
export async function copyDatabase(database: Database, file: string): Promise<{ bytes: number }> {
  const temporary = `${file}.tmp`;
  rmSync(temporary, { force: true });
  try {
    await database.backup(temporary);
    chmodSync(temporary, PRIVATE_FILE_MODE);
    checkDatabase(temporary);
    const fd = openSync(temporary, 'r+');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(file));
  return { bytes: statSync(file).size };
}

/**
 * Throws `database_damaged` when SQLite finds the file inconsistent. Limit: a
 * flipped bit inside a value is not seen, SQLite has no checksums of its own.
 */
export function checkDatabase(file: string): void {
  const database = openReader(file);
  try {
    const result: unknown = database.pragma('quick_check(1)', { simple: true });
    if (result !== 'ok') {
      throw new TtError('database_damaged', `${file} is damaged: ${String(result)}`, { hint: 'use another backup' });
    }
  } finally {
    database.close();
    // A reader of a WAL database leaves these two beside it.
    for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  }
}

/** Moves the WAL into the database as far as no reader is in the way. */
export function checkpointWal(database: Database): void {
  database.pragma('wal_checkpoint(PASSIVE)');
}
