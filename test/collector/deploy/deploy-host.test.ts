// The real scripts in a home of their own, run by a shell of this machine instead of ssh's; what the collector says is given.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Control } from '../../../collector/control/control-methods.ts';
import { deployHost } from '../../../collector/deploy/deploy-host.ts';
import { createProgress } from '../../../collector/deploy/progress.ts';
import { openRemoteShell } from '../../../collector/deploy/remote-shell.ts';
import type { RunSsh } from '../../../collector/ssh.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ID = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

/** Waiting takes no time. */
class HastyClock extends ManualClock {
  override sleep(ms: number): Promise<void> {
    this.advance(ms);
    return Promise.resolve();
  }
}

let home: string;
let clock: HastyClock;
let isTunnelUp: boolean;
let isReached: boolean;
let said: string;

const dataFile = (name: string): string => join(home, '.local/share/tt', name);
const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const buildIn = (name: string): string | undefined => /BUILD (\w+)/.exec(textOf(dataFile(name)))?.[1];
const state = (): Record<string, unknown> => ({ agent: buildIn('tt-agent.mjs'), previous: buildIn('tt-agent.mjs.previous'), isNoted: existsSync(dataFile('tt-agent.mjs.unproven')) });
/** Builds in the order in which they were installed. */
const installed = (): string[] => textOf(join(home, 'installed')).split('\n').filter((line) => line !== '');

function agentOf(build: string): Buffer {
  return Buffer.from(`// BUILD ${build}
import { appendFileSync } from 'node:fs';
if (process.argv[2] === 'install') {
  appendFileSync(process.env.HOME + '/installed', '${build}\\n');
  console.log(JSON.stringify({ kind: 'background', notes: [] }));
}
`);
}

const runSsh: RunSsh = (args) => {
  const child = spawn('/bin/sh', ['-c', isReached ? (args.at(-1) ?? '') : 'exit 255'], { env: { HOME: home, PATH: process.env['PATH'] ?? '' }, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended, kill: (signal) => void child.kill(signal) };
};

/** Builds but two connect as soon as they are installed. */
function answer(method: string): object {
  const now = printTimestamp(clock.now());
  const isConnected = installed().length > 0 && !['bad', 'worse'].includes(installed().at(-1) ?? '');
  switch (method) {
    case 'status': return { collector_id: 'C', machines: [{ machine_id: ID, connected: isConnected, backlog_bytes: 0, drained_at: now, events_today: 0 }] };
    case 'machines.list': return { machines: [{ machine_id: ID, label: 'devbox', retired_at: null, revoked_at: null, connected: isConnected, connected_since: now }] };
    case 'tunnels.list': return { tunnels: [{ machine_id: ID, label: 'devbox', host: 'devbox', tunnel: { host: 'devbox', state: isTunnelUp ? 'up' : 'down', since: now, problem: null, hint: null, warning: null } }] };
    case 'machines.probe': return { id: 'p', complete: true, total_ms: 1, hops: [] };
    default: return {};
  }
}

async function deploy(build: string): Promise<void> {
  const control = { call: (method: string) => Promise.resolve(answer(method)) } as Control;
  const stop = new AbortController().signal;
  const progress = createProgress('devbox', { clock, stderr: { write: (text) => void (said += text), isTTY: false, columns: 80 } });
  const shell = openRemoteShell('devbox', { runSsh, clock, stop, sharedLogin: undefined });
  await deployHost({ dryRun: false, wishes: { label: undefined, tmux: 'no', service: 'yes' } }, {
    shell, control, clock, stop, progress, files: { agent: agentOf(build), hook: 'hook\n', hooksConf: 'conf\n' },
    ingest: '127.0.0.1:1', waitMs: 1000, agree: () => Promise.resolve(true),
  });
}

/** One that runs `old`, to begin with. */
let template: string;
function begin(): void {
  home = mkdtempSync(join(tmpdir(), 'tt-deploy-'));
  clock = new HastyClock();
  [isTunnelUp, isReached, said] = [true, true, ''];
}

beforeAll(async () => {
  begin();
  template = home;
  mkdirSync(dataFile(''), { recursive: true });
  writeFileSync(dataFile('machine.json'), JSON.stringify({ machine_id: ID, label: 'devbox' }));
  writeFileSync(dataFile('machine.key'), '');
  writeFileSync(dataFile('uplink.json'), JSON.stringify({ collector_id: 'C' }));
  await deploy('old');
}, 60_000);
afterAll(() => rmSync(template, { recursive: true, force: true }));
beforeEach(() => {
  begin();
  cpSync(template, home, { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('a new agent', { timeout: 120_000 }, () => {
  it('is noted as unproven until it has connected; the one of before is kept', async () => {
    expect(state()).toEqual({ agent: 'old', previous: undefined, isNoted: false });
    await deploy('new');
    expect(state()).toEqual({ agent: 'new', previous: 'old', isNoted: false });
  });

  it('goes where it does not connect, and the one of before runs again', async () => {
    await expect(deploy('bad')).rejects.toMatchObject({ code: 'upgrade_failed' });
    expect(state()).toEqual({ agent: 'old', previous: undefined, isNoted: false });
    expect(installed()).toEqual(['old', 'bad', 'old']);
  });

  it('does not stay where the run ends before it was started', async () => {
    isTunnelUp = false;
    await expect(deploy('bad')).rejects.toMatchObject({ code: 'tunnel_down' });
    expect(state()).toEqual({ agent: 'old', previous: undefined, isNoted: false });
    expect(said).toContain('devbox: the agent of before was put back\n');
  });

  it('is not taken for the one of before by later runs: with it in place, or with a third', async () => {
    isTunnelUp = false;
    const losesLink = clock.sleep.bind(clock);
    clock.sleep = (ms) => {
      isReached = false;
      return losesLink(ms);
    };
    for (const build of ['bad', 'worse']) {
      isReached = true;
      await expect(deploy(build)).rejects.toMatchObject({ code: 'tunnel_down' });
      expect(state()).toEqual({ agent: build, previous: 'old', isNoted: true });
    }
    clock.sleep = losesLink;
    [isTunnelUp, isReached] = [true, true];
    await expect(deploy('worse')).rejects.toMatchObject({ code: 'upgrade_failed', message: expect.stringContaining('the one of before runs again') as string });
    expect(state()).toEqual({ agent: 'old', previous: undefined, isNoted: false });
    expect(installed()).toEqual(['old', 'worse', 'old']);
  });
});
