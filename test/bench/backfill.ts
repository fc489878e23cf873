/**
 * The whole road as shipped: files on disk → agent → WebSocket → collector →
 * SQLite → acknowledged, then everything once more against the same database.
 */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { request, Agent } from 'node:http';
import { join } from 'node:path';
import { openReader } from '../../collector/store/database.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { enrol, startCollector, type RunningCollector } from '../support/fleet.ts';
import { killAll, startProgram, type RunningProgram } from '../support/processes.ts';
import { until } from '../support/until.ts';
import type { Corpus } from './corpus.ts';
import type { Tick } from './loop-delay.ts';
import { cpuSeconds, median, peakRss, percentile, type Row } from './measure.ts';

export interface Stored {
  /** Sum of the stored offsets of all generations that were written to since. */
  offsets: number;
  rows: number;
}

export interface Watcher {
  /** Generations written to at or after `sinceMs`, epoch ms. */
  stored(sinceMs?: number): Stored;
  close(): void;
}

/** Asks a table with one row per file and the last row number, over one connection: so little that it does not count. */
export function watchStore(databasePath: string): Watcher {
  const database = openReader(databasePath);
  const files = database.prepare<[number], { offsets: number | null }>('SELECT sum(offset) AS offsets FROM file WHERE updated_at >= ?');
  const last = database.prepare<[], { rows: number | null }>('SELECT max(row) AS rows FROM event_row');
  return {
    stored: (sinceMs = 0) => ({ offsets: files.get(sinceMs)?.offsets ?? 0, rows: last.get()?.rows ?? 0 }),
    close: () => database.close(),
  };
}

export function storedIn(databasePath: string): Stored {
  const watcher = watchStore(databasePath);
  try {
    return watcher.stored();
  } finally {
    watcher.close();
  }
}

export interface Pass {
  wallSeconds: number;
  agentCpu: number;
  collectorCpu: number;
  agentPeakMb: number;
  collectorPeakMb: number;
  events: number;
}

export interface Backfill {
  first: Pass;
  resend: Pass;
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
    const pair = { laptop, devbox, collector };
    const first = await pass(corpus, pair, profiled('agent-first').nodeFlags);
    rmSync(devbox.paths.stateDir, { recursive: true });
    const resend = await pass(corpus, pair, profiled('agent-resend').nodeFlags);
    await collector.stop(60_000);
    const databaseBytes = statSync(laptop.paths.database).size;
    return { first, resend, databaseBytes };
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
  const watcher = watchStore(laptop.paths.database);
  try {
    const collectorBefore = cpuSeconds(collector.pid);
    const startMs = Date.now();
    const start = performance.now();
    const agent = startProgram(devbox, 'tt-agent', ['run'], { nodeFlags });
    await until('everything to be stored', () => {
      if (!agent.isAlive()) throw new Error(`the agent ended: ${agent.stderr().slice(-2000)}`);
      return watcher.stored(startMs).offsets >= corpus.bytes;
    }, { timeoutMs: 300_000, everyMs: 20 });
    const result: Pass = {
      wallSeconds: (performance.now() - start) / 1000,
      agentCpu: cpuSeconds(agent.pid), collectorCpu: cpuSeconds(collector.pid) - collectorBefore,
      agentPeakMb: peakRss(agent.pid), collectorPeakMb: peakRss(collector.pid),
      events: watcher.stored().rows,
    };
    await agent.stop(60_000);
    return result;
  } finally {
    watcher.close();
  }
}

export interface Health {
  /** Round trips to the collector, ms: at rest, and while a history is stored. */
  idle: number[];
  busy: number[];
  /** Of its main thread while a history was stored. */
  ticks: Tick[];
}

/** A run of its own, because asking costs. `loopDelay`: the bundle of loop-delay.ts. */
export async function measureHealth(corpus: Corpus, loopDelay: string): Promise<Health> {
  const laptop = createMachineHome('bench-c');
  const devbox = createMachineHome('bench-a', { CLAUDE_CONFIG_DIR: corpus.configDir });
  const ticksFile = join(laptop.directory, 'ticks.json');
  try {
    const collector = await startCollector(laptop, { nodeFlags: ['--import', loopDelay], environment: { TT_BENCH_LOOP: ticksFile } });
    await enrol(laptop, devbox, 'bench');
    const idle = await probeWhile(collector, until('two seconds', after(2000)));
    const from = Date.now();
    const busy = await probeWhile(collector, pass(corpus, { laptop, devbox, collector }, []));
    const to = Date.now();
    await collector.stop(60_000);
    const ticks = (JSON.parse(readFileSync(ticksFile, 'utf8')) as Tick[]).filter(({ at }) => at >= from && at <= to);
    return { idle, busy, ticks };
  } finally {
    await killAll();
    laptop.remove();
    devbox.remove();
  }
}

export function healthRows({ idle, busy, ticks }: Health): Row[] {
  const worst = ticks.toSorted((a, b) => b.lateMs - a.lateMs).slice(0, Math.ceil(ticks.length / 100));
  const mean = (pick: (tick: Tick) => number): string => (worst.reduce((sum, tick) => sum + pick(tick), 0) / worst.length).toFixed(2);
  return [
    {
      name: '… collector\'s main thread is late, p99', measured: percentile(ticks.map(({ lateMs }) => lateMs), 99), unit: 'ms', target: 5,
      note: `a timer of 2 ms; its worst 1 % are ${mean(({ lateMs }) => lateMs)} ms late: ${mean(({ cpuMs }) => cpuMs)} ms of it computing, ${mean(({ waitedMs }) => waitedMs)} ms waiting for a core`,
    },
    {
      name: '… collector answers while it stores, p99 − idle p50', measured: percentile(busy, 99) - median(idle), unit: 'ms',
      note: `round trips of /healthz 5 ms apart, who asks waits for a core too: p50 ${median(busy).toFixed(2)}, idle p50 ${median(idle).toFixed(2)}, p99 ${percentile(idle, 99).toFixed(2)} ms`,
    },
  ];
}

function after(ms: number): () => boolean {
  const deadline = performance.now() + ms;
  return () => performance.now() >= deadline;
}

/** Round trips to the ingest port, one after the other and 5 ms apart, until `done`. */
async function probeWhile(collector: RunningCollector, done: Promise<unknown>): Promise<number[]> {
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
