import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAgent, type Agent } from '../../agent/agent.ts';
import { agentCommands } from '../../agent/commands/table.ts';
import type { Processes } from '../../agent/processes.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { configSchema } from '../../shared/config.ts';
import { silentLog } from '../../shared/log.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { agentStatusSchema } from '../../shared/status.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { runCommand } from '../support/command-run.ts';
import { openIngest, type IngestFixture } from '../support/ingest-fixture.ts';
import { modelProcesses } from '../support/model-processes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-agent-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function command(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(agentCommands(() => modelProcesses()), argv, home, { clock: systemClock });
  if (code !== 0) throw new Error(`${argv.join(' ')} exited ${code}: ${stderr}`);
  return stdout;
}

async function joined(collector: IngestFixture): Promise<MachineId> {
  await command(['join', collector.url, '--code', collector.codes.create('devbox').code]);
  const { machine_id } = JSON.parse(readFileSync(join(home, '.local/share/tt/machine.json'), 'utf8')) as { machine_id: string };
  const id = parseMachineId(machine_id);
  if (!id) throw new Error('no machine ID');
  return id;
}

function start(processes: Processes = modelProcesses(), clock: Clock = systemClock): Promise<Agent> {
  return openIt(resolvePaths({}, home), clock, processes);
}

function openIt(paths: Paths, clock: Clock, processes: Processes = modelProcesses()): Promise<Agent> {
  return openAgent({ paths, config: configSchema.parse({}), claudeDirs: [join(home, '.claude')] }, { clock, log: silentLog, processes });
}

/** The system's clock; `running` tells how many tasks it runs again and again. */
function countTasks(): { clock: Clock; running: () => number } {
  let count = 0;
  const every: Clock['every'] = (ms, task) => {
    const stop = systemClock.every(ms, task);
    let isRunning = true;
    count += 1;
    return () => {
      if (isRunning) count -= 1;
      isRunning = false;
      stop();
    };
  };
  return { clock: { ...systemClock, every }, running: () => count };
}

/** The system's clock, whose tasks of this period run when a test says so. */
function clockWithout(periodMs: number): { clock: Clock; tick: () => void } {
  const tasks = new Set<() => void>();
  const every: Clock['every'] = (ms, task) => {
    if (ms !== periodMs) return systemClock.every(ms, task);
    tasks.add(task);
    return () => tasks.delete(task);
  };
  return { clock: { ...systemClock, every }, tick: () => tasks.forEach((task) => task()) };
}

/** Resolves when the agent has said that all it found is acknowledged. */
function acknowledged(collector: IngestFixture, machine: MachineId, files: number): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      const link = collector.links.get(machine);
      if (link?.connected !== true || link.status?.backlog_bytes !== 0 || link.status.files < files) return;
      stop();
      resolve();
    };
    const stop = collector.links.onChange(check);
    check();
  });
}

/** Resolves when the collector has stored so many events since it started. */
function stored(collector: IngestFixture, machine: MachineId, count: number): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if ((collector.links.get(machine)?.stored ?? 0) < count) return;
      stop();
      resolve();
    };
    const stop = collector.links.onChange(check);
    check();
  });
}

function pane(window: number): Promise<string> {
  return command(['ingest', 'pane-focus', '--pane', `%${window}`, '--cwd', '/p', '--session', 's', '--window', String(window)]);
}

describe('an agent', () => {
  it('sends what was there and what is written then, and remembers what arrived', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    await pane(1);
    const first = await start();
    await first.ready;
    await stored(collector, machine, 1);
    await pane(2);
    await stored(collector, machine, 2);
    expect(agentStatusSchema.parse(JSON.parse(await command(['status', '--json'])))).toMatchObject({
      running: true, connected: true, endpoint: collector.url, collector_id: collector.identity.collectorId, problems: [],
    });
    await first.close();
    expect(agentStatusSchema.parse(JSON.parse(await command(['status', '--json'])))).toMatchObject({ running: false, connected: false, as_of: expect.any(String) as unknown });
    await pane(3);
    const second = await start();
    await stored(collector, machine, 3);
    expect(collector.links.get(machine)?.duplicate).toBe(0);
    await second.close();
  });

  it('does at once, when it is told to look, what it does every now and then', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await start();
    await agent.ready;
    await pane(1);
    await acknowledged(collector, machine, 1);
    const sinceMs = Date.now();
    expect(await command(['look'])).toMatch(/looks at every file now/);
    await new Promise<void>((resolve) => {
      const stop = collector.links.onChange(() => {
        if ((collector.links.get(machine)?.status?.drained_at ?? 0) < sinceMs) return;
        stop();
        resolve();
      });
    });
    const { eventLog, dataDir } = resolvePaths({}, home);
    appendFileSync(eventLog, `${JSON.stringify({ filler: 'x'.repeat(1000) })}\n`.repeat(4500));
    await command(['look']);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('events-'))).toHaveLength(1);
    await agent.close();
    await expect(command(['look'])).rejects.toThrow('look exited 3: tt: no agent runs here');
  });

  it('goes alone in its state directory, and leaves it as it found it', async () => {
    await using collector = await openIngest();
    await joined(collector);
    const agent = await start(modelProcesses({ pid: 100 }));
    await expect(start(modelProcesses({ pid: 200, alive: [100] }))).rejects.toMatchObject({ code: 'agent_running' });
    const paths = resolvePaths({}, home);
    expect(statSync(paths.agentSocket).mode & 0o777).toBe(0o600);
    await agent.close();
    expect([paths.agentSocket, paths.agentLockFile].filter((path) => existsSync(path))).toEqual([]);
  });

  it('ends although the disk does not take its last words', async () => {
    await using collector = await openIngest();
    await joined(collector);
    const paths = resolvePaths({}, home);
    const agent = await start();
    await agent.ready;
    mkdirSync(join(paths.agentStatusFile, 'in the way'), { recursive: true });
    await expect(agent.close()).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect([paths.agentSocket, paths.agentLockFile].filter((path) => existsSync(path))).toEqual([]);
  });

  it('that can not open everything leaves nothing open, and says why', async () => {
    await using collector = await openIngest();
    // The system would cut the path of its socket off.
    home = join(home, 'x'.repeat(100));
    await joined(collector);
    const paths = resolvePaths({}, home);
    const { clock, running } = countTasks();
    await expect(start(modelProcesses(), clock)).rejects.toMatchObject({ code: 'socket_path_too_long' });
    expect([existsSync(paths.agentLockFile), running()]).toEqual([false, 0]);
    const elsewhere = { ...paths, agentSocket: join(tmpdir(), `tt-${basename(dirname(home))}.sock`) };
    // The last that is opened: hints of where the collector is.
    writeFileSync(join(home, 'in the way'), '');
    await expect(openIt({ ...elsewhere, endpointFile: join(home, 'in the way', 'endpoint.json') }, clock)).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect([existsSync(paths.agentLockFile), existsSync(elsewhere.agentSocket), running()]).toEqual([false, false, 0]);
    const agent = await openIt(elsewhere, clock);
    await agent.ready;
    await agent.close();
    expect(running()).toBe(0);
  });

  it('whose lock another agent took leaves alone what is now that one’s', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const paths = resolvePaths({}, home);
    const { clock, tick } = clockWithout(15_000);
    const agent = await start(modelProcesses(), clock);
    await agent.ready;
    await pane(1);
    await acknowledged(collector, machine, 1);
    rmSync(paths.checkpointDir, { recursive: true, force: true });
    mkdirSync(paths.checkpointDir);
    writeFileSync(paths.agentLockFile, 'another');
    rmSync(paths.agentSocket);
    const another = createServer((socket) => socket.end('here'));
    await once(another.listen(paths.agentSocket), 'listening');
    tick();
    await expect(agent.ended).rejects.toMatchObject({ code: 'lock_lost' });
    await agent.close();
    expect(readFileSync(paths.agentLockFile, 'utf8')).toBe('another');
    expect(readdirSync(paths.checkpointDir)).toEqual([]);
    expect(existsSync(paths.agentStatusFile)).toBe(false);
    const [said] = await once(connect(paths.agentSocket).setEncoding('utf8'), 'data') as [string];
    expect(said).toBe('here');
    another.close();
  });

  it('goes on where somebody removed its lock, and holds it again', async () => {
    await using collector = await openIngest();
    await joined(collector);
    const paths = resolvePaths({}, home);
    const { clock, tick } = clockWithout(15_000);
    const agent = await start(modelProcesses(), clock);
    await agent.ready;
    rmSync(paths.agentLockFile);
    tick();
    await expect(start(modelProcesses({ pid: 200, alive: [100] }))).rejects.toMatchObject({ code: 'agent_running' });
    await agent.close();
    expect(existsSync(paths.agentLockFile)).toBe(false);
  });

  it('ends when its machine is revoked, while connected and at the next start', async () => {
    await using collector = await openIngest();
    await joined(collector);
    const agent = await start();
    await agent.ready;
    collector.registry.revoke('devbox', collector.clock.now());
    expect(await agent.ended).toMatchObject({ kind: 'banned', code: 'revoked' });
    await agent.close();
    const again = await start();
    expect(await again.ended).toMatchObject({ kind: 'banned', code: 'revoked' });
    await again.close();
  });

  it('takes over the name that the collector gave its machine meanwhile', async () => {
    await using collector = await openIngest();
    await joined(collector);
    const first = await start();
    await first.ready;
    expect(first.status().label).toBe('devbox');
    await first.close();
    collector.registry.rename('devbox', 'build-1');
    const second = await start();
    await second.ready;
    expect(second.status().label).toBe('build-1');
    expect(agentStatusSchema.parse(JSON.parse(await command(['status', '--json']))).label).toBe('build-1');
    await second.close();
    expect(await command(['init'])).toContain('Label:      build-1\n');
  });

  it('follows its tunnel to another endpoint at once', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const paths = resolvePaths({}, home);
    // Nobody is there: only endpoint.json can lead to the collector.
    const uplink = JSON.parse(readFileSync(paths.uplinkFile, 'utf8')) as Record<string, unknown>;
    writeFileSync(paths.uplinkFile, JSON.stringify({ ...uplink, url: 'http://127.0.0.1:1' }));
    await pane(1);
    const agent = await start();
    await agent.ready;
    expect(agent.status()).toMatchObject({ connected: false, problems: [expect.stringContaining('127.0.0.1:1')] });
    writeFileSync(paths.endpointFile, JSON.stringify({ url: collector.url }));
    await stored(collector, machine, 1);
    expect(agent.status()).toMatchObject({ connected: true, endpoint: collector.url });
    await agent.close();
  });

  it('removes a segment of its log once the collector has all of it and a day has passed, and never while it is away', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const paths = resolvePaths({}, home);
    const segment = async (name: string, ageMs: number): Promise<string> => {
      await pane(1);
      const path = join(paths.dataDir, `events-${name.repeat(16)}.jsonl`);
      renameSync(paths.eventLog, path);
      utimesSync(path, (Date.now() - ageMs) / 1000, (Date.now() - ageMs) / 1000);
      return path;
    };
    const [old, young] = [await segment('a', 25 * 3_600_000), await segment('b', 23 * 3_600_000)];
    const unfinished = await segment('c', 25 * 3_600_000);
    writeFileSync(unfinished, '{"id":', { flag: 'a' });
    utimesSync(unfinished, 0, 0);
    const uplink = readFileSync(paths.uplinkFile, 'utf8');
    writeFileSync(paths.uplinkFile, JSON.stringify({ ...(JSON.parse(uplink) as object), url: 'http://127.0.0.1:1' }));
    const { clock, tick } = clockWithout(30_000);
    const agent = await start(modelProcesses(), clock);
    await agent.ready;
    tick();
    expect([old, young, unfinished].map((path) => existsSync(path))).toEqual([true, true, true]);
    writeFileSync(paths.uplinkFile, uplink);
    await acknowledged(collector, machine, 3);
    tick();
    expect([old, young, unfinished].map((path) => existsSync(path))).toEqual([false, true, true]);
    await agent.close();
  });

  it('needs an identity and a collector, and says how to get them', async () => {
    await expect(start()).rejects.toMatchObject({ code: 'identity_missing' });
    await command(['init']);
    await expect(start()).rejects.toMatchObject({ code: 'not_joined', hint: expect.stringContaining('tt machines add') as unknown });
  });

  it('sends everything again to a collector that lost its database', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    for (const window of [1, 2, 3]) await pane(window);
    const agent = await start();
    await stored(collector, machine, 3);
    await agent.close();
    await collector.writer.call('closeGenerations', machine, (await collector.writer.call('ledger', machine)).map(([gen]) => gen));
    const again = await start();
    await new Promise<void>((resolve) => {
      const stop = collector.links.onChange(() => {
        if ((collector.links.get(machine)?.duplicate ?? 0) < 3) return;
        stop();
        resolve();
      });
    });
    expect(collector.links.get(machine)).toMatchObject({ stored: 3, refused: 0 });
    await again.close();
  });
});
