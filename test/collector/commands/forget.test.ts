import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCollector } from '../../../collector/collector.ts';
import { COMMANDS } from '../../../collector/commands/table.ts';
import { openMachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { openPage } from '../../../collector/http/page.ts';
import { openStore } from '../../../collector/writer/open-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { configSchema } from '../../../shared/config.ts';
import { silentLog } from '../../../shared/log.ts';
import { resolvePaths, type Paths } from '../../../shared/paths.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { runCommand, type CommandRun, type RunOptions } from '../../support/command-run.ts';
import { noTunnelling } from '../../support/no-tunnels.ts';
import { START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';
import { openWriterChannel } from '../../support/writer-in-process.ts';

const MACHINE = testMachine(1);
const [GOES, STAYS] = ['aaaa1111-0000-4000-8000-000000000001', 'aaaa2222-0000-4000-8000-000000000002'];
const SECRET = 'quetzalcoatl';

let home: string;
let paths: Paths;
const lineOf = (session: string, name: string, cwd: string, text: string): string =>
  JSON.stringify(testEvent({ machineId: MACHINE, type: 'user_message', discriminator: name, at: START_MS }, { session_id: session, cwd, text }));
const LINES = [lineOf(GOES, 'a', '/home/me/shop', SECRET), lineOf(GOES, 'b', '/home/me/shop/src', SECRET), lineOf(STAYS, 'c', '/home/me/shopping', 'ordinary')].join('\n');

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tt-forget-'));
  paths = resolvePaths({}, home);
  await tt(['import'], { stdin: LINES });
  const { publicKey } = await createKeyPair();
  openMachineRegistry(paths.machinesFile).enrol({ machineId: MACHINE, label: 'devbox', publicKey, nowMs: START_MS });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const tt = (argv: readonly string[], options?: RunOptions): Promise<CommandRun> => runCommand(COMMANDS, argv, home, options);
const sessions = async (): Promise<string[]> => [...new Set((await tt(['events', '--json'])).stdout.trim().split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as { session_id: string }).session_id))];
const isInFile = (text: string): boolean => ['', '-wal', '-shm'].some((suffix) => existsSync(paths.database + suffix) && readFileSync(paths.database + suffix).includes(text));

describe('tt forget', () => {
  it('counts first and removes nothing without being told to', async () => {
    const dry = await tt(['forget', GOES, '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stdout: `session ${GOES}: 2 events, 0 copies, 1 session, 0 responses, 0 session states, 0 assignments, 0 dead letters, 0 gaps\n` });
    expect(await tt(['forget', GOES])).toMatchObject({ code: 2, stdout: dry.stdout, stderr: expect.stringContaining('--yes') as string });
    expect(await tt(['forget', GOES], { isTerminal: true, stdin: 'no\n' })).toMatchObject({ code: 1, stdout: `${dry.stdout}nothing was forgotten\n` });
    expect(await sessions()).toEqual([GOES, STAYS]);
  });

  it('asks a person, and takes yes', async () => {
    const run = await tt(['forget', 'aaaa1'], { isTerminal: true, stdin: 'yes\n' });
    expect(run).toMatchObject({ code: 0, stderr: 'All this will be removed for good. Type yes: ' });
    expect(run.stdout).toContain('forgotten; it stays out until: tt forget aaaa1 --undo\n');
    expect(await sessions()).toEqual([STAYS]);
    expect(isInFile(SECRET)).toBe(false);
    expect(isInFile('ordinary')).toBe(true);
  });

  it('is ended by Ctrl-C at its question, whatever is typed then', async () => {
    const stop = new AbortController();
    const run = await tt(['forget', GOES], { isTerminal: true, stdin: 'yes\n', stop: stop.signal, onStdout: () => stop.abort() });
    expect(run).toMatchObject({ code: 130, stderr: expect.stringMatching(/Type yes: \ntt: stopped at the question; nothing was done\n/) as string });
    expect(await sessions()).toEqual([GOES, STAYS]);
  });

  it('keeps out what is imported again, lists it, and lets it in again', async () => {
    await tt(['forget', GOES, '--yes']);
    const again = await tt(['import'], { stdin: LINES });
    expect(again.stderr).toBe('Imported 0 new events (1 duplicates, 0 malformed lines)\n2 left out, because they were forgotten (tt forget --list)\n');
    expect(isInFile(SECRET)).toBe(false);
    expect(JSON.parse((await tt(['forget', '--list', '--json'])).stdout)).toEqual({
      schema: 1, tombstones: [{ scope: 'session', value: GOES, forgotten_at: '2026-01-05T12:00:00.000Z', finished_at: '2026-01-05T12:00:00.000Z' }],
    });
    expect((await tt(['forget', '--list'])).stdout).toContain(`session ${GOES}`);
    expect((await tt(['forget', GOES, '--undo'])).stdout).toContain('tt machines rewind');
    expect(await tt(['forget', '--list'])).toMatchObject({ stdout: 'nothing was forgotten\n' });
    expect((await tt(['import'], { stdin: LINES })).stderr).toContain('Imported 2 new events');
  });

  it('of a project names what else may hold it', async () => {
    writeFileSync(`${paths.database}.before-20260101T000000Z`, '');
    const run = await tt(['forget', '/home/me/shop/', '--yes', '--json']);
    expect(JSON.parse(run.stdout)).toMatchObject({ schema: 1, target: { scope: 'project', value: '/home/me/shop' }, dry_run: false, events: 2, removed: 2, clean: true });
    expect(await sessions()).toEqual([STAYS]);
    expect((await tt(['forget', '/home/me/shop', '--yes'])).stdout).toContain(`rm ${paths.database}.before-20260101T000000Z*`);
  });

  it('of a machine leaves its enrolment, and says so', async () => {
    expect((await tt(['forget', 'devbox', '--yes'])).stdout).toContain('tt machines revoke devbox\n');
    expect(await sessions()).toEqual([]);
    expect((await tt(['machines'])).stdout).toContain('devbox');
    expect((await tt(['forget', '--list'])).stdout).toContain('machine devbox');
  });

  it.each([
    ['what nobody knows', ['forget', 'nothing'], 'nothing here is called'],
    ['what could be two things', ['forget', 'aaaa', '--yes'], 'could be'],
    ['too short a name', ['forget', 'aaa', '--yes'], 'nothing here is called'],
    ['a machine that is none', ['forget', GOES, '--as', 'machine'], 'nothing here is called'],
    ['everything', ['forget', '/', '--yes'], 'is not the path of a project'],
    ['a path without its beginning', ['forget', 'shop', '--as', 'project'], 'absolute path'],
    ['what was not forgotten', ['forget', GOES, '--undo'], 'was not forgotten'],
    ['no name', ['forget'], 'forget what?'],
  ])('refuses %s', async (_what, argv, words) => {
    expect(await tt(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) as string });
    expect(await sessions()).toEqual([GOES, STAYS]);
  });

  it('works the same through a running collector, whose page goes on reading', async () => {
    const collector = await openCollector({ paths, config: configSchema.parse({ ingest_port: 0, ui_port: 0 }) }, {
      clock: systemClock, log: silentLog, openPage, tunnelling: noTunnelling, startWriter: (database) => openWriterChannel(systemClock, () => openStore(database, systemClock)),
    });
    try {
      const run = await tt(['forget', GOES, '--yes', '--json']);
      expect(JSON.parse(run.stdout)).toMatchObject({ removed: 2, clean: true });
      expect(isInFile(SECRET)).toBe(false);
      expect(await sessions()).toEqual([STAYS]);
      expect(await tt(['forget', '--compact'])).toMatchObject({ code: 0, stdout: expect.stringContaining('written anew') as string });
    } finally {
      await collector.close();
    }
  });
});
