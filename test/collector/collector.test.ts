import { createServer } from 'node:net';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCollector, type Collector, type Page } from '../../collector/collector.ts';
import { createControlClient } from '../../collector/control/control-client.ts';
import { openReader } from '../../collector/store/database.ts';
import { openStore } from '../../collector/writer/open-store.ts';
import { systemClock } from '../../shared/clock.ts';
import { configSchema, type Config } from '../../shared/config.ts';
import { silentLog } from '../../shared/log.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { batchOf, join as joinMachine, paneFocus, ScriptedAgent, tokenFor, type JoinedMachine } from '../support/scripted-agent.ts';
import { noTunnelling } from '../support/no-tunnels.ts';
import { openWriterChannel } from '../support/writer-in-process.ts';

let home: string;
let paths: Paths;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-collector-'));
  paths = resolvePaths({}, home);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function noPage(): Promise<Page> {
  return {
    port: 0,
    status: () => {
      throw new Error('there is no page');
    },
    signInLink: () => ({ url: '', expiresAtMs: 0 }),
    close: async () => {},
  };
}

function open(change: Partial<Config> = {}, openPage: () => Promise<Page> = noPage): Promise<Collector> {
  const config = { ...configSchema.parse({ ingest_port: 0, ui_port: 0 }), ...change };
  return openCollector({ paths, config }, {
    clock: systemClock, log: silentLog, openPage, tunnelling: noTunnelling,
    startWriter: (database) => openWriterChannel(systemClock, () => openStore(database, systemClock)),
  });
}

async function connect(collector: Collector): Promise<{ machine: JoinedMachine; agent: ScriptedAgent }> {
  const url = `http://127.0.0.1:${collector.ingestPort}`;
  const { code } = await createControlClient(paths.controlSocket).call('machines.add', { label: 'devbox', again: false });
  const machine = await joinMachine(url, code);
  const agent = await ScriptedAgent.connect(url, await tokenFor(url, machine));
  agent.hello();
  await agent.frame('welcome');
  return { machine, agent };
}

function storedEvents(): number {
  const database = openReader(paths.database);
  try {
    return (database.prepare('SELECT count(*) AS n FROM events').get() as { n: number }).n;
  } finally {
    database.close();
  }
}

describe('a collector', () => {
  it('stores what an agent sends, and answers after that', async () => {
    const collector = await open();
    const { machine, agent } = await connect(collector);
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    expect((await agent.frame('ack')).verdicts).toBe('s');
    expect(storedEvents()).toBe(1);
    await collector.close();
    expect((await agent.close()).code).toBe(1001);
  });

  it('closes all the rest where a part of it can not be closed', async () => {
    const page = await noPage();
    const collector = await open({}, async () => ({ ...page, close: () => Promise.reject(new Error('the page is stuck')) }));
    await expect(collector.close()).rejects.toThrow('the page is stuck');
    const again = await open();
    await again.close();
  });

  it('acknowledges what it stored and stores what it acknowledged when it is asked to stop', async () => {
    const collector = await open();
    const { machine, agent } = await connect(collector);
    for (let seq = 1; seq <= 50; seq++) {
      const timestamp = `2026-01-05T11:00:${String(seq).padStart(2, '0')}.000Z`;
      agent.send(batchOf(seq, [paneFocus(machine.machineId, timestamp)], { from: 0, to: 100 }));
    }
    await agent.frame('ack');
    await collector.close();
    await agent.close();
    expect(storedEvents()).toBe(agent.frames.filter(({ type }) => type === 'ack').length);
  });

  it('is alone with its state, and leaves it to the next one', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({ code: 'collector_running' });
    await first.close();
    await (await open()).close();
  });

  it('keeps everything private', async () => {
    const collector = await open();
    for (const file of [paths.database, paths.collectorFile, paths.collectorLockFile, paths.controlSocket]) {
      expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
    }
    await collector.close();
  });

  it('leaves nothing open when its port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const address = squatter.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(open({ ingest_port: port })).rejects.toMatchObject({ code: 'port_taken' });
    squatter.close();
    await (await open()).close();
  });

  it('leaves nothing open when its address is not loopback', async () => {
    await expect(open({ ingest_host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ingest_not_loopback' });
    await (await open()).close();
  });

  it('leaves nothing open when its page cannot open', async () => {
    await expect(open({}, () => Promise.reject(new Error('no page')))).rejects.toThrow('no page');
    await (await open()).close();
  });

  it('does not take a file that is no database for its own', async () => {
    await (await open()).close();
    writeFileSync(paths.database, 'no database '.repeat(1000));
    await expect(open()).rejects.toMatchObject({ code: 'database_unusable' });
    rmSync(paths.database);
    await (await open()).close();
  });
});
