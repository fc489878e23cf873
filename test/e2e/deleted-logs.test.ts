// Logs that are deleted while the collector is away, as cleanups, `git clean` and `rm -rf` do.
import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentStatusSchema, type AgentStatus } from '../../shared/status.ts';
import { createClaudeWriter } from '../support/claude-writer.ts';
import { enrol, startAgent, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, runJson } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

let laptop: MachineHome;
let devbox: MachineHome;
beforeEach(() => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
});
afterEach(async () => {
  await killAll();
  for (const home of [laptop, devbox]) home.remove();
});

const agentStatus = (): Promise<AgentStatus> => runJson(devbox, 'tt-agent', ['status', '--json'], (value) => agentStatusSchema.parse(value));

describe('logs that are deleted while the collector is away', () => {
  it('arrive when it is back, though the agent was started anew and killed meanwhile', async () => {
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(7) });
    const session = (name: string) => writer.session({ version: '2.1.329', cwd: `/home/dev/${name}` });
    const kept = session('kept');
    kept.burst(5);
    const first = await startAgent(devbox);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    await collector.stop();

    const [cleaned, removed, replaced] = [session('cleaned'), session('removed'), session('replaced')];
    for (const each of [kept, cleaned, removed, replaced]) each.burst(40);
    await until('every file to be kept', () => readdirSync(devbox.paths.keptDir).length === 5 || undefined);
    // Claude Code's own cleanup deletes a file; `rm -rf` a project; an editor replaces one by rename.
    unlinkSync(cleaned.path);
    removed.burst(3);
    rmSync(dirname(removed.path), { recursive: true });
    const old = new Date('2020-01-01');
    const other = join(dirname(replaced.path), 'other.tmp');
    writeFileSync(other, '');
    renameSync(other, replaced.path);
    utimesSync(kept.path, old, old);
    expect(await first.stop()).toEqual({ code: 0, signal: null });

    rmSync(kept.path);
    const second = await startAgent(devbox);
    const late = session('late');
    late.burst(20);
    await until('the new file to be kept', () => readdirSync(devbox.paths.keptDir).length === 6 || undefined);
    await second.kill();
    unlinkSync(late.path);
    rmSync(devbox.projects, { recursive: true });
    mkdirSync(devbox.projects);

    const third = await startAgent(devbox);
    await startCollector(laptop);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    expect((await agentStatus()).gaps).toEqual([]);
    expect(await third.stop()).toEqual({ code: 0, signal: null });
  });

  it('are released by tt-agent forget, running or not, which says what is lost', async () => {
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await collector.stop();
    const writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(8) });
    const sessions = ['one', 'two'].map((name) => writer.session({ version: '2.1.329', cwd: `/home/dev/${name}` }));
    for (const each of sessions) each.burst(5);
    const agent = await startAgent(devbox);
    const [one, two] = sessions.map(({ path }) => path);
    for (const path of [one, two]) unlinkSync(path ?? '');
    await until('the agent to see that they are gone', async () => (await agentStatus()).kept_files === 2 || undefined, { timeoutMs: 60_000 });
    const forgotten = await runCommand(devbox, 'tt-agent', ['forget', one ?? '']);
    expect(forgotten).toMatchObject({ code: 0 });
    expect(forgotten.stdout).toMatch(/: \d+ bytes released; lost: \d+ bytes/);
    expect(await agentStatus()).toMatchObject({ kept_files: 1, gaps: [{ path: one, from: 0, reason: 'released' }] });
    await agent.stop();
    expect((await runCommand(devbox, 'tt-agent', ['forget', two ?? ''])).stdout).toMatch(/lost: \d+ bytes/);
    expect(readdirSync(devbox.paths.keptDir)).toEqual(['index.jsonl']);
    expect((await runCommand(devbox, 'tt-agent', ['forget', two ?? ''])).stdout).toContain('Nothing is kept');
  });
});
