// The shipped programs, two agents and a real ssh: a rule keeps a session in step while it goes on here and there.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectDirectoryName } from '../../shared/session-file/project-directory.ts';
import { collectorStatus, enrol, readFacts, startAgent, startCollector } from '../support/fleet.ts';
import { chain, isValidChain, linesOf, makeRepository, SESSION, sessionFileOf, text } from '../support/handed-session.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, executableOf, killAll, runCommand } from '../support/processes.ts';
import { hasSshd, openRealSshd, type RealSshd } from '../support/real-sshd.ts';
import { until } from '../support/until.ts';

let laptop: MachineHome;
let devbox: MachineHome;
let sshd: RealSshd;

beforeAll(ensureExecutables, 120_000);

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** As if it had been written an hour ago. */
function age(path: string): void {
  utimesSync(path, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);
}

async function uuidsIn(path: string, count: number): Promise<unknown[]> {
  await until(`${count} lines in ${path}`, () => existsSync(path) && linesOf(path).length === count, { timeoutMs: 40_000 });
  return linesOf(path).map(({ uuid }) => uuid);
}

// CI installs sshd.
describe.skipIf(!hasSshd)('a rule', { timeout: 120_000 }, () => {
  beforeEach(async () => {
    devbox = createMachineHome('devbox');
    const { HOME = '', XDG_STATE_HOME = '', XDG_DATA_HOME = '', XDG_CONFIG_HOME = '' } = devbox.environment;
    sshd = await openRealSshd({ environment: { HOME, XDG_STATE_HOME, XDG_DATA_HOME, XDG_CONFIG_HOME, TMPDIR: HOME } });
    laptop = createMachineHome('laptop', { PATH: `${sshd.binDir}:${process.env['PATH'] ?? ''}` });
  });
  afterEach(async () => {
    await killAll();
    await sshd[Symbol.asyncDispose]();
    laptop.remove();
    devbox.remove();
  });

  it('keeps a session in step that goes on here and there, and no number changes by the copies', async () => {
    const [here, there] = [makeRepository(laptop.home, 'src/shop'), makeRepository(devbox.home, 'work/shop')];
    write(sessionFileOf(laptop, here), text(chain([], 4, { name: 'a', cwd: here, atMs: Date.now() - 7_200_000 })));
    age(sessionFileOf(laptop, here));
    write(laptop.paths.configFile, '[sync]\nrepositories = ["shop"]\nmachines = ["devbox"]\n');
    write(devbox.paths.configFile, 'archive = true\n');

    let collector = await startCollector(laptop);
    await enrol(laptop, laptop, 'laptop');
    await enrol(laptop, devbox, 'devbox');
    await collector.stop();
    // As a `tt sync devbox` notes it.
    const machines = JSON.parse(readFileSync(laptop.paths.machinesFile, 'utf8')) as { machines: { label: string }[] };
    write(laptop.paths.machinesFile, JSON.stringify({ ...machines, machines: machines.machines.map((row) => (row.label === 'devbox' ? { ...row, sync_host: 'devbox', archive: true } : row)) }));
    copyFileSync(executableOf('tt-agent'), join(devbox.paths.dataDir, 'tt-agent.mjs'));
    collector = await startCollector(laptop);
    await Promise.all([startAgent(laptop), startAgent(devbox)]);
    const stepOf = async () => (await collectorStatus(laptop)).machines.find(({ label }) => label === 'devbox')?.in_step;
    await until('the owner to be asked', async () => (await stepOf())?.hint?.includes('receive = true') === true, { timeoutMs: 40_000 });
    expect((await runCommand(laptop, 'tt', ['status'])).stdout).toContain('devbox: sessions are not kept in step: devbox: this machine takes no sessions of others');
    expect((await runCommand(laptop, 'tt', ['doctor'])).stdout).toContain('receive = true');
    expect(collector.stderr().match(/sessions are not kept in step/g)).toHaveLength(1);

    write(devbox.paths.configFile, 'archive = true\nreceive = true\n');
    await collector.stop();
    collector = await startCollector(laptop);
    expect(await uuidsIn(sessionFileOf(devbox, there), 4)).toEqual(['a-0', 'a-1', 'a-2', 'a-3']);
    expect(linesOf(sessionFileOf(devbox, there)).map(({ cwd }) => cwd)).toEqual([there, there, there, there]);

    const more = chain(readFileSync(sessionFileOf(devbox, there), 'utf8').trimEnd().split('\n'), 2, { name: 'b', cwd: there, atMs: Date.now() - 3_700_000 });
    appendFileSync(sessionFileOf(devbox, there), text(more.slice(4)));
    age(sessionFileOf(devbox, there));
    const archived = join(laptop.paths.archiveDir, devbox.machineId(), 'projects', projectDirectoryName(there), `${SESSION}.jsonl`);
    await uuidsIn(archived, 6);
    const settled = async (): Promise<string[]> => {
      for (const home of [laptop, devbox]) await runCommand(home, 'tt-agent', ['look']);
      await until('both to have sent all', async () => (await collectorStatus(laptop)).machines.every(({ connected, backlog_bytes: bytes }) => connected && bytes === 0), { timeoutMs: 40_000 });
      return readFacts(laptop.paths.database).facts.toSorted();
    };
    const facts = await settled();
    await collector.stop();
    collector = await startCollector(laptop);
    expect(await uuidsIn(sessionFileOf(laptop, here), 6)).toEqual(['a-0', 'a-1', 'a-2', 'a-3', 'b-0', 'b-1']);
    expect([isValidChain(linesOf(sessionFileOf(laptop, here))), new Set(linesOf(sessionFileOf(laptop, here)).map(({ cwd }) => cwd))]).toEqual([true, new Set([here])]);
    expect(await settled()).toEqual(facts);
    expect(await stepOf()).toMatchObject({ problem: null, looked_at: expect.any(String) as string });
    expect((await runCommand(laptop, 'tt', ['sessions', 'sync']))).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});
