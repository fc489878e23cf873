/**
 * The earlier tool's `tt.db` (schemas 8 and 9) as lines for the importer. The
 * file and what lies beside it are copied first: opening it, even to read, could
 * create or clear its write-ahead log.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import { openForeign, type Database } from './database.ts';

const KNOWN_SCHEMAS: readonly number[] = [8, 9];

export interface LegacyDatabase {
  /** One JSON object per row: events, then what it knows of each session. */
  lines(): Iterable<string>;
  [Symbol.dispose](): void;
}

/** Throws `legacy_unreadable` with nothing left behind. */
export function openLegacy(file: string): LegacyDatabase {
  if (!existsSync(file)) throw unreadable(file, 'there is no such file');
  const folder = mkdtempSync(join(tmpdir(), 'tt-legacy-'));
  const copy = join(folder, basename(file));
  let database: Database | undefined;
  const dispose = (): void => {
    database?.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const suffix of ['', '-wal', '-journal']) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    }
    database = openForeign(copy);
    checkSchema(database, file);
  } catch (error) {
    dispose();
    throw error instanceof TtError && error.code === 'legacy_unreadable' ? error : unreadable(file, messageOf(error), error);
  }
  const opened = database;
  return { lines: () => linesOf(opened), [Symbol.dispose]: dispose };
}

function checkSchema(database: Database, file: string): void {
  const row = database.prepare<[], { version: number }>('SELECT version FROM schema_info').get();
  if (row === undefined || !KNOWN_SCHEMAS.includes(row.version)) {
    throw unreadable(file, `it has schema ${row?.version ?? 'unknown'}, not 8 or 9`);
  }
}

function unreadable(file: string, why: string, cause?: unknown): TtError {
  return new TtError('legacy_unreadable', `${file} can not be read as a database of the earlier tool: ${why}`, {
    hint: 'stop the earlier tool while importing, and give its tt.db of schema 8 or 9', exitCode: EXIT_CODES.failed, cause,
  });
}

type Row = Record<string, string | number | null>;

function* linesOf(database: Database): Generator<string> {
  for (const row of database.prepare<[], Row>('SELECT * FROM events ORDER BY rowid').iterate()) {
    // Times and streams of the earlier tool are derived data, and its default version says nothing.
    const { stream_id: _stream, assignment_source: _source, schema_version, ...event } = row;
    yield JSON.stringify(withoutNulls({ ...event, ...(schema_version === 1 ? {} : { schema_version: schema_version ?? null }) }));
  }
  for (const row of database.prepare<[], Row>('SELECT * FROM agent_sessions ORDER BY rowid').iterate()) {
    yield JSON.stringify({ type: 'session_metadata', ...withoutNulls(row), user_prompts: promptsOf(row['user_prompts']) });
  }
}

function withoutNulls(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

function promptsOf(text: string | number | null | undefined): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : [];
  } catch {
    return text;
  }
}
