/**
 * The only importer of better-sqlite3: opens, migrates, and sets what an
 * acknowledgement rests on. `synchronous=FULL` is set at every open, because
 * better-sqlite3 reopens a WAL database at NORMAL, where a power cut takes
 * commits back that were acknowledged (tailing.md §7).
 */
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { makePrivateDirectory, PRIVATE_FILE_MODE } from '../../shared/atomic-file.ts';
import { EXIT_CODES, messageOf, systemCode, TtError } from '../../shared/errors.ts';

export type Database = Sqlite.Database;
export type Statement<Args extends unknown[] = unknown[], Row = unknown> = Sqlite.Statement<Args, Row>;

/** `tt` in ASCII, so that `file` and a person know whose database this is. */
const APPLICATION_ID = 0x74740001;
/** Small, because the commit that reaches it waits for it: 4 MB, 7 % more pages written than at 32 MB. */
const WAL_AUTOCHECKPOINT_PAGES = 1000;
/** With 16 MiB a backfill is no faster and takes 30 MB more: they lie scattered over the heap. */
const CACHE_KIB = 8 * 1024;
const WAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024;
const BUSY_TIMEOUT_MS = 5000;

const MIGRATIONS: readonly string[] = [
  readFileSync(new URL('./migrations/0001_initial.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0002_forgetting.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0003_replacing.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0004_time.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0005_assignments.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0006_sessions.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0007_states.sql', import.meta.url), 'utf8'),
  readFileSync(new URL('./migrations/0008_waits.sql', import.meta.url), 'utf8'),
];
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Opens for writing, creating or migrating as needed. Throws `database_*` errors with the next step. */
export function openWriter(path: string): Database {
  makePrivateDirectory(dirname(path));
  makePrivateFile(path);
  const database = open(path, {});
  try {
    refuseForeign(database, path); // before anything is written: the journal mode stands in the file
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('fullfsync = ON'); // macOS: an ordinary fsync there does not reach the disk
    database.pragma('checkpoint_fullfsync = ON');
    database.pragma(`wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES}`);
    database.pragma(`journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`);
    database.pragma(`cache_size = -${CACHE_KIB}`);
    database.pragma('foreign_keys = ON');
    database.pragma('secure_delete = ON'); // what is replaced or removed does not stay in the free room of its page
    database.pragma('temp_store = MEMORY');
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw asOpenError(error, path);
  }
}

/** Opens read-only; works beside a running collector and with none running. */
export function openReader(path: string): Database {
  if (!existsSync(path)) throw databaseMissing(path);
  const database = open(path, { readonly: true });
  try {
    database.pragma('query_only = ON');
    checkVersion(database, path);
    return database;
  } catch (error) {
    database.close();
    throw asOpenError(error, path);
  }
}

export function databaseMissing(path: string): TtError {
  return new TtError('database_missing', `there is no database at ${path} yet`, {
    hint: 'start the collector once: tt collector run',
  });
}

/** SQLite gives its WAL, journal and shared memory the mode of the file itself. */
function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'a', PRIVATE_FILE_MODE));
  } catch (error) {
    throw asOpenError(error, path);
  }
}

/** `ttsx`: an index that can be made anew from the archive at any time. */
const SEARCH_APPLICATION_ID = 0x74747378;

/**
 * The search index, apart from the database: it is written while agents are acknowledged, and must not
 * cost them an fsync. `write`: creates it, or makes it anew where another version wrote it or it is damaged.
 */
export function openSearchDatabase(path: string, access: 'read' | 'write', schema: { sql: string; version: number }): Database {
  const isOurs = (database: Database): boolean => userVersion(database) === schema.version
    && database.pragma('application_id', { simple: true }) === SEARCH_APPLICATION_ID;
  if (access === 'read') {
    const database = open(path, { readonly: true });
    if (isOurs(database)) return database;
    const isNew = isEmpty(database);
    database.close();
    if (isNew) throw new TtError('search_index_new', 'the search index is only being made', { hint: 'ask again in a moment', retryable: true });
    throw new TtError('search_index_old', 'the search index is of another version', { hint: 'stop and start the collector, it makes it anew; as a service: tt collector install', exitCode: EXIT_CODES.version_skew });
  }
  makePrivateDirectory(dirname(path));
  makePrivateFile(path);
  for (let again = false; ; again = true) {
    let database: Database | undefined;
    try {
      database = open(path, {});
      const isNew = isEmpty(database);
      if (!isNew && !isOurs(database)) throw new TtError('search_index_old', `${path} is of another version`, { hint: 'it is made anew' });
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.pragma(`wal_autocheckpoint = ${4 * WAL_AUTOCHECKPOINT_PAGES}`);
      database.pragma(`journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`);
      database.pragma('secure_delete = ON');
      if (isNew) {
        database.exec(schema.sql);
        database.pragma(`application_id = ${SEARCH_APPLICATION_ID}`);
        database.pragma(`user_version = ${schema.version}`);
      }
      return database;
    } catch (error) {
      database?.close();
      if (again) throw asOpenError(error, path);
      for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
      makePrivateFile(path);
    }
  }
}

/** Another program's database, to read. The caller gives a copy: reading can still write beside a file. */
export function openForeign(path: string): Database {
  const database = open(path, { readonly: true });
  database.pragma('query_only = ON');
  return database;
}

/** Opens a copy, as it is: nothing is migrated, no mode is changed. */
export function openCopy(path: string, options: { readonly: boolean }): Database {
  if (!existsSync(path)) {
    throw new TtError('file_missing', `there is no ${path}`, { hint: 'check the path', exitCode: 2 });
  }
  const database = open(path, options);
  try {
    const version = userVersion(database);
    if (version > SCHEMA_VERSION) throw tooNew(path, version);
    if (version > 0) return database;
  } catch (error) {
    database.close();
    if (systemCode(error) !== 'SQLITE_NOTADB') throw asOpenError(error, path);
  }
  database.close();
  throw new TtError('database_foreign', `${path} is no database of tt`, { hint: 'check the path', exitCode: 2 });
}

function open(path: string, options: Sqlite.Options): Database {
  try {
    return new Sqlite(path, { ...options, timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw asOpenError(error, path);
  }
}

/**
 * Takes a lock that dies with its holder: an open transaction on `path`, a file
 * of its own. The kernel releases it, so no pid is ever mistaken for another.
 * Undefined when somebody else holds it. Limit: local disks.
 */
export function tryLock(path: string): { release(): void } | undefined {
  makePrivateDirectory(dirname(path));
  makePrivateFile(path);
  let database: Database | undefined;
  try {
    database = new Sqlite(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (writeFailure(error) === 'busy') return undefined;
    throw asOpenError(error, path);
  }
  const held = database;
  return {
    release: () => {
      held.close();
    },
  };
}

export function userVersion(database: Database): number {
  const version: unknown = database.pragma('user_version', { simple: true });
  return typeof version === 'number' ? version : 0;
}

function checkVersion(database: Database, path: string): void {
  const version = userVersion(database);
  if (version > SCHEMA_VERSION) throw tooNew(path, version);
  if (version < SCHEMA_VERSION) {
    throw new TtError('database_old', `${path} has schema ${version}, this tt needs ${SCHEMA_VERSION}`, {
      hint: 'start the collector once, it migrates: tt collector run',
    });
  }
}

function refuseForeign(database: Database, path: string): void {
  const version = userVersion(database);
  const isOurs = database.pragma('application_id', { simple: true }) === APPLICATION_ID;
  if (version === 0 ? !isEmpty(database) : !isOurs) {
    throw new TtError('database_foreign', `${path} is a database of another program`, {
      hint: `move it away; it was not touched`,
    });
  }
  if (version > SCHEMA_VERSION) throw tooNew(path, version);
}

function migrate(database: Database): void {
  for (let next = userVersion(database); next < SCHEMA_VERSION; next++) {
    database.transaction(() => {
      database.exec(MIGRATIONS[next] ?? '');
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${next + 1}`);
    }).immediate();
  }
}

function isEmpty(database: Database): boolean {
  return database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() === undefined;
}

function tooNew(path: string, version: number): TtError {
  return new TtError('database_too_new', `${path} has schema ${version}, this tt knows ${SCHEMA_VERSION}`, {
    hint: 'install the newer tt again; nothing was changed',
    exitCode: 6,
  });
}

function asOpenError(error: unknown, path: string): TtError {
  if (error instanceof TtError) return error;
  const code = systemCode(error);
  const hint = code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT'
    ? `move ${path} away and restore a backup (tt collector restore FILE); agents send again what they still have`
    : `check that ${dirname(path)} is yours, writable and not full`;
  return new TtError('database_unusable', `cannot open ${path}: ${messageOf(error)}`, { hint, cause: error });
}

/** Why a write failed, as far as the collector can do something about it. */
export function writeFailure(error: unknown): 'disk_full' | 'busy' | 'io' | 'corrupt' | undefined {
  const code = systemCode(error);
  if (code === undefined || !code.startsWith('SQLITE_')) return undefined;
  if (code.startsWith('SQLITE_FULL')) return 'disk_full';
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'busy';
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')) return 'io';
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) return 'corrupt';
  return undefined;
}
