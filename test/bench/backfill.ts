/**
 * The whole road as shipped: files on disk → agent → WebSocket → collector →
 * SQLite → acknowledged, then everything once more against the same database.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { request, Agent } from 'node:http';
import { join } from 'node:path';
import { openReader } from '../../collector/store/database.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { enrol, startCollector, type RunningCollector } from '../support/fleet.ts';
import { startProgram, type RunningProgram } from '../support/processes.ts';
import { until } from '../support/until.ts';
import type { Corpus } from './corpus.ts';
import { cpuSeconds, peakRss, percentile } from './measure.ts';

export interface Stored {
  /** Sum of the stored offsets of all generations that were written to since. */
  offsets: number;
  rows: number;
}

/** Cheap to ask: a table with one row per file, and the last row number. */
export function storedIn(databasePath: string, sinceMs = 0): Stored {
  if (!existsSync(databasePath)) return { offsets: 0, rows: 0 };
  const database = openReader(databasePath);
  try {
    const { offsets } = database.prepare<[number], { offsets: number | null }>('SELECT sum(offset) AS offsets FROM file WHERE updated_at >= ?').get(sinceMs) ?? { offsets: 0 };
    const { rows } = database.prepare<[], { rows: number | null }>('SELECT max(row) AS rows FROM event_row').get() ?? { rows: 0 };
    return { offsets: offsets ?? 0, rows: rows ?? 0 };
  } finally {
    database.close();
  }
}

export interface Pass {
  wallSeconds: number;
  agentCpu: number;
  collectorCpu: number;
  agentPeakMb: number;
  collectorPeakMb: number;
  /** ms, of `GET /healthz` every 5 ms while it ran. */
  healthP99: number;
  events: number;
}

export interface Backfill {
  first: Pass;
  resend: Pass;
  healthIdleP50: number;
  databaseBytes: number;
}

export async function measureBackfill(corpus: Corpus, profileDir: string | undefined): Promise<Backfill> {
  const laptop = createMachineHome('bench-c');
  const devbox = createMachineHome('bench-a', { CLAUDE_CONFIG_DIR: corpus.configDir });
  const running: RunningProgram[] = [];
  const profiled = (name: string): { nodeFlags: string[] } => ({
    nodeFlags: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profileDir, name)}`],
  });
  try {
    const collector = await startCollector(laptop, profiled('collector'));
    running.push(collector);
    await enrol(laptop, devbox, 'bench');
    const idle = await probeWhile(collector, until('a second', after(1000)));
    const pair = { laptop, devbox, collector };
    const first = await pass(corpus, pair, profiled('agent-first').nodeFlags);
    rmSync(devbox.paths.stateDir, { recursive: true });
    const resend = await pass(corpus, pair, profiled('agent-resend').nodeFlags);
    await collector.stop(60_000);
    const databaseBytes = statSync(laptop.paths.database).size;
    return { first, resend, healthIdleP50: percentile(idle, 50), databaseBytes };
  } finally {
    await Promise.all(running.filter((each) => each.isAlive()).map((each) => each.kill()));
    laptop.remove();
    devbox.remove();
  }
}

interface Pair {
  laptop: MachineHome;
  devbox: MachineHome;
  collector: RunningCollector;
}

async function pass(corpus: Corpus, { laptop, devbox, collector }: Pair, nodeFlags: string[]): Promise<Pass> {
  const collectorBefore = cpuSeconds(collector.pid);
  const startMs = Date.now();
  const start = performance.now();
  const agent = startProgram(devbox, 'tt-agent', ['run'], { nodeFlags });
  let end = start;
  const done = until('everything to be stored', () => {
    if (!agent.isAlive()) throw new Error(`the agent ended: ${agent.stderr().slice(-2000)}`);
    end = performance.now();
    return storedIn(laptop.paths.database, startMs).offsets >= corpus.bytes;
  }, { timeoutMs: 300_000, everyMs: 20 });
  const health = await probeWhile(collector, done);
  const result: Pass = {
    wallSeconds: (end - start) / 1000,
    agentCpu: cpuSeconds(agent.pid), collectorCpu: cpuSeconds(collector.pid) - collectorBefore,
    agentPeakMb: peakRss(agent.pid), collectorPeakMb: peakRss(collector.pid),
    healthP99: percentile(health, 99),
    events: storedIn(laptop.paths.database).rows,
  };
  await agent.stop(60_000);
  return result;
}

function after(ms: number): () => boolean {
  const deadline = performance.now() + ms;
  return () => performance.now() >= deadline;
}

/** Round trips to the ingest port, one after the other and 5 ms apart, until `done`. */
export async function probeWhile(collector: RunningCollector, done: Promise<unknown>): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  let isDone = false;
  const stop = (): void => {
    isDone = true;
  };
  done.then(stop, stop);
  while (!isDone) {
    const start = performance.now();
    await ask(collector.ingestPort, agent);
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  agent.destroy();
  await done;
  return times;
}

function ask(port: number, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/healthz', agent }, (response) => {
      response.resume().once('end', () => resolve());
    });
    asked.once('error', reject);
    asked.end();
  });
}
