// The live state of a session, from Claude Code's registry on a machine to the collector's database.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProcesses } from '../../agent/processes.ts';
import { openReader } from '../../collector/store/database.ts';
import { enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const sample = JSON.parse(readFileSync(fileURLToPath(new URL('../fixtures/registry/1-idle.json', import.meta.url)), 'utf8')) as Record<string, unknown>;
const SESSION = String(sample['sessionId']);
const START_MS = Date.UTC(2026, 10, 21, 9);
const processes = createProcesses({ pid: process.pid, probe: (pid) => process.kill(pid, 0) });

let laptop: MachineHome;
let devbox: MachineHome;
let cli: ChildProcess;
beforeEach(async () => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
  cli = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(cli, 'spawn');
});
afterEach(async () => {
  cli.kill('SIGKILL');
  await killAll();
  laptop.remove();
  devbox.remove();
});

function writeStatus(status: string, statusUpdatedAt: number, waitingFor?: string): void {
  const directory = join(devbox.projects, '..', 'sessions');
  mkdirSync(directory, { recursive: true });
  const pid = cli.pid ?? 0;
  const file = join(directory, `${pid}.json`);
  const content = { ...sample, pid, procStart: processes.startOf(pid), pidDomain: processes.pidDomain, status, statusUpdatedAt, waitingFor };
  writeFileSync(`${file}.tmp`, JSON.stringify(content));
  renameSync(`${file}.tmp`, file);
}

interface Row {
  status: string | null;
  waiting_for: string | null;
  status_at: string | null;
  state: string;
}

function session(): Row | undefined {
  if (!existsSync(laptop.paths.database)) return undefined;
  const database = openReader(laptop.paths.database);
  try {
    return database.prepare<[string], Row>('SELECT status, waiting_for, status_at, state FROM sessions WHERE session_id = ?').get(SESSION);
  } finally {
    database.close();
  }
}

function untilSession(status: string): Promise<Row> {
  return until(`the session to be ${status}`, () => {
    const row = session();
    return row?.status === status ? row : undefined;
  });
}

describe('the state of a session', () => {
  it('follows the registry, over a restart of the agent, until its process is gone', async () => {
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    writeStatus('idle', START_MS);
    const agent = await startAgent(devbox);
    expect(await untilSession('idle')).toEqual({ status: 'idle', waiting_for: null, status_at: '2026-11-21T09:00:00.000Z', state: 'idle' });

    writeStatus('waiting', START_MS + 1000, 'permission prompt');
    expect(await untilSession('waiting')).toMatchObject({ waiting_for: 'permission prompt', state: 'waiting' });
    writeStatus('busy', START_MS + 2000);
    expect(await untilSession('busy')).toMatchObject({ waiting_for: null, state: 'working' });

    await agent.kill();
    const before = readFileSync(devbox.paths.statusLog, 'utf8');
    await startAgent(devbox);
    writeStatus('waiting', START_MS + 3000, 'input needed');
    expect(await untilSession('waiting')).toMatchObject({ waiting_for: 'input needed', state: 'waiting' });
    const after = readFileSync(devbox.paths.statusLog, 'utf8');
    expect(after.startsWith(before)).toBe(true);
    expect(after.slice(before.length).trimEnd().split('\n')).toHaveLength(1);

    cli.kill('SIGKILL');
    expect(await untilSession('gone')).toEqual({ status: 'gone', waiting_for: null, status_at: '2026-11-21T09:00:03.000Z', state: 'ended' });
  });
});
