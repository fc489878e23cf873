import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentStatusSchema, collectorStatusSchema, type AgentStatus, type CollectorStatus } from '../../shared/status.ts';
import { until } from '../support/until.ts';

const dist = (name: string): string => fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));
const isBuilt = ['start.mjs', 'tt.mjs', 'tt-agent.mjs'].every((name) => existsSync(dist(name)));

let home: string;
let environment: Record<string, string>;
const started: ChildProcess[] = [];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tt-start-'));
  environment = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home, TT_LABEL: 'laptop',
    TT_INGEST_PORT: String(await freePort()), TT_UI_PORT: String(await freePort()),
  };
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await until('the end of npm start', () => child.exitCode !== null || child.signalCode !== null);
  }
  rmSync(home, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

interface Started {
  child: ChildProcess;
  output(): string;
}

async function start(): Promise<Started> {
  const child = spawn(process.execPath, [dist('start.mjs')], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const parts: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => parts.push(text));
  const output = (): string => parts.join('');
  await until('npm start to say that tt is running', () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${output()}`);
    return output().includes('tt is running.') && output().includes('Ctrl-C');
  }, { timeoutMs: 30_000 });
  return { child, output };
}

/** Whoever read what it prints is gone first, as `tee` is at Ctrl-C. */
function leave({ child }: Started): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

async function stop({ child, output }: Started): Promise<void> {
  child.kill('SIGINT');
  await until('the end of npm start', () => child.exitCode !== null || child.signalCode !== null, { timeoutMs: 30_000 });
  expect({ code: child.exitCode, signal: child.signalCode, output: child.exitCode === 0 ? '' : output() }).toEqual({ code: 0, signal: null, output: '' });
}

function json(program: string, args: string[]): unknown {
  return JSON.parse(spawnSync(process.execPath, [dist(program), ...args, '--json'], { env: environment, encoding: 'utf8' }).stdout);
}
const collectorStatus = (): CollectorStatus => collectorStatusSchema.parse(json('tt.mjs', ['status']));
const agentStatus = (): AgentStatus => agentStatusSchema.parse(json('tt-agent.mjs', ['status']));

/** What the hook would write, so that something has to travel the whole way. */
function writeEvent(pane: string): void {
  const at = new Date().toISOString();
  const line = { id: `remote.tmux:tmux_pane_focus:${at}:${pane}`, timestamp: at, source: 'remote.tmux', type: 'tmux_pane_focus', cwd: '/p', pane_id: pane, tmux_session: 'dev' };
  mkdirSync(join(home, '.local/share/tt'), { recursive: true });
  writeFileSync(join(home, '.local/share/tt/events.jsonl'), `${JSON.stringify(line)}\n`, { flag: 'a' });
}

const arrived = (): Promise<CollectorStatus> => until('every event at the collector', () => {
  const status = collectorStatus();
  return status.machines[0]?.backlog_bytes === 0 && status.machines[0].last_event_at !== null && status;
}, { timeoutMs: 30_000, everyMs: 200 });

describe.skipIf(!isBuilt)('npm start on a machine that has never seen tt (needs a build)', () => {
  it('enrols the machine, collects what it writes, stops in order, and goes on when started again', async () => {
    writeEvent('%1');
    const first = await start();
    expect(first.output()).toContain(join(home, '.local/share/tt'));
    expect(first.output()).toMatch(/http:\/\/127\.0\.0\.1:\d+\//);
    const status = await arrived();
    expect(status.machines).toMatchObject([{ label: 'laptop', connected: true }]);
    const identity = readFileSync(join(home, '.local/share/tt/machine.json'), 'utf8');
    await stop(first);
    expect([collectorStatus().running, agentStatus().running]).toEqual([false, false]);

    writeEvent('%2');
    const second = await start();
    const later = await until('the second event', () => {
      const now = collectorStatus();
      return now.machines[0]?.last_event_at !== status.machines[0]?.last_event_at && now;
    }, { timeoutMs: 30_000, everyMs: 200 });
    expect(later.machines).toHaveLength(1);
    expect(readFileSync(join(home, '.local/share/tt/machine.json'), 'utf8')).toBe(identity);
    leave(second);
    await stop(second);
    expect([collectorStatus().running, agentStatus().running]).toEqual([false, false]);
  }, 120_000);

  it('uses a collector that runs already and leaves it running', async () => {
    const collector = spawn(process.execPath, [dist('tt.mjs'), 'collector', 'run'], { env: environment, stdio: 'ignore' });
    started.push(collector);
    await until('the collector', () => collectorStatus().running, { everyMs: 200 });
    const run = await start();
    await stop(run);
    expect(collectorStatus().running).toBe(true);
  }, 120_000);
});
