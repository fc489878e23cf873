// Where the system gives less than one would like: inotify watches, inotify instances, memory.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentStatusSchema } from '../../shared/status.ts';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { enrol, startAgent, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { onHost, otherHostProblem } from '../support/other-host.ts';
import { ensureExecutables, killAll, runJson } from '../support/processes.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const noHosts = otherHostProblem();
let laptop: MachineHome;
let devbox: MachineHome;
let writer: ClaudeWriter;
beforeEach(async () => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
  writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(freshSeed()) });
  await startCollector(laptop);
  await enrol(laptop, devbox, 'devbox');
});
afterEach(async () => {
  await killAll();
  laptop.remove();
  devbox.remove();
});

function write(): void {
  for (let at = 0; at < 30; at += 1) writer.act();
  writer.settle();
}

describe('an agent that the system gives too few watches', () => {
  it.for([['max_inotify_watches', '8'], ['max_inotify_instances', '0']])('%s = %s: says so, and delivers everything by looking', async ([limit = '', value = ''], { skip }) => {
    if (noHosts !== undefined) skip(noHosts);
    for (let at = 0; at < 30; at += 1) mkdirSync(join(devbox.projects, `-home-dev-other-${at}`), { recursive: true });
    write();
    const agent = await startAgent(devbox, { under: onHost({ name: 'scarce', settings: { [`/proc/sys/user/${limit}`]: value } }) });
    await until('the problem', async () => {
      const { problems } = await runJson(devbox, 'tt-agent', ['status', '--json'], (json) => agentStatusSchema.parse(json));
      return problems.some((problem) => problem.includes('watch limit reached'));
    });
    write();
    const { facts } = await untilAgreed(laptop.paths.database, () => writer.facts);
    expect(facts.length).toBe(writer.facts.size);
    expect(agent.isAlive()).toBe(true);
  });
});

const MIB = 1024 * 1024;

describe('a line of 200 MB', () => {
  it('costs the agent no more memory than lines may be long, is counted, and the next ones arrive', async () => {
    const session = writer.session({ version: '2.1.39', cwd: '/home/dev/app' });
    session.burst(10);
    const agent = await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    const before = peakBytes(agent.pid);
    const block = Buffer.alloc(4 * MIB, 'z');
    for (let at = 0; at < 50; at += 1) appendFileSync(session.path, block);
    writeFileSync(session.path, '\n', { flag: 'a' });
    session.burst(10);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    const status = await runJson(devbox, 'tt-agent', ['status', '--json'], (json) => agentStatusSchema.parse(json));
    expect(status.bad_lines).toBe(1);
    expect(peakBytes(agent.pid) - before).toBeLessThan(100 * MIB);
  });
});

/** The most memory that a process ever had; 0 where the system does not tell. */
function peakBytes(pid: number): number {
  try {
    const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}
