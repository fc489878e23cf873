/**
 * A backup is one SQLite file: a consistent copy of the database with one more
 * table, `backup_part`, that holds the files beside it. So a backup is checked,
 * opened and read with what is there already, and needs no archive format.
 */
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PRIVATE_FILE_MODE, syncDirectory, syncFile } from '../../shared/atomic-file.ts';
import { TtError } from '../../shared/errors.ts';
import { openCopy, type Database } from './database.ts';

/** A file that goes with the database, by name. */
export interface BackupPart {
  name: string;
  body: string;
}

/** Pages after which the copy is synced, beside the copying: the sync of all of it at its end would hold up who commits. */
const SYNC_PAGES = 4096;
const STEP_PAGES = 100;

/**
 * Copies online, from the connection that writes: from another one it would
 * start again at every commit (tailing.md §7). Between its steps, of about a
 * millisecond, the connection may commit; what it commits is in the copy as
 * well. The file appears whole and synced, or not at all; `sealBackup` and
 * `acceptBackup` make it a checked backup.
 */
export async function copyDatabase(database: Database, file: string): Promise<{ bytes: number }> {
  const temporary = `${file}.copy`;
  removeDatabase(temporary);
  try {
    // Private from its first byte: SQLite itself would make it readable by everybody.
    closeSync(openSync(temporary, 'wx', PRIVATE_FILE_MODE));
    await copyInSteps(database, temporary);
    withCopy(temporary, (copy) => copy.pragma('journal_mode = DELETE')); // one file, with nothing beside it
    moveInPlace(temporary, file);
  } catch (error) {
    removeDatabase(temporary);
    throw error;
  }
  return { bytes: statSync(file).size };
}

async function copyInSteps(database: Database, file: string): Promise<void> {
  const written = await open(file, 'r+');
  let syncing: Promise<void> | undefined;
  let syncedTo = 0;
  try {
    await database.backup(file, {
      progress({ totalPages, remainingPages }) {
        const copied = totalPages - remainingPages;
        if (syncing === undefined && copied - syncedTo >= SYNC_PAGES) {
          syncedTo = copied;
          // A disk that cannot sync says so at the end again, to SQLite.
          syncing = written.sync().catch(() => {}).finally(() => (syncing = undefined));
        }
        return STEP_PAGES;
      },
    });
  } finally {
    await syncing;
    await written.close();
  }
}

/**
 * Puts `parts` into a copy, reads them back, and gives it its name. To look through all of it would hold up
 * whoever else this thread serves: that is `acceptBackup`'s, for another process.
 */
export function sealBackup(copy: string, parts: readonly BackupPart[], file: string): { bytes: number } {
  withCopy(copy, (database) => {
    database.exec('CREATE TABLE backup_part (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT');
    const insert = database.prepare<[string, string]>('INSERT INTO backup_part (name, body) VALUES (?, ?)');
    database.transaction(() => {
      for (const { name, body } of parts) insert.run(name, body);
    }).immediate();
  });
  const written = withCopy(copy, (database) => readParts(database, copy));
  const isWhole = parts.length === written.length && parts.every(({ name, body }) => written.some((part) => part.name === name && part.body === body));
  if (!isWhole) throw new TtError('backup_failed', `${copy} does not read back as it was written`, { hint: 'check the disk' });
  moveInPlace(copy, file);
  return { bytes: statSync(file).size };
}

/** Gives a sealed backup its name if it is sound; else it is removed. Throws as `readBackup` does. */
export function acceptBackup(sealed: string, file: string): void {
  try {
    readBackup(sealed);
    moveInPlace(sealed, file);
  } catch (error) {
    removeDatabase(sealed);
    throw error;
  }
}

/** Checks a backup and gives its parts. Throws `file_missing`, `database_foreign`, `not_a_backup` or `database_damaged`. */
export function readBackup(file: string): BackupPart[] {
  const database = openCopy(file, { readonly: true });
  try {
    requireSound(database, file);
    return readParts(database, file);
  } finally {
    database.close();
  }
}

function readParts(database: Database, file: string): BackupPart[] {
  const table = database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'backup_part'").get();
  if (table === undefined) {
    throw new TtError('not_a_backup', `${file} is a database of tt, but no backup`, { hint: 'give a file that tt collector backup wrote', exitCode: 2 });
  }
  return database.prepare<[], BackupPart>('SELECT name, body FROM backup_part ORDER BY name').all();
}

/** Makes a copied backup a plain database again. What the parts held is overwritten, not only unlinked. */
export function unsealBackup(copy: string): void {
  withCopy(copy, (database) => {
    database.pragma('secure_delete = ON');
    database.exec('DROP TABLE backup_part');
  });
  syncFile(copy);
}

/**
 * Limit of the check: a flipped bit inside a value is not seen, SQLite has no
 * checksums of its own.
 */
function requireSound(database: Database, file: string): void {
  const result: unknown = database.pragma('quick_check(1)', { simple: true });
  if (result === 'ok') return;
  throw new TtError('database_damaged', `${file} is damaged: ${String(result)}`, { hint: 'use another backup' });
}

function withCopy<T>(path: string, work: (database: Database) => T): T {
  const database = openCopy(path, { readonly: false });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function moveInPlace(from: string, to: string): void {
  syncFile(from);
  renameSync(from, to);
  syncDirectory(dirname(to));
}

function removeDatabase(path: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}

/** Moves the WAL into the database as far as no reader is in the way. */
export function checkpointWal(database: Database): void {
  database.pragma('wal_checkpoint(PASSIVE)');
}
