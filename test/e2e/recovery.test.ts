// A database that is deleted, restored from an older backup or rolled back refills itself, and so
// does an agent that forgot everything. Nobody has to do anything about it. That agents come back by
// themselves is shown elsewhere: here they are told to look, which spares the wait for their next try.
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { EVENT_LOG_ROTATE_BYTES } from '../../shared/limits.ts';
import { createClaudeWriter, hookLine, type ClaudeWriter } from '../support/claude-writer.ts';
import { enrol, readFacts, startAgent, startCollector, untilAgreed, type RunningCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, startProgram, type RunningProgram } from '../support/processes.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

interface Machine {
  home: MachineHome;
  writer: ClaudeWriter;
  agent: RunningProgram;
}

let laptop: MachineHome;
let collector: RunningCollector;
let devbox: Machine;
let server: Machine;
let isOpen = false;
const seed = freshSeed();
const all = (): Set<string> => new Set([...devbox.writer.facts, ...server.writer.facts]);

// One fleet for all of them: each leaves it running, with everything stored.
beforeEach(async () => {
  if (!isOpen) {
    laptop = createMachineHome('laptop');
    collector = await startCollector(laptop);
    devbox = await addMachine('devbox', seed);
    server = await addMachine('server', seed + 1);
    isOpen = true;
  }
  write(40);
  await untilAgreed(laptop.paths.database, all);
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await closeFleet();
});
afterAll(closeFleet);

async function closeFleet(): Promise<void> {
  isOpen = false;
  await killAll();
  for (const home of [laptop, devbox?.home, server?.home]) home?.remove();
}

async function addMachine(label: string, withSeed: number): Promise<Machine> {
  const home = createMachineHome(label);
  await enrol(laptop, home, label);
  const writer = createClaudeWriter({ projects: home.projects, random: seededRandom(withSeed) });
  return { home, writer, agent: await startAgent(home) };
}

async function start(...what: ('collector' | 'devbox' | 'server')[]): Promise<void> {
  if (what.includes('collector')) collector = await startCollector(laptop);
  if (what.includes('devbox')) devbox.agent = await startAgent(devbox.home);
  if (what.includes('server')) server.agent = await startAgent(server.home);
  for (const { home, agent } of [devbox, server]) if (agent.isAlive()) await runCommand(home, 'tt-agent', ['look']);
}

function write(actions: number): void {
  for (let at = 0; at < actions; at += 1) for (const { writer } of [devbox, server]) writer.act();
  for (const { writer } of [devbox, server]) writer.settle();
}

/** Waits until stored and written agree; how many facts that is. */
async function agreed(): Promise<number> {
  return (await untilAgreed(laptop.paths.database, all)).facts.length;
}

function deleteDatabase(): void {
  for (const name of readdirSync(laptop.paths.dataDir)) {
    if (name.startsWith('collector.db')) rmSync(join(laptop.paths.dataDir, name));
  }
}

/** Another one each time. */
const backupFile = (): string => join(laptop.directory, `backup-${readdirSync(laptop.directory).length}`);

async function tt(...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand(laptop, 'tt', args);
  if (code !== 0) throw new Error(`tt ${args.join(' ')} exited ${code}: ${stderr}`);
}

describe(`a database that was lost (SEED=${seed})`, () => {
  it('refills itself after it was deleted', async () => {
    await collector.stop();
    deleteDatabase();
    await start('collector');
    write(10);
    expect(await agreed()).toBe(all().size);
  });

  it('refills itself when it is deleted while the agents are away', async () => {
    await Promise.all([collector, devbox.agent, server.agent].map((process) => process.stop()));
    deleteDatabase();
    write(10);
    await start('collector', 'devbox', 'server');
    expect(await agreed()).toBe(all().size);
  });

  it('gets back what came after the backup it was restored from', async () => {
    const backup = backupFile();
    await tt('collector', 'backup', backup);
    const then = new Set(all());
    write(40);
    await untilAgreed(laptop.paths.database, all);
    await collector.stop();
    await tt('collector', 'restore', backup);
    expect(new Set(readFacts(laptop.paths.database).facts)).toEqual(then);
    await start('collector');
    expect(await agreed()).toBe(all().size);
  });

  it('gets it back when another machine comes first', async () => {
    const backup = backupFile();
    await tt('collector', 'backup', backup);
    write(40);
    await untilAgreed(laptop.paths.database, all);
    await Promise.all([collector, devbox.agent, server.agent].map((process) => process.stop()));
    await tt('collector', 'restore', backup);
    await start('collector', 'server');
    for (let at = 0; at < 10; at += 1) server.writer.act();
    server.writer.settle();
    await until('the other machine to be complete', () => {
      const stored = new Set(readFacts(laptop.paths.database).facts);
      return [...server.writer.facts].every((fact) => stored.has(fact));
    });
    await start('devbox');
    expect(await agreed()).toBe(all().size);
  });

  it('gets it back although the agent is killed while it learns of it', async () => {
    const random = seededRandom(seed);
    const backup = backupFile();
    await tt('collector', 'backup', backup);
    write(60);
    await untilAgreed(laptop.paths.database, all);
    await Promise.all([collector, devbox.agent, server.agent].map((process) => process.stop()));
    await tt('collector', 'restore', backup);
    await start('collector');
    // Before, while and after the ledger is compared and the lowered checkpoint is written.
    for (let round = 0; round < 12; round += 1) {
      const agent = startProgram(devbox.home, 'tt-agent', ['run']);
      await systemClock.sleep(random.between(80, 500));
      await agent.kill();
    }
    await start('devbox', 'server');
    expect(await agreed()).toBe(all().size);
  });

  it('is the same collector after the laptop was replaced', async () => {
    const backup = backupFile();
    await tt('collector', 'backup', backup);
    write(20);
    await untilAgreed(laptop.paths.database, all);
    await collector.stop();
    rmSync(laptop.paths.dataDir, { recursive: true });
    rmSync(laptop.paths.stateDir, { recursive: true });
    await tt('collector', 'restore', backup);
    await start('collector');
    expect(await agreed()).toBe(all().size);
  });
});

describe(`an agent that forgot (SEED=${seed})`, () => {
  it('sends everything again, and nothing counts twice', async () => {
    await devbox.agent.stop();
    rmSync(devbox.home.paths.stateDir, { recursive: true });
    write(10);
    await start('devbox');
    expect(await agreed()).toBe(all().size);
  });

  it('reads a damaged checkpoint as none', async () => {
    await devbox.agent.stop();
    const { checkpointDir } = devbox.home.paths;
    for (const name of readdirSync(checkpointDir)) appendFileSync(join(checkpointDir, name), '\u0000garbage{');
    write(10);
    await start('devbox');
    expect(await agreed()).toBe(all().size);
  });
});

describe(`the agent’s own log (SEED=${seed})`, () => {
  it('is rotated, and comes back whole when the database is lost later', async () => {
    const facts = new Set<string>();
    const { eventLog, dataDir } = devbox.home.paths;
    mkdirSync(dataDir, { recursive: true });
    const cwd = `/home/dev/${'long-'.repeat(120)}`;
    let at = Date.parse('2026-11-01T00:00:00.000Z');
    const append = (count: number): void => {
      const lines = Array.from({ length: count }, () => hookLine(devbox.home.machineId(), (at += 1), '%1', cwd));
      for (const line of lines) for (const fact of line.facts) facts.add(fact);
      appendFileSync(eventLog, lines.map(({ text }) => `${text}\n`).join(''));
    };
    const perLine = hookLine(devbox.home.machineId(), at, '%1', cwd).text.length + 1;
    const everything = (): Set<string> => new Set([...all(), ...facts]);
    for (let segment = 0; segment < 2; segment += 1) {
      for (let part = 0; part < 10; part += 1) append(Math.ceil((EVENT_LOG_ROTATE_BYTES * 1.1) / perLine / 10));
      await untilAgreed(laptop.paths.database, everything);
      await runCommand(devbox.home, 'tt-agent', ['look']);
      expect(readdirSync(dataDir).filter((name) => name.startsWith('events-'))).toHaveLength(segment + 1);
      append(5);
    }
    await untilAgreed(laptop.paths.database, everything);
    await collector.stop();
    deleteDatabase();
    append(5);
    await start('collector');
    await untilAgreed(laptop.paths.database, everything);
    expect(existsSync(eventLog)).toBe(true);
  }, 120_000);
});
