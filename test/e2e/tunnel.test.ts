// A real sshd, a real ssh, and the shipped programs: a machine comes by its tunnel, and comes back by a new one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { tunnelRowSchema, type TunnelRow } from '../../collector/control/control-methods.ts';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { enrol, startAgent, startCollector, untilAgreed, type RunningCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, runJson } from '../support/processes.ts';
import { hasSshd, openRealSshd, type RealSshd } from '../support/real-sshd.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const listSchema = z.object({ tunnels: z.array(tunnelRowSchema) });
const seed = freshSeed();
let laptop: MachineHome;
let remote: MachineHome;
let sshd: RealSshd;
let collector: RunningCollector;
let writer: ClaudeWriter;

// CI installs sshd.
describe.skipIf(!hasSshd)(`the tunnel (SEED=${seed})`, () => {
  beforeEach(async () => {
    remote = createMachineHome('remote');
    const { HOME = '', XDG_STATE_HOME = '' } = remote.environment;
    sshd = await openRealSshd({ environment: { HOME, XDG_STATE_HOME } });
    laptop = createMachineHome('laptop', { PATH: `${sshd.binDir}:${process.env['PATH'] ?? ''}` });
    collector = await startCollector(laptop);
    await enrol(laptop, remote, 'devbox');
    writer = createClaudeWriter({ projects: remote.projects, random: seededRandom(seed) });
  });
  afterEach(async () => {
    await killAll();
    await sshd[Symbol.asyncDispose]();
    for (const home of [laptop, remote]) home.remove();
  });

  async function tunnel(): Promise<TunnelRow> {
    const { tunnels: [row] } = await runJson(laptop, 'tt', ['tunnel', '--json'], (value) => listSchema.parse(value));
    if (!row) throw new Error('there is no tunnel');
    return row;
  }
  const untilTunnel = (state: string): Promise<TunnelRow> => until(`a tunnel that is ${state}`, async () => {
    const row = await tunnel();
    return row.tunnel?.state === state && row;
  });
  const endpoint = (): string => (JSON.parse(readFileSync(remote.paths.endpointFile, 'utf8')) as { url: string }).url;
  const add = (): Promise<unknown> => runCommand(laptop, 'tt', ['tunnel', 'add', 'devbox', 'devbox']);
  const write = (actions: number): void => {
    for (let at = 0; at < actions; at += 1) writer.act();
    writer.settle();
  };
  const agreed = (): Promise<unknown> => untilAgreed(laptop.paths.database, () => writer.facts);

  it('carries what the agent sends, and only one socket of it is left on the remote', async () => {
    await add();
    await untilTunnel('up');
    await startAgent(remote);
    write(20);
    await agreed();
    expect(endpoint()).toMatch(/^tt\+unix:\/\/.*\/in-[0-9a-f]{16}\.sock$/);
    const first = endpoint();
    for (let round = 0; round < 3; round += 1) {
      sshd.killSessions();
      await until('another remote end', () => existsSync(remote.paths.endpointFile) && endpoint() !== first);
      await untilTunnel('up');
    }
    write(20);
    await agreed();
    const sockets = readdirSync(dirname(endpoint().slice('tt+unix://'.length))).filter((name) => name.startsWith('in-'));
    expect(sockets).toHaveLength(1);
  });

  it('comes back after sshd was away, with the reason told meanwhile', async () => {
    await add();
    await untilTunnel('up');
    await startAgent(remote);
    await sshd.stop();
    const down = await untilTunnel('down');
    expect(down.tunnel?.problem).toMatch(/can not be reached|was lost/);
    write(20);
    await sshd.start();
    await untilTunnel('up');
    await agreed();
  });

  it('ends at a port where sshd forwards no sockets, and warns', async () => {
    sshd.configure(['AllowStreamLocalForwarding no']);
    await sshd.stop();
    await sshd.start();
    await add();
    const up = await untilTunnel('up');
    expect(up.tunnel?.warning).toMatch(/AllowStreamLocalForwarding yes/);
    expect(endpoint()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await startAgent(remote);
    write(20);
    await agreed();
  });

  it.each([
    ['AllowTcpForwarding no', 'AllowStreamLocalForwarding no', /forbids forwarding/, /AllowTcpForwarding yes/],
    ['PubkeyAuthentication no', '', /without a password/, /ssh-add/],
  ])('says what is wrong: %s %s', async (line, other, problem, hint) => {
    sshd.configure([line, other]);
    await sshd.stop();
    await sshd.start();
    await add();
    const row = await until('the reason', async () => {
      const { tunnel: now } = await tunnel();
      return now?.state === 'down' && now.problem !== null && problem.test(now.problem) && now;
    });
    expect(row.hint).toMatch(hint);
  });

  it('ends with the collector, also when that is killed', async () => {
    await add();
    await untilTunnel('up');
    await collector.stop();
    await until('no session left', () => !sshd.hasSessions());
    collector = await startCollector(laptop);
    await untilTunnel('up');
    await collector.kill();
    expect(await until('no session left', () => !sshd.hasSessions())).toBe(true);
  });
});
