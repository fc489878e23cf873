import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCollector, type Collector } from '../../../collector/collector.ts';
import { COMMANDS } from '../../../collector/commands/table.ts';
import { openPage } from '../../../collector/http/page.ts';
import { openStore } from '../../../collector/writer/open-store.ts';
import { runProgram } from '../../../shared/cli.ts';
import { systemClock } from '../../../shared/clock.ts';
import { configSchema, type Config } from '../../../shared/config.ts';
import { silentLog } from '../../../shared/log.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import { machineAddedSchema } from '../../../shared/status.ts';
import { testIo } from '../../support/command-io.ts';
import { noTunnelling } from '../../support/no-tunnels.ts';
import { join as joinMachine } from '../../support/scripted-agent.ts';
import { openWriterChannel } from '../../support/writer-in-process.ts';

let home: string;
let collector: Collector | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-commands-'));
  collector = undefined;
});
afterEach(async () => {
  await collector?.close();
  rmSync(home, { recursive: true, force: true });
});

async function start(config: Partial<Config> = {}): Promise<void> {
  collector = await openCollector({ paths: resolvePaths({}, home), config: configSchema.parse({ ingest_port: 0, ui_port: 0, ...config }) }, {
    clock: systemClock, log: silentLog, openPage, tunnelling: noTunnelling,
    startWriter: (database) => openWriterChannel(systemClock, () => openStore(database, systemClock)),
  });
}

async function tt(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = testIo(home);
  const code = await runProgram({ name: 'tt', summary: '', version: '0', commands: COMMANDS }, argv, io);
  return { code, out: io.out(), err: io.err() };
}

async function added(label: string): Promise<void> {
  const { url, code } = machineAddedSchema.parse(JSON.parse((await tt('machines', 'add', label, '--json')).out));
  await joinMachine(url, code);
}

describe('a home where nothing was ever collected', () => {
  it.each([['collector', 'rebuild'], ['collector', 'backup', 'FILE'], ['gaps', 'accept', '--all']])('gets no database by tt %s %s', async (...argv) => {
    const file = join(home, 'backup.db');
    const { code, err } = await tt(...argv.map((word) => (word === 'FILE' ? file : word)));
    expect(code).toBe(1);
    expect(err).toMatch(/there is no database at .* yet/);
    expect(err).toContain('tt collector run');
    expect([file, resolvePaths({}, home).database].filter((path) => existsSync(path))).toEqual([]);
  });
});

describe('tt machines', () => {
  it('says what to do when there are none', async () => {
    expect(await tt('machines')).toMatchObject({ code: 0, out: 'no machines yet; add one: tt machines add LABEL\n' });
    expect(JSON.parse((await tt('machines', '--json')).out)).toEqual({ schema: 1, machines: [] });
  });

  it('prints the exact command by which a machine joins', async () => {
    await start();
    const { out } = await tt('machines', 'add', 'devbox');
    expect(out).toMatch(/^ {2}tt-agent join http:\/\/127\.0\.0\.1:\d+ --code -$/m);
    // Of its own, so that no command line has it.
    expect(out).toMatch(/^ {2}[0-9a-z-]{31}$/m);
    expect(out).toMatch(/^On devbox, through a tunnel that stays open \(ssh -R (\d+):127\.0\.0\.1:\1 devbox\):$/m);
  });

  it.each(['https://tt.example', 'https://tt.example:8443'])('names no tunnel to %s, which is reached without', async (url) => {
    await start({ ingest_urls: [url] });
    const { out } = await tt('machines', 'add', 'devbox');
    expect(out).toMatch(/^On devbox:$/m);
    expect(out).toContain(`  tt-agent join ${url} --code -\n`);
    expect(out).not.toContain('ssh -R');
  });

  it('needs a running collector to add one, and says how to start it', async () => {
    expect(await tt('machines', 'add', 'devbox')).toMatchObject({ code: 3, err: expect.stringContaining('tt collector run') as string });
  });

  it('lists, renames, retires and revokes, with and without a running collector', async () => {
    await start();
    await added('devbox');
    await added('build');
    expect((await tt('machines', 'rename', 'devbox', 'dev')).out).toBe('devbox is dev now\n');
    expect((await tt('machines', 'retire', 'build')).code).toBe(0);
    await collector?.close();
    expect((await tt('machines', 'revoke', 'dev')).code).toBe(0);
    const { out } = await tt('machines', 'list');
    expect(out.split('\n').map((line) => line.split(/\s+/).slice(0, 2))).toEqual([['MACHINE', 'STATE'], ['dev', 'revoked'], ['build', 'retired'], ['']]);
  });

  it('names the machine it does not know', async () => {
    expect(await tt('machines', 'rewind', 'nobody')).toMatchObject({ code: 2, err: expect.stringContaining('"nobody"') as string });
  });
});

describe('tt collector backup and restore', () => {
  it('take a collector from one home to another', async () => {
    await start();
    await added('devbox');
    const file = join(home, 'backup.db');
    expect(JSON.parse((await tt('collector', 'backup', file, '--json')).out)).toMatchObject({ schema: 1, file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await tt('collector', 'restore', file)).toMatchObject({ code: 1, err: expect.stringContaining('running here already') as string });
    await collector?.close();
    rmSync(join(home, '.local'), { recursive: true });
    expect(JSON.parse((await tt('collector', 'restore', file, '--json')).out)).toEqual({ schema: 1, set_aside: null, took_identity: true, took_machines: true });
    expect((await tt('machines')).out).toContain('devbox');
  });

  it('backs up and rebuilds without a running collector too', async () => {
    await start();
    await added('devbox');
    await collector?.close();
    const file = join(home, 'backup.db');
    expect((await tt('collector', 'backup', file)).code).toBe(0);
    expect(JSON.parse((await tt('collector', 'rebuild', '--json')).out)).toEqual({ schema: 1, events: 0, copies: 0, sessions: 0, responses: 0 });
  });
});
