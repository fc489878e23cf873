// Two machines behind real sshds: every one is brought up to date while logs grow, a bad build stops at the first, and the one of before is back.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, type Finished, type StartOptions } from '../support/processes.ts';
import { hasSshd } from '../support/real-sshd.ts';
import { openRemoteAccount, type RemoteAccount } from '../support/remote-account.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';

const seed = freshSeed();
const HOSTS = ['devbox', 'server'] as const;
const deployedSchema = z.object({
  machines: z.array(z.object({ host: z.string(), ok: z.boolean(), error: z.object({ code: z.string(), message: z.string() }).nullable() })),
  not_tried: z.array(z.string()),
});

interface Remote {
  account: RemoteAccount;
  writer: ClaudeWriter;
}

let laptop: MachineHome;
const remotes: Remote[] = [];
const devbox = (): Remote => at(0);
const server = (): Remote => at(1);

function at(index: number): Remote {
  const remote = remotes[index];
  if (!remote) throw new Error('it is not open');
  return remote;
}
const agentFile = ({ account }: Remote): string => join(account.paths.dataDir, 'tt-agent.mjs');
const agentOf = (remote: Remote): string => readFileSync(agentFile(remote), 'utf8');
const tt = (args: readonly string[], options: StartOptions = {}): Promise<Finished> => runCommand(laptop, 'tt', args, options);
const written = (): Set<string> => new Set(remotes.flatMap(({ writer }) => [...writer.facts]));
const agreed = (): Promise<unknown> => untilAgreed(laptop.paths.database, written, 60_000);

/** Whatever build is there is another one from now on. */
function age(remote: Remote): string {
  appendFileSync(agentFile(remote), '// the build of before\n');
  return agentOf(remote);
}

/** Lines are written on both until it has ended. */
async function underLoad(running: Promise<Finished>): Promise<Finished> {
  let isDone = false;
  const ended = running.finally(() => (isDone = true));
  while (!isDone) {
    for (const { writer } of remotes) if (writer.facts.size < 3000) writer.act();
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const { writer } of remotes) writer.settle();
  return ended;
}

async function deployAll(executable: string, ...args: string[]): Promise<{ code: number | null; stderr: string; machines: string[]; notTried: string[] }> {
  const { code, stdout, stderr } = await underLoad(tt(['deploy', '--all', '--yes', '--json', ...args], { executable }));
  const { machines, not_tried: notTried } = deployedSchema.parse(JSON.parse(stdout));
  return { code, stderr, machines: machines.map(({ host, error }) => `${host} ${error?.message ?? 'ok'}`), notTried };
}

/** The built package, with an agent whose `command` fails on the first machine. */
function brokenPackage(command: 'install' | 'run'): string {
  const dist = join(import.meta.dirname, '../../dist');
  const copy = join(laptop.directory, `package-${command}`, 'dist');
  mkdirSync(copy, { recursive: true });
  devbox().account.run('cp', ['-R', `${dist}/.`, copy]);
  devbox().account.run('ln', ['-s', join(dist, '../node_modules'), join(dirname(copy), 'node_modules')]);
  const agent = join(copy, 'tt-agent.mjs');
  const trap = `if (process.argv[2] === '${command}' && process.env.HOME === ${JSON.stringify(devbox().account.home)}) { process.stderr.write('tt-agent: a build that does not ${command}\\n'); process.exit(1); }\n`;
  writeFileSync(agent, readFileSync(agent, 'utf8').replace('\n', () => `\n${trap}`));
  return join(copy, 'tt.mjs');
}

describe.skipIf(!hasSshd)(`tt deploy --all (SEED=${seed})`, { timeout: 180_000 }, () => {
  beforeAll(async () => {
    ensureExecutables();
    laptop = createMachineHome('laptop');
    const bin = join(laptop.directory, 'bin');
    mkdirSync(bin);
    for (const [index, host] of HOSTS.entries()) {
      const account = await openRemoteAccount({ host });
      const projects = join(account.home, '.claude/projects');
      mkdirSync(projects, { recursive: true });
      remotes.push({ account, writer: createClaudeWriter({ projects, random: seededRandom(seed + index) }) });
    }
    // Each knows its own host only.
    const configs = remotes.map(({ account }) => `Include ${join(dirname(account.sshd.binDir), 'ssh_config')}\n`);
    writeFileSync(join(bin, 'ssh_config'), configs.join(''));
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${bin}/ssh_config' "$@"\n`, { mode: 0o755 });
    laptop.environment['PATH'] = `${bin}:${laptop.environment['PATH'] ?? ''}`;
    await startCollector(laptop);
    for (const host of HOSTS) {
      const { code, stderr } = await tt(['deploy', host, '--label', host, '--no-tmux', '--yes']);
      if (code !== 0) throw new Error(stderr);
    }
  }, 180_000);
  afterAll(async () => {
    for (const { account } of remotes) await account[Symbol.asyncDispose]();
    await killAll();
    laptop.remove();
  });

  it('upgrades every machine under load without losing anything, and keeps the build of before', async () => {
    const before = remotes.map(age);
    const { code, stdout, stderr } = await underLoad(tt(['deploy', '--all', '--yes']));
    expect(`${code} ${stderr}`).toMatch(/^0 /);
    expect(stdout).toMatch(/devbox +devbox +up to date .*\nserver +server +up to date /);
    expect(remotes.map((remote) => readFileSync(`${agentFile(remote)}.previous`, 'utf8'))).toEqual(before);
    for (const [index, remote] of remotes.entries()) expect(agentOf(remote)).not.toBe(before[index]);
    await agreed();
  });

  it('stops at the machine where the new one can not even be installed, which has the one of before again', async () => {
    const before = remotes.map(age);
    const { code, stderr, machines, notTried } = await deployAll(brokenPackage('install'));
    expect(machines).toEqual([expect.stringMatching(/^devbox the new agent of devbox did not come up \(.*a build that does not install\); the one of before runs again$/)]);
    expect(stderr).toMatch(/^devbox: the new agent of devbox did not come up .*\n {2}next: look at its log there/m);
    expect({ code, notTried, agents: remotes.map(agentOf) }).toEqual({ code: 1, notTried: ['server'], agents: before });
    await agreed();
  });

  it('goes on with the others when it is told to, and takes back an agent that does not come up', async () => {
    const [before] = remotes.map(age);
    const { code, machines, notTried } = await deployAll(brokenPackage('run'), '--keep-going', '--wait', '6');
    expect(machines).toEqual([expect.stringMatching(/^devbox the new agent .*\(tt-agent: a build that does not run\); the one of before runs again$/), 'server ok']);
    expect({ code, notTried, agent: agentOf(devbox()) }).toEqual({ code: 1, notTried: [], agent: before });
    expect(agentOf(server())).not.toContain('the build of before');
    await agreed();
    expect((await collectorStatus(laptop)).machines.map(({ connected }) => connected)).toEqual([true, true]);
  });
});
