import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { READING_COMMANDS } from '../../../collector/commands/reading-commands.ts';
import { openMachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { parseMachineId } from '../../../shared/ids.ts';
import { resolvePaths, type Paths } from '../../../shared/paths.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { collectorStatusSchema } from '../../../shared/status.ts';
import { runCommand, type CommandRun, type RunOptions } from '../../support/command-run.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MACHINE = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';

let home: string;
let paths: Paths;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-read-'));
  paths = resolvePaths({}, home);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const tt = (argv: readonly string[], options?: RunOptions): Promise<CommandRun> => runCommand(READING_COMMANDS, argv, home, options);
const toLines = (events: readonly unknown[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const idsOf = (run: CommandRun): string[] => parseLines(run).map((event) => String((event as { id: string }).id));
const parseLines = (run: CommandRun): unknown[] => run.stdout.split('\n').filter((line) => line !== '').map((line): unknown => JSON.parse(line));

interface Fields {
  machine?: string;
  source?: string;
  type?: string;
  second?: number;
  name?: string;
  [key: string]: unknown;
}

function event({ machine = MACHINE, second = 0, name = 'x', source = 'remote.tmux', type = 'tmux_pane_focus', ...more }: Fields = {}): Record<string, unknown> & { id: string } {
  const timestamp = `2026-01-05T11:00:${String(second).padStart(2, '0')}.000Z`;
  return { id: `${machine}:${source}:${type}:${timestamp}:${name}`, timestamp, source, type, ...more };
}

describe('import, then events --json', () => {
  const events = [
    event({ name: '%3', cwd: '/home/user/project', pane_id: '%3', tmux_session: 'dev', window_index: 1 }),
    event({ second: 1, type: 'a_type_of_tomorrow', source: 'remote.new', unknown: { deep: [1, null, { 'a.b': '$' }] }, data: { cwd: 7 } }),
    event({ second: 2, source: 'remote.agent', type: 'user_message', agent: 'claude-code', session_id: 's1', schema_version: 2, text: 'naïve 🙂 \u0000 "\\', length: 3 }),
    event({ second: 3, machine: OTHER, cwd: '', stream_id: 's', assignment_source: 'user', machine_id: OTHER }),
    { id: 's9-user_message-1767610804000', timestamp: '2026-01-05T11:00:04.000Z', source: 'claude', type: 'user_message', session_id: 's9', machine_id: MACHINE },
    { id: 'no grammar at all', timestamp: '2026-01-05T11:00:05.000Z', source: 'elsewhere', type: 'note', ['__proto__']: { x: 1 } },
    event({ second: 6, name: 'a:b:c', false: false, zero: 0, empty: '', null: null, list: [] }),
  ];

  it('gives back every key and value', async () => {
    const imported = await tt(['import'], { stdin: toLines(events) });
    expect(imported).toMatchObject({ code: 0, stderr: 'Imported 7 new events (0 duplicates, 0 malformed lines)\n' });
    expect(parseLines(await tt(['events', '--json']))).toEqual(parseLines({ code: 0, stderr: '', stdout: toLines(events) }));
  });

  it('of its own export is the same database again, on another machine too', async () => {
    await tt(['import'], { stdin: toLines(events) });
    const exported = (await tt(['events', '--json'])).stdout;
    expect((await tt(['import'], { stdin: exported })).stderr).toContain('Imported 0 new events (7 duplicates');
    const other = mkdtempSync(join(home, 'other-'));
    await runCommand(READING_COMMANDS, ['import'], other, { stdin: exported });
    expect((await runCommand(READING_COMMANDS, ['events', '--json'], other)).stdout).toBe(exported);
  });

  it('prints a timestamp of another form anew and keeps the original', async () => {
    const line = { id: `${MACHINE}:remote.agent:user_message:2026-01-05T12:00:00+01:00:u`, timestamp: '2026-01-05T12:00:00+01:00', source: 'remote.agent', type: 'user_message' };
    await tt(['import'], { stdin: toLines([line]) });
    expect(parseLines(await tt(['events', '--json']))).toEqual([{
      id: `${MACHINE}:remote.agent:user_message:2026-01-05T11:00:00.000Z:u`, timestamp: '2026-01-05T11:00:00.000Z',
      source: 'remote.agent', type: 'user_message', timestamp_raw: '2026-01-05T12:00:00+01:00',
    }]);
  });
});

describe('a file with bad lines', () => {
  it('loses no good line, names the bad ones and keeps them', async () => {
    const file = join(home, 'in.jsonl');
    const bad = ['not json', '[]', '{"id":"x"}', '{"id":"x","type":"t","source":"s","timestamp":"noon"}', JSON.stringify(event({ cwd: 7 }))];
    const content = Buffer.concat([
      Buffer.from(toLines([event({ name: 'first' })])), Buffer.from(`${bad.join('\n')}\n\n   \n`),
      Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]), Buffer.from(JSON.stringify(event({ name: 'no newline at the end' }))),
    ]);
    writeFileSync(file, content);
    const run = await tt(['import', file, '--json']);
    expect(run).toMatchObject({ code: 0, stderr: 'Imported 2 new events (0 duplicates, 6 malformed lines)\nNot events, kept as dead letters: lines 2, 3, 4, 5, 6, 9\n' });
    expect(JSON.parse(run.stdout)).toEqual({ schema: 1, read: 8, stored: 2, duplicates: 0, forgotten: 0, malformed: 6, malformed_lines: [2, 3, 4, 5, 6, 9] });
    using letters = openDatabase();
    expect(letters.all('SELECT body FROM dead_letter ORDER BY row')).toEqual([...bad, 'not UTF-8, in base64 e//+fQ=='].map((body) => ({ body })));
  });

  it('is read on behind a line that is much too long', async () => {
    const long = JSON.stringify(event({ text: 'x'.repeat(1_300_000) }));
    const run = await tt(['import'], { stdin: `${long}\n${toLines([event()])}` });
    expect(run.stderr).toContain('Imported 1 new events (0 duplicates, 1 malformed lines)');
  });

  it('and nothing else is said to be no export, and fails', async () => {
    const file = join(home, 'notes.txt');
    writeFileSync(file, 'dear diary\n\nnothing\n');
    const run = await tt(['import', file, '--json']);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining(`${file} is no export: none of its 2 lines is an event`) as string });
    expect(JSON.parse(run.stdout)).toMatchObject({ read: 2, stored: 0, malformed: 2 });
    expect(await tt(['import'], { stdin: '\n' })).toMatchObject({ code: 0 });
    expect(await tt(['import'], { stdin: toLines([event()]) })).toMatchObject({ code: 0 });
    expect(await tt(['import'], { stdin: toLines([event()]) })).toMatchObject({ code: 0, stderr: expect.stringContaining('1 duplicates') as string });
  });

  it('that is not there is an error with its reason', async () => {
    expect(await tt(['import', join(home, 'nowhere')])).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no ') as string });
  });
});

function openDatabase() {
  const database = new Sqlite(paths.database, { readonly: true });
  return { all: (sql: string) => database.prepare(sql).all(), [Symbol.dispose]: () => void database.close() };
}

describe('events', () => {
  const many = Array.from({ length: 600 }, (_, i) => event({ machine: i % 3 === 0 ? OTHER : MACHINE, second: i % 60, name: `e${String(i).padStart(3, '0')}` }));

  it('come in order of time over machines and pages', async () => {
    await tt(['import'], { stdin: toLines(many) });
    const run = await tt(['events', '--json']);
    const times = parseLines(run).map((line) => (line as { timestamp: string }).timestamp);
    expect(times).toEqual(times.toSorted());
    expect(new Set(idsOf(run)).size).toBe(600);
    expect(idsOf(await tt(['events', '--json', '--limit', '7']))).toEqual(idsOf(run).slice(-7));
    expect(idsOf(await tt(['events', '--json', '--machine', OTHER]))).toHaveLength(200);
    expect(idsOf(await tt(['events', '--json', '--since', '2026-01-05T11:00:58Z']))).toHaveLength(20);
    expect((await tt(['events'])).stdout.trimEnd().split('\n')).toHaveLength(50);
  });

  it('are shown with the labels of the machines, and without escape sequences', async () => {
    await tt(['import'], { stdin: toLines([event()]) });
    await enrol('devbox', MACHINE);
    await tt(['import'], { stdin: toLines([event({ name: 'hostile', text: '\u001b[2Jred\u0007\u202e' })]) });
    const { stdout } = await tt(['events', '--machine', 'devbox']);
    expect(stdout).toMatch(/ devbox +tmux_pane_focus +\S.*red/);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });

  it.each([['--machine', 'nobody'], ['--limit', '-1'], ['--since', 'soon']])('refuse %s %s as a mistake in use', async (...flag) => {
    await tt(['import'], { stdin: toLines([event()]) });
    expect(await tt(['events', ...flag])).toMatchObject({ code: 2, stdout: '' });
  });

  it.each([['--json'], ['--limit', '600']])('%s end where they are stopped, and say so', async (...flags) => {
    await tt(['import'], { stdin: toLines(many) });
    const stop = new AbortController();
    const run = await tt(['events', ...flags], { stop: stop.signal, onStdout: () => stop.abort() });
    expect(run.code).toBe(130);
    expect(run.stdout.split('\n').filter((line) => line !== '')).toHaveLength(1);
  });

  it('without a database says what to do', async () => {
    expect(await tt(['events'])).toMatchObject({ code: 1, stderr: expect.stringContaining('tt collector run') as string });
  });

  it('--follow prints what arrives later, each once, until it is told to stop', async () => {
    await tt(['import'], { stdin: toLines([event({ name: 'before' })]) });
    const [clock, stop] = [new ManualClock(), new AbortController()];
    let text = '';
    let whenPrinted = (): void => {};
    const printed = (name: string): Promise<void> => new Promise((resolve) => {
      whenPrinted = () => (text.includes(name) ? resolve() : undefined);
      whenPrinted();
    });
    const run = tt(['events', '--json', '--follow'], { clock, stop: stop.signal, onStdout: (more) => {
      text += more;
      whenPrinted();
    } });
    await printed('before');
    // A late one: older than what is there, and new all the same.
    await tt(['import'], { stdin: toLines([{ ...event({ name: 'late' }), id: 'late', timestamp: '2020-01-01T00:00:00.000Z' }]) });
    clock.advance(1000);
    await printed('late');
    stop.abort();
    clock.advance(1000);
    expect(idsOf(await run)).toEqual([event({ name: 'before' }).id, 'late']);
  });
});

async function enrol(label: string, machineId: string): Promise<void> {
  const { publicKey } = await createKeyPair();
  openMachineRegistry(paths.machinesFile).enrol({ machineId: parseMachineId(machineId)!, label, publicKey, nowMs: Date.UTC(2026, 0, 1) });
}

describe('status with the collector stopped', () => {
  it('before the first start says what to do', async () => {
    expect(await tt(['status'])).toMatchObject({ code: 0, stdout: expect.stringContaining('tt collector run') as string });
    expect(readdirSync(home)).toEqual([]);
  });

  it('tells what the files tell, and null for what only a connection tells', async () => {
    await tt(['import'], { stdin: toLines([event(), 'bad']) });
    await enrol('devbox', MACHINE);
    await enrol('spare', OTHER);
    const run = await tt(['status', '--json']);
    const status = collectorStatusSchema.parse(JSON.parse(run.stdout));
    expect(status).toMatchObject({ running: false, ingest_port: null, ui_port: null, complete_until: null });
    expect(status.machines).toMatchObject([
      { label: 'devbox', state: 'away', connected: false, last_event_at: '2026-01-05T11:00:00.000Z', events_today: 1, lag_ms: null, backlog_bytes: null },
      { label: 'spare', state: 'never_seen', last_event_at: null, events_today: 0 },
    ]);
    const { stdout } = await tt(['status']);
    expect(stdout.split('\n')[0]).toBe('The collector is not running: nothing is being collected. How complete the data is, is not known for devbox, spare.');
    expect(stdout).toMatch(/devbox +○ away +1 h ago +– +– +1 +0 +0 +–/);
    const check = await tt(['status', '--check']);
    expect(check).toMatchObject({ code: 4, stdout: 'the collector is not running: tt collector run\n' });
    expect(await tt(['status', '--strict'])).toEqual(check);
    expect(await tt(['status', '--check', '--json'])).toEqual({ ...run, code: 4 });
  });

  it.each(['--check', '--strict'])('refuses --watch with %s: one goes on, the other ends', async (flag) => {
    expect(await tt(['status', '--watch', flag])).toMatchObject({ code: 2, stdout: '' });
  });

  it('reads and leaves the data as they were', async () => {
    await tt(['import'], { stdin: toLines([event()]) });
    const before = readFileSync(paths.database);
    await tt(['status']);
    await tt(['events']);
    expect(readFileSync(paths.database).equals(before)).toBe(true);
    expect(statSync(paths.database).mode & 0o077).toBe(0);
  });
});

describe('the page', () => {
  it('needs a running collector, and says so', async () => {
    expect(await tt(['open', '--print'])).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('tt collector run') as string });
  });
});
