import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openForeign, openReader, openWriter, SCHEMA_VERSION, writeFailure, type Database } from '../../../collector/store/database.ts';
import { openEventStore } from '../../../collector/store/event-store.ts';
import { createCommitter } from '../../../collector/writer/commit.ts';
import { genOf, jobOf, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-database-'));
  path = join(directory, 'collector.db');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function schemaOf(database: Database): string {
  const parts = database.prepare<[], { sql: string }>("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type, name").all();
  return parts.map(({ sql }) => sql).join(';\n');
}

/** Changes a database as another program would. */
function change(sql: string): void {
  const database = openWriter(path);
  database.exec(sql);
  database.close();
}

describe('the database', () => {
  it('syncs every commit, also when it is opened again', () => {
    openWriter(path).close();
    const database = openWriter(path);
    database.prepare('SELECT count(*) FROM events').get();
    expect(database.pragma('synchronous', { simple: true })).toBe(2);
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    database.close();
  });

  it('is its owner’s alone', () => {
    const database = openWriter(path);
    database.exec("INSERT INTO cwd_key (path) VALUES ('/x')");
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    database.close();
  });

  it('is read with no collector running and nothing beside the file', () => {
    change("INSERT INTO cwd_key (path) VALUES ('/x')");
    expect(existsSync(`${path}-shm`)).toBe(false);
    const reader = openReader(path);
    expect(reader.prepare('SELECT path FROM cwd_key').all()).toEqual([{ path: '/x' }]);
    expect(() => reader.exec('DELETE FROM cwd_key')).toThrow(/readonly|read-only|query_only/);
    reader.close();
  });

  it('refuses a schema that is newer than it knows, by both ways in', () => {
    change('PRAGMA user_version = 99');
    expect(() => openWriter(path)).toThrow(expect.objectContaining({ code: 'database_too_new', exitCode: 6 }));
    expect(() => openReader(path)).toThrow(expect.objectContaining({ code: 'database_too_new' }));
  });

  it.each([
    ['of another program', "PRAGMA journal_mode=DELETE; PRAGMA user_version=0; PRAGMA application_id=0;"],
    ['of another program with a version of its own', "PRAGMA journal_mode=DELETE; PRAGMA user_version=1; PRAGMA application_id=7;"],
  ])('leaves a database %s as it was', (_, sql) => {
    change(sql);
    const before = readFileSync(path);
    expect(() => openWriter(path)).toThrow(expect.objectContaining({ code: 'database_foreign' }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('names what to do about a file that is no database', () => {
    writeFileSync(path, 'not a database, whatever its name says '.repeat(50));
    expect(() => openWriter(path)).toThrow(expect.objectContaining({ code: 'database_unusable', hint: expect.stringContaining('restore') as string }));
  });

  it('takes over what a database of schema 7 holds', () => {
    const migrations = new URL('../../../collector/store/migrations/', import.meta.url);
    const old = openWriter(path);
    old.pragma('foreign_keys = OFF');
    const parts = old.prepare<[], { name: string; type: string }>("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND type IN ('table', 'view')").all();
    for (const { name, type } of parts) old.exec(`DROP ${type} IF EXISTS "${name}"`);
    for (const file of readdirSync(migrations).toSorted().slice(0, 7)) old.exec(readFileSync(new URL(file, migrations), 'utf8'));
    expect(schemaOf(old)).toBe(readFileSync(new URL('./samples/schema-7.txt', import.meta.url), 'utf8'));
    const machine = refOf(testMachine(1));
    const asks = testEvent({ machineId: machine.machineId, type: 'agent_status', discriminator: 'a' }, { session_id: 's', status: 'waiting' });
    const works = testEvent({ machineId: machine.machineId, type: 'agent_tool_result', discriminator: 't', at: START_MS + 300 }, { session_id: 's' });
    const states = [{ gen: genOf(1), offset: 1, after: '', session_id: 's', key: 'ai-title', value: 'a title' }];
    createCommitter(openEventStore(old), { now: () => START_MS }).commit([jobOf(machine, { gen: genOf(1), to: 10, events: [asks, works], states })]);
    old.pragma('user_version = 7');
    old.close();
    const database = openWriter(path);
    expect(database.prepare('SELECT session_id, title, state FROM sessions').all()).toEqual([{ session_id: 's', title: 'a title', state: 'waiting' }]);
    database.close();
  });

  it('has the schema that was released', async () => {
    openWriter(path).close();
    const reader = openForeign(path);
    const schema = schemaOf(reader);
    reader.close();
    await expect(schema).toMatchFileSnapshot(`samples/schema-${SCHEMA_VERSION}.txt`);
  });
});

/** Mounting takes root; a container may still forbid it. */
function mountSmallDisk(at: string): boolean {
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', at], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  it('acknowledges nothing, and goes on when there is room again', ({ skip }) => {
    const disk = join(directory, 'disk');
    if (!mountSmallDisk(disk)) skip('a small disk can be mounted by root only');
    try {
      const database = openWriter(join(disk, 'collector.db'));
      const committer = createCommitter(openEventStore(database), { now: () => START_MS });
      const machine = refOf(testMachine(1));
      const batch = (round: number) => jobOf(machine, {
        gen: genOf(round), to: 10, events: Array.from({ length: 50 }, (_, index) => testEvent(
          { machineId: machine.machineId, type: 'agent_tool_use', discriminator: `toolu_${round}_${index}` }, { session_id: `s-${round}`, text: 'x'.repeat(200) },
        )),
      });
      writeFileSync(join(disk, 'filler'), Buffer.alloc(1024 * 1024));
      let acknowledged = 0;
      let failure: unknown;
      while (failure === undefined && acknowledged < 1000) {
        try {
          committer.commit([batch(acknowledged)]);
          acknowledged += 1;
        } catch (error) {
          failure = error;
        }
      }
      expect(writeFailure(failure)).toBe('disk_full');
      const count = () => database.prepare('SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM file) AS files').get();
      expect(count()).toEqual({ events: 50 * acknowledged, files: acknowledged });
      rmSync(join(disk, 'filler'));
      committer.commit([batch(acknowledged)]);
      expect(count()).toEqual({ events: 50 * (acknowledged + 1), files: acknowledged + 1 });
      expect(database.prepare('SELECT count(*) AS count FROM sessions').get()).toEqual({ count: acknowledged + 1 });
      database.close();
    } finally {
      execFileSync('umount', [disk], { stdio: 'ignore' });
    }
  });
});
