// A real sshd that forwards nothing, a real ssh, and the shipped programs: `tt sync` fetches what a machine has, and nothing stays running there.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { syncDocumentSchema, type SyncDocument } from '../../shared/sync-document.ts';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, differenceOf, readFacts, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, startProgram, type Finished } from '../support/processes.ts';
import { hasSshd, openRealSshd, type RealSshd } from '../support/real-sshd.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const NO_FORWARDING = ['AllowTcpForwarding no', 'AllowStreamLocalForwarding no'];
const seed = freshSeed();
let laptop: MachineHome;
let remote: MachineHome;
let sshd: RealSshd;
let writer: ClaudeWriter;

// CI installs sshd.
describe.skipIf(!hasSshd)(`tt sync (SEED=${seed})`, { timeout: 180_000 }, () => {
  beforeEach(async () => {
    remote = createMachineHome('remote');
    const { HOME = '', XDG_STATE_HOME = '', XDG_DATA_HOME = '', XDG_CONFIG_HOME = '' } = remote.environment;
    sshd = await openRealSshd({ environment: { HOME, XDG_STATE_HOME, XDG_DATA_HOME, XDG_CONFIG_HOME, TMPDIR: HOME } });
    sshd.configure(NO_FORWARDING);
    await sshd.stop();
    await sshd.start();
    laptop = createMachineHome('laptop', { PATH: `${sshd.binDir}:${process.env['PATH'] ?? ''}` });
    await startCollector(laptop);
    writer = createClaudeWriter({ projects: remote.projects, random: seededRandom(seed) });
  });
  afterEach(async () => {
    await killAll();
    await sshd[Symbol.asyncDispose]();
    for (const home of [laptop, remote]) home.remove();
  });

  const write = (actions: number): void => {
    for (let at = 0; at < actions; at += 1) writer.act();
    writer.settle();
  };
  const stored = (): string[] => readFacts(laptop.paths.database).facts;
  const difference = (): unknown => differenceOf(stored(), writer.facts);
  const sync = (...args: string[]): Promise<Finished> => runCommand(laptop, 'tt', ['sync', ...args]);
  const rowsOf = ({ stdout }: Finished): SyncDocument['hosts'] => syncDocumentSchema.parse(JSON.parse(stdout)).hosts;

  it('fetches everything from a host that forwards nothing and has nothing installed, once, and later what is new', async () => {
    write(40);
    const first = await sync('devbox');
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toMatch(new RegExp(`^devbox: ${stored().length} events new, 0 duplicates, 0 refused\\n$`));
    expect(difference()).toBeUndefined();
    const { machines: [machine] } = await collectorStatus(laptop);
    expect(machine).toMatchObject({ label: 'devbox', connected: false });
    expect(machine?.complete_until).not.toBeNull();

    const before = stored().length;
    write(10);
    const second = await sync('devbox', '--json');
    expect(rowsOf(second)).toEqual([
      { host: 'devbox', machine: 'devbox', state: 'synced', new: stored().length - before, duplicates: 0, refused: 0, bad_lines: 0, gaps: 0, error: null },
    ]);
    expect(difference()).toBeUndefined();
  });

  it('fetches what can be read, and fails by name for what can not', async () => {
    write(10);
    // Its name is no UTF-8: not even root can open what the runtime makes of it.
    const misnamed = Buffer.from(join(remote.projects, 'shop', 'old\xFF.jsonl'), 'latin1');
    mkdirSync(join(remote.projects, 'shop'), { recursive: true });
    writeFileSync(misnamed, '{}\n');
    const result = await sync('devbox');
    expect(result).toMatchObject({ code: 4 });
    expect(result.stderr).toMatch(/devbox: cannot read .*old.*its name is not UTF-8.*\n {2}next: all else is stored/);
    expect(difference()).toBeUndefined();
    expect((await runCommand(laptop, 'tt', ['status'])).stdout).toMatch(/^devbox: cannot read .*its name is not UTF-8/m);
  });

  it('leaves what every agent writes below the directories of tt, and no file or process beside it', async () => {
    write(10);
    expect(await sync('devbox')).toMatchObject({ code: 0 });
    const { home } = remote;
    expect(readdirSync(home).filter((name) => name.startsWith('tt-sync-'))).toEqual([]);
    expect(existsSync(remote.paths.machineKeyFile)).toBe(true);
    expect(existsSync(join(home, '.tmux.conf'))).toBe(false);
    expect(await until('no process of it', () => !sshd.hasSessions())).toBe(true);
  });

  it('killed midway and run again loses nothing and counts nothing twice', async () => {
    write(400);
    for (let round = 0; round < 3; round += 1) {
      const running = startProgram(laptop, 'tt', ['sync', 'devbox']);
      running.ready.catch(() => undefined);
      const count = stored().length;
      await until('some of it', () => stored().length > count || !running.isAlive(), { everyMs: 1 });
      if (round === 1) sshd.killSessions();
      else await running.kill();
      await running.ended;
      write(20);
    }
    // What the killed one left on the remote ends with its connection.
    await until('no process of it', () => !sshd.hasSessions());
    const last = await sync('devbox');
    expect(last).toMatchObject({ code: 0 });
    expect(difference()).toBeUndefined();
  });

  it('goes on with the other hosts when one is down: named, that fails; bare, it is told', async () => {
    write(10);
    const named = await sync('devbox', 'me@127.0.0.1:1', 'nowhere.invalid', '--json');
    expect(named.code).toBe(3);
    expect(rowsOf(named).map(({ host, state }) => ({ host, state }))).toEqual([
      { host: 'devbox', state: 'synced' }, { host: 'me@127.0.0.1:1', state: 'failed' }, { host: 'nowhere.invalid', state: 'failed' },
    ]);
    expect(difference()).toBeUndefined();

    write(10);
    expect(await sync()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^devbox: \d+ events new/) as string });
    expect(difference()).toBeUndefined();
    await sshd.stop();
    expect(await sync()).toMatchObject({ code: 0, stderr: expect.stringMatching(/devbox .*\n {2}next: /) as string });
  });

  it('says so where an agent runs already, and where no collector does', async () => {
    expect(await sync('devbox')).toMatchObject({ code: 0 });
    const agent = await startAgent(remote, { environment: { TT_LOG_LEVEL: 'silent' } });
    const busy = await sync('devbox');
    expect(busy.code).not.toBe(0);
    expect(busy.stderr).toMatch(/agent/);
    await agent.stop();
    await killAll();
    expect(await sync('devbox')).toMatchObject({ code: 3, stderr: expect.stringMatching(/tt collector run/) as string });
  });
});
