import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { READING_COMMANDS } from '../../../collector/commands/reading-commands.ts';
import { parseImported } from '../../../collector/store/import.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';

const MACHINE = '11111111-1111-4111-8111-111111111111';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-import-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const tt = (argv: readonly string[], stdin = ''): Promise<CommandRun> => runCommand(READING_COMMANDS, argv, home, { stdin });
const events = async (): Promise<Record<string, unknown>[]> =>
  (await tt(['events', '--json'])).stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

function query(sql: string): unknown[] {
  const database = new Sqlite(resolvePaths({}, home).database, { readonly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

/** What the earlier tool's database looks like, with its own journal mode. */
function legacyDatabase(version: number, journal: 'delete' | 'wal'): { file: string; close(): void } {
  const file = join(home, 'tt.db');
  const database = new Sqlite(file);
  database.pragma(`journal_mode = ${journal}`);
  const more = version === 9 ? ', window_app_id TEXT, window_title TEXT' : '';
  database.exec(`
    CREATE TABLE schema_info (version INTEGER NOT NULL);
    INSERT INTO schema_info VALUES (${version});
    CREATE TABLE streams (id TEXT PRIMARY KEY);
    CREATE TABLE events (id TEXT PRIMARY KEY, timestamp TEXT NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL, machine_id TEXT,
      schema_version INTEGER DEFAULT 1, cwd TEXT, git_project TEXT, git_workspace TEXT, pane_id TEXT, tmux_session TEXT,
      window_index INTEGER, status TEXT, idle_duration_ms INTEGER, action TEXT, session_id TEXT, stream_id TEXT,
      assignment_source TEXT DEFAULT 'inferred'${more});
    CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, source TEXT NOT NULL DEFAULT 'claude', parent_session_id TEXT,
      session_type TEXT NOT NULL DEFAULT 'user', project_path TEXT NOT NULL, project_name TEXT NOT NULL, start_time TEXT NOT NULL,
      end_time TEXT, message_count INTEGER NOT NULL, summary TEXT, user_prompts TEXT DEFAULT '[]', starting_prompt TEXT,
      assistant_message_count INTEGER DEFAULT 0, tool_call_count INTEGER DEFAULT 0, machine_id TEXT);
    INSERT INTO events (id, timestamp, type, source, machine_id, cwd, pane_id, tmux_session, window_index, stream_id) VALUES
      ('${MACHINE}:remote.tmux:tmux_pane_focus:2025-01-29T12:00:00.000Z:%3', '2025-01-29T12:00:00.000Z', 'tmux_pane_focus', 'remote.tmux', '${MACHINE}', '/p', '%3', 'dev', 1, 'stream');
    INSERT INTO events (id, timestamp, type, source, session_id, action) VALUES
      ('own-session_start', '2025-01-29T12:00:01.000Z', 'agent_session', 'claude', 'own', 'started'),
      ('lost-session_start', '2025-01-29T12:00:02.000Z', 'agent_session', 'claude', 'lost', 'started');
    INSERT INTO agent_sessions (session_id, project_path, project_name, start_time, message_count, user_prompts) VALUES
      ('own', '/p', 'p', '2025-01-29T12:00:01Z', 3, '["hi"]'), ('lost', '/p', 'p', '2025-01-29T12:00:02.000Z', 4, '["a","b"]');`);
  return { file, close: () => void database.close() };
}

/** Read by one of our agents. */
const OWN = JSON.stringify({
  id: `${MACHINE}:remote.agent:user_message:2025-01-29T12:00:03.000Z:e1`, timestamp: '2025-01-29T12:00:03.000Z', source: 'remote.agent',
  type: 'user_message', agent: 'claude-code', schema_version: 2, session_id: 'own',
});

describe.each([[8, 'delete'], [9, 'delete'], [9, 'wal']] as const)('tt.db of schema %i in journal mode %s', (version, journal) => {
  it('becomes events; what it says of sessions that we read ourselves does not count, whichever came first', async () => {
    await tt(['import'], OWN);
    const legacy = legacyDatabase(version, journal);
    const run = await tt(['import', '--legacy', legacy.file]);
    legacy.close();
    expect(run).toMatchObject({ code: 0, stderr: 'Imported 5 new events (0 duplicates, 0 malformed lines)\n' });
    expect(await events()).toMatchObject([
      { type: 'tmux_pane_focus', cwd: '/p', pane_id: '%3', tmux_session: 'dev', window_index: 1, machine_id: MACHINE },
      { id: 'own-session_start' }, { type: 'session_metadata', session_id: 'own' },
      { id: 'lost-session_start', type: 'agent_session', action: 'started', session_id: 'lost' },
      { type: 'session_metadata', session_id: 'lost', project_path: '/p', message_count: 4, user_prompts: ['a', 'b'] },
      { type: 'user_message', session_id: 'own' },
    ]);
    expect((await events())[0]).not.toHaveProperty('stream_id');
    expect(query('SELECT session_id, started_at, prompts FROM sessions ORDER BY session_id DESC')).toEqual([
      { session_id: 'own', started_at: null, prompts: 1 }, { session_id: 'lost', started_at: '2025-01-29T12:00:02.000Z', prompts: 0 },
    ]);
    expect(query('SELECT id FROM events WHERE row IN (SELECT row FROM superseded_events)')).toHaveLength(2);
  });

  it('counts once however often it is imported, and is not touched', async () => {
    const legacy = legacyDatabase(version, journal);
    const look = () => readdirSync(home).filter((name) => name.startsWith('tt.db'))
      .map((name) => [name, statSync(join(home, name)).mtimeMs, readFileSync(join(home, name), 'base64')]);
    const before = look();
    await tt(['import', '--legacy', legacy.file]);
    expect((await tt(['import', '--legacy', legacy.file])).stderr).toBe('Imported 0 new events (5 duplicates, 0 malformed lines)\n');
    expect(look()).toEqual(before);
    legacy.close();
  });
});

it.each<[string, () => string]>([
  ['of another schema', () => {
    const { file, close } = legacyDatabase(7, 'delete');
    close();
    return file;
  }],
  ['that is no database', () => import.meta.filename],
  ['that is not there', () => join(home, 'nowhere.db')],
])('a file %s is refused with its reason', async (_what, file) => {
  expect(await tt(['import', '--legacy', file()])).toMatchObject({ code: 1, stderr: expect.stringContaining('can not be read as a database of the earlier tool') as string });
});

it('lines of the earlier tool’s export are events too, and its first types are renamed', async () => {
  await tt(['import'], OWN);
  const base = { timestamp: '2025-01-29T12:00:04Z', source: 'remote.agent' };
  const lines = [
    { ...base, id: 'a', type: 'session_start', session_id: 'other' },
    { ...base, id: 'b', type: 'session_end', session_id: 'other' },
    { ...base, id: `${MACHINE}:remote.agent:user_message:2025-01-29T12:00:04Z:e1`, type: 'user_message', session_id: 'own', length: 2 },
    { type: 'session_metadata', source: 'claude', session_id: 'other', start_time: '2025-01-29T12:00:04Z', machine_id: MACHINE, summary: 's' },
  ];
  expect((await tt(['import'], lines.map((line) => JSON.stringify(line)).join('\n'))).stderr).toBe('Imported 4 new events (0 duplicates, 0 malformed lines)\n');
  expect((await events()).filter(({ session_id }) => session_id === 'other')).toMatchObject([
    { id: 'a', type: 'agent_session', action: 'started', timestamp_raw: '2025-01-29T12:00:04Z' },
    { id: 'b', type: 'agent_session', action: 'ended' },
    { type: 'session_metadata', summary: 's', machine_id: MACHINE },
  ]);
});

it.each(['session_start', 'session_end'])('gives an old %s line the ID that an agent gives it, so that it counts once', (type) => {
  const line = {
    id: `${MACHINE}:remote.agent:${type}:2025-01-29T12:00:04Z:s1`, timestamp: '2025-01-29T12:00:04Z', source: 'remote.agent', type, session_id: 's1',
  };
  expect(parseImported(JSON.stringify(line))).toMatchObject({
    id: `${MACHINE}:remote.agent:agent_session:2025-01-29T12:00:04.000Z:s1`, type: 'agent_session',
  });
});

it('an imported event may be larger than the wire allows, up to 1 MiB, and comes out whole', async () => {
  const large = (bytes: number) => JSON.stringify({ id: `large-${bytes}`, timestamp: '2025-01-29T12:00:04.000Z', source: 'remote.agent', type: 'note', text: 'ü'.repeat(bytes / 2) });
  const run = await tt(['import'], [large(100_000), large(1_000_000), large(1_100_000)].join('\n'));
  expect(run.stderr).toContain('Imported 2 new events (0 duplicates, 1 malformed lines)');
  expect((await events()).map(({ text }) => (text as string).length)).toEqual([50_000, 500_000]);
});
