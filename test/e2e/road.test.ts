// The way of one line, from a log on a machine to the collector's database, through the programs as
// they are shipped.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { factOf } from '../../shared/event-id.ts';
import type { TtEvent } from '../../shared/event.ts';
import { agentStatusSchema } from '../../shared/status.ts';
import { createClaudeWriter, hookLine, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, enrol, readFacts, startAgent, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, executableOf, killAll, runCommand, runJson } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { openWireTap } from '../support/wire-tap.ts';

beforeAll(ensureExecutables, 120_000);

let homes: MachineHome[];
let laptop: MachineHome;
let devbox: MachineHome;
beforeEach(() => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
  homes = [laptop, devbox];
});
afterEach(async () => {
  await killAll();
  for (const home of homes) home.remove();
});

const writerOf = (home: MachineHome, seed = 1, startMs?: number): ClaudeWriter =>
  createClaudeWriter({ projects: home.projects, random: seededRandom(seed), ...(startMs === undefined ? {} : { startMs }) });

const asEvents = (stdout: string): TtEvent[] =>
  stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as TtEvent);

describe('a line in a log', () => {
  it('becomes an event in the database, once', async () => {
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const agent = await startAgent(devbox);
    const writer = writerOf(devbox);
    const session = writer.session({ version: '2.1.329', cwd: '/home/dev/app' });
    session.prompt('hello from the devbox');

    const { events } = await untilAgreed(laptop.paths.database, () => writer.facts);
    const prompt = events.find(({ type }) => type === 'user_message');
    expect(prompt).toMatchObject({
      source: 'remote.agent', agent: 'claude-code', kind: 'prompt', origin: 'human', text: 'hello from the devbox',
      cwd: '/home/dev/app', session_id: session.sessionId,
    });
    expect(prompt?.id.startsWith(`${devbox.machineId()}:remote.agent:user_message:`)).toBe(true);

    session.tool();
    session.endTurn();
    await untilAgreed(laptop.paths.database, () => writer.facts);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  it('is on the list of events, and its machine is live and complete', async () => {
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const agent = await startAgent(devbox);
    const writer = writerOf(devbox);
    for (const version of ['2.1.39', '2.1.329'] as const) writer.session({ version, cwd: '/home/dev/app' }).burst(30);
    await untilAgreed(laptop.paths.database, () => writer.facts);

    const { code, stdout } = await runCommand(laptop, 'tt', ['events', '--json', '--limit', '100000']);
    expect(code).toBe(0);
    expect(asEvents(stdout).map((event) => factOf(event)).toSorted()).toEqual([...writer.facts].toSorted());

    const machine = await until('the machine to be live and drained', async () => {
      const { machines } = await collectorStatus(laptop);
      return machines.find(({ label, state, drained_at: drainedAt }) => label === 'devbox' && state === 'live' && drainedAt !== null);
    });
    expect(machine).toMatchObject({ machine_id: devbox.machineId(), connected: true, backlog_bytes: 0, refused: 0, gaps: 0 });
    const status = await runJson(devbox, 'tt-agent', ['status', '--json'], (value) => agentStatusSchema.parse(value));
    expect(status).toMatchObject({ running: true, connected: true, bad_lines: 0, unknown_entries: {}, gaps: [] });

    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    const stopped = await runJson(devbox, 'tt-agent', ['status', '--json'], (value) => agentStatusSchema.parse(value));
    expect(stopped.running).toBe(false);
  });

  it('of a tmux hook gets the machine’s name, and stays in order with the others', async () => {
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const lines = Array.from({ length: 50 }, (_, at) => hookLine(devbox.machineId(), Date.now() + at, `%${at % 3}`, '/home/dev/app'));
    mkdirSync(devbox.paths.dataDir, { recursive: true });
    for (const { text } of lines.slice(0, 25)) appendFileSync(devbox.paths.eventLog, `${text}\n`);
    await startAgent(devbox);
    for (const { text } of lines.slice(25)) appendFileSync(devbox.paths.eventLog, `${text}\n`);
    const expected = lines.flatMap(({ facts }) => facts);
    const { facts } = await untilAgreed(laptop.paths.database, () => new Set(expected));
    expect(facts).toEqual(expected);
  });
});

describe('programs that are started again', () => {
  it('go on where they were: what was acknowledged is not sent again', async () => {
    const first = await startCollector(laptop);
    const tap = await openWireTap(first.ingestPort);
    try {
      await enrol(laptop, devbox, 'devbox', tap.url);
      const writer = writerOf(devbox);
      const agent = await startAgent(devbox);
      const session = writer.session({ version: '2.1.39', cwd: '/home/dev/app' });
      session.prompt('words-of-the-first-run');
      session.burst(20);
      await untilAgreed(laptop.paths.database, () => writer.facts);
      expect(await agent.stop()).toEqual({ code: 0, signal: null });
      expect(await first.stop()).toEqual({ code: 0, signal: null });
      const before = tap.sent();
      expect(before).toContain('words-of-the-first-run');

      session.prompt('words-of-the-pause');
      await startCollector(laptop);
      await startAgent(devbox);
      await untilAgreed(laptop.paths.database, () => writer.facts);
      session.prompt('words-of-the-second-run');
      await untilAgreed(laptop.paths.database, () => writer.facts);
      const after = tap.sent().slice(before.length);
      expect(after).toContain('words-of-the-pause');
      expect(after).toContain('words-of-the-second-run');
      expect(after).not.toContain('words-of-the-first-run');
    } finally {
      await tap.close();
    }
  });

  it('drain at SIGTERM: what the agent was sending is stored when both have ended, whether or not anybody reads their logs', async () => {
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const writer = writerOf(devbox);
    const agent = await startAgent(devbox);
    const session = writer.session({ version: '2.1.329', cwd: '/home/dev/app' });
    session.burst(50);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    for (let round = 0; round < 20; round += 1) session.burst(50);
    for (const process of [agent, collector]) process.leave();
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    const sent = readFacts(laptop.paths.database).facts;
    expect(await collector.stop()).toEqual({ code: 0, signal: null });
    // Acknowledged to the agent before it ended: still there after the collector has.
    expect(readFacts(laptop.paths.database).facts).toEqual(expect.arrayContaining(sent));
    expect([...writer.facts]).toEqual(expect.arrayContaining(sent));

    await startCollector(laptop);
    await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
  });

  it('end at once at a second signal', async () => {
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const agent = await startAgent(devbox);
    for (const process of [agent, collector]) {
      process.signal('SIGTERM');
      process.signal('SIGINT');
      await process.stop(5000);
      expect(process.isAlive()).toBe(false);
    }
  });

  it('refuse to run twice on the same home', async () => {
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await startAgent(devbox);
    const second = await runCommand(devbox, 'tt-agent', ['run']);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain('next:');
    const collector = await runCommand(laptop, 'tt', ['collector', 'run']);
    expect(collector.code).not.toBe(0);
    expect(collector.stderr).toContain('next:');
  });
});

describe('history that was there before the agent', () => {
  it('comes newest first, and all of it', async () => {
    const random = seededRandom(11);
    const writer = createClaudeWriter({ projects: devbox.projects, random });
    const days = [3, 9, 1, 7, 5, 2, 8, 4, 6];
    const sessions = days.map((day) => {
      const session = writer.session({ version: day % 2 === 0 ? '2.1.39' : '2.1.329', cwd: `/home/dev/project-${day}` });
      for (let burst = 0; burst < 12; burst += 1) session.burst(50);
      const time = Date.now() / 1000 - day * 24 * 3600;
      utimesSync(session.path, time, time);
      return { day, id: session.sessionId };
    });
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await startAgent(devbox);

    const { events } = await untilAgreed(laptop.paths.database, () => writer.facts);
    const firstRow = (id: string): number => events.findIndex((event) => event['session_id'] === id);
    const arrived = sessions.toSorted((a, b) => firstRow(a.id) - firstRow(b.id)).map(({ day }) => day);
    expect(arrived).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('the agent’s file', () => {
  it('runs alone in an empty directory', async () => {
    const empty = join(devbox.directory, 'empty');
    mkdirSync(empty);
    const alone = join(empty, 'tt-agent.mjs');
    copyFileSync(executableOf('tt-agent'), alone);
    const { code, stdout } = await runCommand(devbox, 'tt-agent', ['--version'], { cwd: empty, executable: alone });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/);

    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const writer = writerOf(devbox);
    writer.session({ version: '2.1.39', cwd: '/home/dev/app' }).burst(5);
    const agent = await startAgent(devbox, { cwd: empty, executable: alone });
    await untilAgreed(laptop.paths.database, () => writer.facts);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(readdirSync(empty)).toEqual(['tt-agent.mjs']);
  });

  it('leaves nothing outside its three directories', async () => {
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const writer = writerOf(devbox);
    const session = writer.session({ version: '2.1.39', cwd: '/home/dev/app' });
    session.burst(5);
    const agent = await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    await agent.stop();
    const { dataDir, stateDir, configFile } = devbox.paths;
    const files = readdirSync(devbox.directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => path !== session.path && path !== configFile && !path.startsWith(dataDir) && !path.startsWith(stateDir));
    expect(files).toEqual([]);
  });
});

describe('secrets in a log', () => {
  // Made here, of no use anywhere; put together so that no scanner takes this file for a leak.
  const secrets = [
    ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_'),
    ['sk', 'ant', 'api03', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIj', 'AA'].join('-'),
    ['AKIA', 'IOSFODNN7QWERTYU'].join(''),
    ['hunter2', 'correct', 'horse', '9918273'].join('-'),
  ] as const;

  it('leave the machine nowhere: not on the wire, not in the database, not on the page', async () => {
    const collector = await startCollector(laptop);
    const tap = await openWireTap(collector.ingestPort);
    try {
      await enrol(laptop, devbox, 'devbox', tap.url);
      const writer = writerOf(devbox);
      const [github, anthropic, amazon, password] = secrets;
      const session = writer.session({ version: '2.1.329', cwd: '/home/dev/app' });
      session.prompt(`use ${github} and password=${password} please, the-words-stay`);
      session.assistant(`I exported ANTHROPIC_API_KEY=${anthropic} and AWS_ACCESS_KEY_ID=${amazon}`);
      session.tool(`token: ${github}\n${anthropic}`);
      await startAgent(devbox);
      const { events } = await untilAgreed(laptop.paths.database, () => writer.facts);
      expect(events.find(({ type }) => type === 'user_message')?.['text']).toContain('the-words-stay');

      const wire = tap.sent();
      expect(wire).toContain('the-words-stay');
      const page = await readPage(laptop);
      expect(page).toContain('the-words-stay');
      await collector.stop();
      const disk = Buffer.concat(filesBelow(laptop.paths.dataDir).map((path) => readFileSync(path))).toString('latin1');
      expect(disk).toContain('the-words-stay');
      for (const secret of secrets) {
        expect(wire).not.toContain(secret);
        expect(page).not.toContain(secret);
        expect(disk).not.toContain(secret);
      }
    } finally {
      await tap.close();
    }
  });
});

describe('two machines at once', () => {
  it('each have their events, and one session on both counts once', async () => {
    const server = createMachineHome('server');
    homes.push(server);
    await startCollector(laptop);
    await Promise.all([enrol(laptop, devbox, 'devbox'), enrol(laptop, server, 'server')]);
    const writers = [devbox, server].map((home, at) => writerOf(home, 21 + at));
    await Promise.all([startAgent(devbox), startAgent(server)]);
    for (let step = 0; step < 120; step += 1) for (const writer of writers) writer.act();
    for (const writer of writers) writer.settle();
    // As rsync would: the same session on the other machine as well.
    const copied = writers[0]!.sessions[0]!;
    mkdirSync(join(server.projects, 'copied'), { recursive: true });
    copyFileSync(copied.path, join(server.projects, 'copied', `${copied.sessionId}.jsonl`));

    const all = new Set(writers.flatMap(({ facts }) => [...facts]));
    await untilAgreed(laptop.paths.database, () => all);
    const { machines } = await collectorStatus(laptop);
    expect(machines.map(({ label }) => label).toSorted()).toEqual(['devbox', 'server']);
    await until('both to be drained', async () => {
      const { machines: now } = await collectorStatus(laptop);
      return now.every(({ backlog_bytes: backlog, drained_at: drainedAt }) => backlog === 0 && drainedAt !== null);
    });
    const { facts, events } = await untilAgreed(laptop.paths.database, () => all);
    expect(facts.length).toBe(all.size);
    expect(new Set(events.map(({ id }) => id.slice(0, 36)))).toEqual(new Set([devbox.machineId(), server.machineId()]));
  });
});

describe('an upgraded or misused installation', () => {
  it('says what to do when nothing was joined', async () => {
    const { code, stderr } = await runCommand(devbox, 'tt-agent', ['run']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('next:');
  });

  it('refuses a code that was used, and pins nothing', async () => {
    await startCollector(laptop);
    const { code, url } = await enrol(laptop, devbox, 'devbox');
    const other = createMachineHome('other');
    homes.push(other);
    const joined = await runCommand(other, 'tt-agent', ['join', url, '--code', '-'], { stdin: `${code}\n` });
    expect(joined.code).not.toBe(0);
    expect(joined.stderr).toContain('next:');
    expect(existsSync(other.paths.uplinkFile)).toBe(false);
  });
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Signs in as a browser does and reads the page and the newest events it shows. */
async function readPage(home: MachineHome): Promise<string> {
  const { url } = await runJson(home, 'tt', ['open', '--json'], (value) => value as { url: string });
  const signedIn = await fetch(url, { redirect: 'manual' });
  const cookie = signedIn.headers.getSetCookie().map((each) => each.split(';')[0]).join('; ');
  expect(cookie).not.toBe('');
  const texts = await Promise.all(['/', '/api/v1/status', '/api/v1/events'].map(async (path) => {
    const response = await fetch(new URL(path, url), { headers: { cookie } });
    return response.text();
  }));
  return texts.join('\n');
}
