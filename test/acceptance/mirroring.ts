// Are the archived files of sessions those that are there? By the programs as they are shipped.
import { appendFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archiveContent } from '../support/archive-content.ts';
import { enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { ccusageSessions } from './ccusage.ts';

const TIMEOUT_MS = 300_000;
const SESSIONS = 10_000;
const LONG_LINE_BYTES = 100 * 1024 * 1024;

interface Stage {
  laptop: MachineHome;
  devbox: MachineHome;
  /** The machine's directory, laid out as Claude Code's configuration directory. */
  archived(): string;
}

async function onStage<T>(work: (stage: Stage) => Promise<T>): Promise<T> {
  ensureExecutables();
  const [laptop, devbox] = [createMachineHome('laptop'), createMachineHome('devbox', { TT_ARCHIVE: 'true' })];
  try {
    return await work({ laptop, devbox, archived: () => join(laptop.paths.archiveDir, devbox.machineId()) });
  } finally {
    await killAll();
    laptop.remove();
    devbox.remove();
  }
}

function differences({ devbox, archived }: Stage): string[] {
  const [there, here] = [archiveContent(devbox.projects), archiveContent(join(archived(), 'projects'))];
  const names = new Set([...there.keys(), ...here.keys()]);
  return [...names].filter((name) => there.get(name) !== here.get(name));
}

async function untilMirrored(stage: Stage): Promise<string> {
  try {
    await until('every file to be archived', () => differences(stage).length === 0, { timeoutMs: TIMEOUT_MS, everyMs: 1000 });
    const verified = await runCommand(stage.laptop, 'tt', ['archive', 'verify']);
    return verified.code === 0 ? 'agrees' : verified.stdout;
  } catch {
    return `differs: ${differences(stage).slice(0, 5).join(', ')}`;
  }
}

/** Killed once, its database lost and its archive lost, in turn; each time it has all of it in the end. */
export function mirrorFolder(folder: string): Promise<string> {
  return onStage(async (stage) => {
    const { laptop, devbox, archived } = stage;
    cpSync(join(folder, 'projects'), devbox.projects, { recursive: true });
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await runCommand(laptop, 'tt', ['archive', 'on', 'devbox']);
    const agent = await startAgent(devbox);
    await agent.kill();
    await startAgent(devbox);
    const results = [await untilMirrored(stage)];
    if (JSON.stringify([...ccusageSessions(archived())]) !== JSON.stringify([...ccusageSessions(devbox.projects.replace(/\/projects$/, ''))])) results.push('ccusage reads it otherwise');
    await collector.kill();
    for (const name of readdirSync(laptop.paths.dataDir)) if (name.startsWith('collector.db')) renameSync(join(laptop.paths.dataDir, name), join(laptop.directory, name));
    const second = await startCollector(laptop);
    const some = [...archiveContent(devbox.projects).keys()].find((name) => name.endsWith('.jsonl')) ?? '';
    appendFileSync(join(devbox.projects, some), '{"type":"mode","mode":"after the database was lost"}\n');
    results.push(await untilMirrored(stage));
    await second.kill();
    rmSync(archived(), { recursive: true });
    await startCollector(laptop);
    results.push(await untilMirrored(stage));
    return results.find((result) => result !== 'agrees') ?? 'agrees';
  });
}

export function mirrorMany(): Promise<string> {
  return onStage(async (stage) => {
    const { laptop, devbox } = stage;
    for (let at = 0; at < SESSIONS; at += 1) {
      const project = join(devbox.projects, `-home-me-${at % 200}`);
      mkdirSync(project, { recursive: true });
      writeFileSync(join(project, `${String(at).padStart(8, '0')}-0000-4000-8000-000000000000.jsonl`), `{"type":"mode","n":${at}}\n`);
    }
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await startAgent(devbox);
    const from = performance.now();
    await runCommand(laptop, 'tt', ['archive', 'on', 'devbox']);
    const result = await untilMirrored(stage);
    process.stderr.write(`archive: ${SESSIONS} sessions in ${((performance.now() - from) / 1000).toFixed(1)} s\n`);
    return result;
  });
}

export function mirrorLongLine(): Promise<string> {
  return onStage(async (stage) => {
    const { laptop, devbox } = stage;
    mkdirSync(join(devbox.projects, '-p'), { recursive: true });
    writeFileSync(join(devbox.projects, '-p', 'long.jsonl'), Buffer.alloc(LONG_LINE_BYTES, 'x'));
    appendFileSync(join(devbox.projects, '-p', 'long.jsonl'), '\n{"type":"mode"}\n');
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await startAgent(devbox);
    const from = performance.now();
    await runCommand(laptop, 'tt', ['archive', 'on', 'devbox']);
    const result = await untilMirrored(stage);
    process.stderr.write(`archive: a line of 100 MB in ${((performance.now() - from) / 1000).toFixed(1)} s\n`);
    return result;
  });
}
