/** An agent that starts over 10,000 files of which it knows everything: what that costs, and what idling costs. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentStatusSchema } from '../../shared/status.ts';
import { createClaudeWriter, projectDirectory } from '../support/claude-writer.ts';
import { enrol, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { killAll, runJson, startProgram } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { promptLine } from '../support/claude-lines.ts';
import { storedIn } from './backfill.ts';
import { bytesRead, cpuSeconds, rss, type Row } from './measure.ts';

const DIRECTORIES = 500;
const FILES = 10_000;
/** Two full looks of a machine on which nothing was written for a minute. */
const IDLE_SECONDS = 60;
const CALM_MS = 62_000;

/** Small sessions, so that the number of files is what costs. Returns their bytes. */
function fill(projects: string): number {
  const random = seededRandom(3);
  let bytes = 0;
  for (let at = 0; at < FILES; at += 1) {
    const cwd = `/home/dev/project-${at % DIRECTORIES}`;
    const sessionId = random.uuid();
    const directory = join(projects, projectDirectory(cwd));
    if (at < DIRECTORIES) mkdirSync(directory, { recursive: true });
    const context = { version: '2.1.329' as const, sessionId, agentId: undefined, cwd, random, now: () => 1_790_000_000_000 + at };
    const text = Array.from({ length: 3 }, () => `${promptLine(context, 'x'.repeat(200)).text}\n`).join('');
    writeFileSync(join(directory, `${sessionId}.jsonl`), text);
    bytes += text.length;
  }
  return bytes;
}

export async function measureRestart(): Promise<Row[]> {
  const laptop = createMachineHome('many-c');
  const devbox = createMachineHome('many-a');
  const small = createMachineHome('few-a');
  try {
    const bytes = fill(devbox.projects);
    createClaudeWriter({ projects: small.projects, random: seededRandom(4) }).session({ version: '2.1.329', cwd: '/home/dev/app' }).prompt();
    await startCollector(laptop);
    await enrol(laptop, devbox, 'many');
    await enrol(laptop, small, 'few');
    // Both have read everything once.
    const few = await run(small);
    await few.agent.stop();
    const first = startProgram(devbox, 'tt-agent', ['run']);
    await until('10,000 files to be stored', () => storedIn(laptop.paths.database).offsets >= bytes, { timeoutMs: 120_000, everyMs: 100 });
    await untilDrained(devbox);
    await first.stop(30_000);

    const baseline = await run(small);
    const baselineRead = bytesRead(baseline.agent.pid);
    await baseline.agent.stop();
    const ownState = stateBytes(devbox) - stateBytes(small);
    const again = await run(devbox);
    const read = bytesRead(again.agent.pid) - baselineRead - ownState;
    const busy = await idle(again.agent.pid);
    const memory = rss(again.agent.pid);
    await again.agent.stop(30_000);
    return [
      { name: 'restart, 10,000 files, nothing new: to the ready line', measured: again.readyMs, unit: 'ms', note: `${baseline.readyMs.toFixed(0)} ms with one file` },
      { name: '… to the end of the first full look', measured: again.drainedMs, unit: 'ms', note: `${baseline.drainedMs.toFixed(0)} ms with one file` },
      {
        name: '… bytes read of each log', measured: Math.max(0, read) / FILES, unit: 'B', target: 1,
        note: `read beyond what an agent with one file reads and its own state (${(ownState / FILES).toFixed(0)} B for each file)`,
      },
      { name: '… agent RSS', measured: memory, unit: 'MB', target: 110 },
      { name: `… idle CPU over ${IDLE_SECONDS} s`, measured: busy, unit: '%', target: 0.5 },
    ];
  } finally {
    await killAll();
    for (const home of [laptop, devbox, small]) home.remove();
  }
}

/** Checkpoints and the index of kept files: what an agent must read of its own at the start. */
function stateBytes({ paths }: MachineHome): number {
  const checkpoints = readdirSync(paths.checkpointDir).filter((name) => name === 'snapshot.jsonl' || name === 'journal.jsonl');
  return [...checkpoints.map((name) => join(paths.checkpointDir, name)), join(paths.keptDir, 'index.jsonl')]
    .reduce((sum, path) => sum + statSync(path).size, 0);
}

async function run(home: MachineHome): Promise<{ agent: ReturnType<typeof startProgram>; readyMs: number; drainedMs: number }> {
  const start = performance.now();
  const agent = startProgram(home, 'tt-agent', ['run']);
  await agent.ready;
  const readyMs = performance.now() - start;
  await untilDrained(home);
  return { agent, readyMs, drainedMs: performance.now() - start };
}

/** Says so itself: a full look has ended and nothing waits. */
async function untilDrained(home: MachineHome): Promise<void> {
  await until('the agent to be drained', async () => {
    const status = await runJson(home, 'tt-agent', ['status', '--json'], (value) => agentStatusSchema.parse(value));
    return status.running && status.connected && status.drained_at !== null && status.backlog_bytes === 0;
  }, { timeoutMs: 60_000 });
}

async function idle(pid: number): Promise<number> {
  const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await settle(CALM_MS);
  const before = cpuSeconds(pid);
  await settle(IDLE_SECONDS * 1000);
  return ((cpuSeconds(pid) - before) / IDLE_SECONDS) * 100;
}
