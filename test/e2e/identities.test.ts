// Machines that are not who they seem: copied, on a shared home, put back to yesterday, with a clock
// that is hours off. Each works, or is told what to do; and nothing is lost either way.
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentStatusSchema, type AgentStatus } from '../../shared/status.ts';
import { createClaudeWriter, hookLine, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, enrol, startAgent, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { onHost, otherHostProblem } from '../support/other-host.ts';
import { ensureExecutables, killAll, runCommand, startProgram, type StartOptions } from '../support/processes.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const noHosts = otherHostProblem();
const seed = freshSeed();
let laptop: MachineHome;
let devbox: MachineHome;
let writer: ClaudeWriter;
const directories: string[] = [];

beforeEach(async () => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
  writer = writerOf(devbox.projects, seed);
  await startCollector(laptop);
});
afterEach(async () => {
  await killAll();
  for (const home of [laptop, devbox]) home.remove();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function writerOf(projects: string, withSeed: number): ClaudeWriter {
  return createClaudeWriter({ projects, random: seededRandom(withSeed) });
}

function directory(name: string): string {
  const made = mkdtempSync(join(tmpdir(), `tt-${name}-`));
  directories.push(made);
  return made;
}

function write(to: ClaudeWriter, actions = 30): void {
  for (let at = 0; at < actions; at += 1) to.act();
  to.settle();
}

/** A hook's line into the log in `dataDir`, with the machine's ID in front as hooks write it. */
function hook(dataDir: string, machine: string, second: number): string {
  const { text } = hookLine(machine, Date.parse('2026-11-01T10:00:00.000Z') + second * 1000, '%1', '/home/dev/app');
  const line = JSON.parse(text) as { id: string };
  appendFileSync(join(dataDir, 'events.jsonl'), `${JSON.stringify({ ...line, id: `${machine}:${line.id}` })}\n`);
  return line.id;
}

async function agentStatus(home: MachineHome, options: StartOptions = {}): Promise<AgentStatus> {
  const { stdout } = await runCommand(home, 'tt-agent', ['status', '--json'], options);
  return agentStatusSchema.parse(JSON.parse(stdout));
}

describe(`a copied machine (SEED=${seed})`, () => {
  it('is told to be one of its own, the original stays, and when it is told so nothing of either is lost', async ({ skip }) => {
    if (noHosts !== undefined) skip(noHosts);
    await enrol(laptop, devbox, 'devbox');
    mkdirSync(devbox.paths.dataDir, { recursive: true });
    const original = devbox.machineId();
    const facts = new Set([`${original}:${hook(devbox.paths.dataDir, original, 1)}`]);
    write(writer);
    const agent = await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => new Set([...facts, ...writer.facts]));
    await until('a checkpoint', async () => (await agentStatus(devbox)).drained_at !== null && existsSync(join(devbox.paths.checkpointDir, 'journal.jsonl')));
    await agent.stop();
    const image = directory('image');
    cpSync(devbox.directory, image, { recursive: true, preserveTimestamps: true });

    // Both run, each at the same paths.
    const copy: StartOptions = { under: onHost({ name: 'copy', places: { [devbox.directory]: image } }) };
    const dataOfCopy = join(image, devbox.paths.dataDir.slice(devbox.directory.length));
    const writerOfCopy = writerOf(join(image, devbox.projects.slice(devbox.directory.length)), seed + 1);
    await startAgent(devbox);
    const clone = startProgram(devbox, 'tt-agent', ['run'], copy);
    await clone.ready;
    write(writer);
    write(writerOfCopy);
    facts.add(`${original}:${hook(devbox.paths.dataDir, original, 2)}`);
    const onCopy = hook(dataOfCopy, original, 3);
    await until('the copy to be told', async () => (await agentStatus(devbox, copy)).problems.some((problem) => problem.includes('tt-agent init --new-identity')));
    const { machines } = await collectorStatus(laptop);
    expect(machines).toMatchObject([{ label: 'devbox', connected: true, problem: expect.stringContaining('two agents have the identity of devbox') as string }]);
    const check = await runCommand(laptop, 'tt', ['status', '--check']);
    expect(check).toMatchObject({ code: 4, stdout: expect.stringContaining('devbox: two agents') as string });
    await untilAgreed(laptop.paths.database, () => new Set([...facts, ...writer.facts]));

    // It does as it was told.
    await clone.stop();
    const renamed = await runCommand(devbox, 'tt-agent', ['init', '--new-identity', '--label', 'copy'], copy);
    expect(renamed, `it wrote: ${renamed.stderr}`).toMatchObject({ code: 0 });
    const own = /Machine ID: (\S+)/.exec(renamed.stdout)?.[1] ?? '';
    expect(own).not.toBe(original);
    await enrol(laptop, devbox, 'copy', copy);
    await startAgent(devbox, copy);
    facts.add(`${own}:${onCopy}`);
    facts.add(`${own}:${hook(dataOfCopy, own, 4)}`);
    write(writerOfCopy);
    write(writer);
    await untilAgreed(laptop.paths.database, () => new Set([...facts, ...writer.facts, ...writerOfCopy.facts]));
    expect((await collectorStatus(laptop)).machines.map(({ label, connected }) => [label, connected])).toEqual([['copy', true], ['devbox', true]]);
  }, 120_000);
});

describe(`a home that two hosts share (SEED=${seed})`, () => {
  it('has one agent; the other host is told how to have its own, and the logs of the home count once', async ({ skip }) => {
    if (noHosts !== undefined) skip(noHosts);
    const boot = join(directory('boot'), 'boot_id');
    writeFileSync(boot, '11111111-2222-4333-8444-555555555555\n');
    const there = onHost({ name: 'second-host', places: { '/proc/sys/kernel/random/boot_id': boot } });
    await enrol(laptop, devbox, 'devbox');
    write(writer);
    await startAgent(devbox);
    const refused = await runCommand(devbox, 'tt-agent', ['run'], { under: there });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/an agent of \S+ works in this state directory/);
    expect(refused.stderr).toMatch(/the home is shared: give each host its own XDG_DATA_HOME and XDG_STATE_HOME/);

    const own = directory('own');
    const second: StartOptions = { under: there, environment: { XDG_DATA_HOME: join(own, 'share'), XDG_STATE_HOME: join(own, 'state') } };
    await enrol(laptop, devbox, 'second', second);
    await startAgent(devbox, second);
    write(writer);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    await until('both to have sent everything', async () => {
      const { machines } = await collectorStatus(laptop);
      return machines.length === 2 && machines.every(({ state, backlog_bytes: bytes }) => state === 'live' && bytes === 0);
    });
    await untilAgreed(laptop.paths.database, () => writer.facts);
  }, 120_000);
});

describe(`a machine that was put back to an earlier day (SEED=${seed})`, () => {
  it.each([['its state alone', 'state'], ['all of it, its logs too', 'all']])('%s: sends what is new since, keeps what was stored, and nothing counts twice', async (_, what) => {
    await enrol(laptop, devbox, 'devbox');
    write(writer);
    const agent = await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    await agent.stop();
    const snapshot = directory('snapshot');
    const part = what === 'all' ? devbox.directory : devbox.paths.stateDir;
    cpSync(part, snapshot, { recursive: true, preserveTimestamps: true });

    write(writer, 60);
    const later = await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    await later.stop();
    rmSync(part, { recursive: true });
    cpSync(snapshot, part, { recursive: true, preserveTimestamps: true });

    // The same files go on differently now, and new ones come.
    const second = writerOf(devbox.projects, seed + 2);
    const there = writer.sessions.filter(({ path }) => existsSync(path) && !path.includes('subagents'));
    for (const { sessionId, cwd, version } of there.slice(0, 3)) second.session({ sessionId, cwd, version }).burst(12);
    write(second);
    await startAgent(devbox);
    const all = new Set([...writer.facts, ...second.facts]);
    expect((await untilAgreed(laptop.paths.database, () => all)).facts).toHaveLength(all.size);
  }, 120_000);
});

const LIBRARY = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
  .map((directoryOfLibraries) => join(directoryOfLibraries, 'faketime', 'libfaketimeMT.so.1')).find((path) => existsSync(path));

describe(`a clock that is two hours off (${LIBRARY === undefined ? 'skipped: libfaketime is not installed' : `SEED=${seed}`})`, () => {
  it.each([['ahead', '+7200', 7_200_000], ['behind', '-7200', -7_200_000]])('%s: the machine joins and sends all the same, and is marked', { skip: LIBRARY === undefined, timeout: 120_000 }, async (words, offset, expected) => {
    const wrong: StartOptions = {
      environment: { LD_PRELOAD: LIBRARY ?? '', FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1', FAKETIME_NO_CACHE: '1' },
    };
    await enrol(laptop, devbox, 'devbox', wrong);
    const agent = await startAgent(devbox, wrong);
    write(writer, 60);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    const [machine] = (await collectorStatus(laptop)).machines;
    expect(machine?.connected).toBe(true);
    expect(Math.abs((machine?.clock_offset_ms ?? 0) - expected)).toBeLessThan(60_000);
    const { stdout } = await runCommand(laptop, 'tt', ['status']);
    expect(stdout).toMatch(new RegExp(`clock (1|2) h ${words}`));
    // Set right while nothing runs: it goes on where it was.
    await agent.stop();
    write(writer);
    await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
  });
});
