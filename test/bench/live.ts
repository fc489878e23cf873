/**
 * From the moment before an append to the moment its event can be read from the
 * database by another process. Beside each case the bare floor: a process that
 * watches the same directories with fs.watch and reads what was appended, run
 * on the same plan (with other IDs) right after.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { killAll } from '../support/processes.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { promptLine, type LineContext } from '../support/claude-lines.ts';
import { until } from '../support/until.ts';
import type { Corpus } from './corpus.ts';
import type { PlannedAppend } from './live-roles.ts';
import { median, percentile, type Row } from './measure.ts';
import { storedIn, watchStore } from './backfill.ts';

interface Case {
  name: string;
  p50?: number;
  p99: number;
  /** Files that are there, and known to the agent, before it starts. */
  prepare?(projects: string, random: SeededRandom): void;
  plan(projects: string, random: SeededRandom): PlannedAppend[];
}

/** One prompt of a person: an entry and its fact's name. */
export function appendOf(path: string, random: SeededRandom, afterMs: number, isTimed = true): PlannedAppend {
  const context: LineContext = { version: '2.1.329', sessionId: sessionOf(path), agentId: undefined, cwd: '/home/dev/app', random, now: () => Date.now() };
  const { text, facts } = promptLine(context, 'x'.repeat(random.between(100, 400)));
  return { path, text: `${text}\n`, name: isTimed ? (facts[0] ?? '').replace('user_message:', '') : '', afterMs };
}

function sessionOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace('.jsonl', '');
}

function fill(directory: string, count: number, random: SeededRandom): string[] {
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: count }, () => {
    const path = join(directory, `${random.uuid()}.jsonl`);
    writeFileSync(path, appendOf(path, random, 0).text);
    return path;
  });
}

const CASES: Case[] = (() => {
  const files = new Map<string, string[]>();
  const knownFiles = (projects: string): string[] => files.get(projects) ?? [];
  const prepare = (count: number) => (projects: string, random: SeededRandom): void => {
    files.set(projects, fill(join(projects, '-home-dev-app'), count, random));
  };
  const steady = (count: number, low: number, high: number) => (projects: string, random: SeededRandom): PlannedAppend[] =>
    Array.from({ length: count }, () => appendOf(knownFiles(projects)[0] ?? '', random, random.between(low, high)));
  return [
    { name: 'isolated line', p50: 5, p99: 15, prepare: prepare(3), plan: steady(100, 100, 250) },
    { name: '50 lines/s, 200 files in the directory', p50: 5, p99: 20, prepare: prepare(200), plan: steady(500, 19, 21) },
    {
      name: 'last line of a burst (2–50 writes, 0–40 ms apart)', p99: 120, prepare: prepare(20),
      plan: (projects, random) => Array.from({ length: 60 }, () => {
        const path = random.pick(knownFiles(projects));
        const [writes, gap] = [random.between(2, 50), random.pick([0, 1, 3, 10, 20, 40])];
        return Array.from({ length: writes }, (_, at) => appendOf(path, random, at === 0 ? random.between(150, 300) : gap, at === writes - 1));
      }).flat(),
    },
    {
      name: 'file in a directory made a moment ago', p99: 1000, prepare: prepare(3),
      plan: (projects, random) => Array.from({ length: 60 }, () => appendOf(join(projects, `-home-dev-new-${random.uuid()}`, `${random.uuid()}.jsonl`), random, random.between(20, 200))),
    },
  ];
})();

const BESIDE: Case = {
  name: 'beside a backfill', p99: 40,
  prepare: (projects, random) => void fill(join(projects, '-home-dev-app'), 3, random),
  plan: (projects, random) => {
    const path = join(projects, '-home-dev-app', `${random.uuid()}.jsonl`);
    return Array.from({ length: 400 }, () => appendOf(path, random, 15));
  },
};

export interface LiveOptions {
  /** The bundle of live-roles.ts. */
  roles: string;
  corpus: Corpus;
  isQuick: boolean;
}

export async function measureLive({ roles, corpus, isQuick }: LiveOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const each of CASES) {
    const measured = await runCase(each, roles, isQuick);
    const floor = await runEcho(each, roles, isQuick);
    rows.push(...toRows(each, measured, floor));
  }
  rows.push(...toRows(BESIDE, await besideBackfill({ roles, corpus, isQuick }), await runEcho(BESIDE, roles, isQuick)));
  return rows;
}

export interface Latencies {
  times: number[];
  missed: number;
}

function toRows({ name, p50, p99 }: Case, measured: Latencies, floor: Latencies): Row[] {
  const note = `bare fs.watch echo p50 ${median(floor.times).toFixed(2)}, p99 ${percentile(floor.times, 99).toFixed(2)} ms`;
  return [
    { name: `live: ${name}, p50`, measured: median(measured.times), unit: 'ms', ...(p50 === undefined ? {} : { target: p50 }), note },
    { name: `live: ${name}, p99`, measured: percentile(measured.times, 99), unit: 'ms', target: p99, note: `n=${measured.times.length}, max ${Math.max(...measured.times).toFixed(1)} ms` },
    { name: `live: ${name}, never seen`, measured: measured.missed, target: 0 },
  ];
}

function planned(plan: readonly PlannedAppend[], isQuick: boolean): PlannedAppend[] {
  return isQuick ? plan.slice(0, Math.ceil(plan.length / 3)) : [...plan];
}

async function runCase(each: Case, roles: string, isQuick: boolean): Promise<Latencies> {
  const laptop = createMachineHome('live-c');
  const devbox = createMachineHome('live-a');
  try {
    const random = seededRandom(1);
    each.prepare?.(devbox.projects, random);
    const plan = planned(each.plan(devbox.projects, random), isQuick);
    await startCollector(laptop);
    await enrol(laptop, devbox, 'live');
    await startAgent(devbox);
    await untilQuiet(laptop);
    return toLatencies(await appendAndRead(plan, { roles, laptop, devbox }));
  } finally {
    await killAll();
    laptop.remove();
    devbox.remove();
  }
}

/** An agent that finds a large history at its first start, while a session goes on; only lines written before the history was stored count. */
async function besideBackfill({ roles, corpus, isQuick }: LiveOptions): Promise<Latencies> {
  const all: Latencies = { times: [], missed: 0 };
  for (let run = 0; run < (isQuick ? 1 : 3); run += 1) {
    const laptop = createMachineHome('live-c');
    const devbox = createMachineHome('live-a');
    devbox.environment['CLAUDE_CONFIG_DIR'] = `${devbox.environment['CLAUDE_CONFIG_DIR'] ?? ''},${corpus.configDir}`;
    try {
      const random = seededRandom(run + 1);
      BESIDE.prepare?.(devbox.projects, random);
      await startCollector(laptop);
      await enrol(laptop, devbox, 'live');
      await startAgent(devbox);
      const watcher = watchStore(laptop.paths.database);
      await until('the backfill to begin', () => watcher.stored().rows > 200, { timeoutMs: 60_000, everyMs: 5 });
      let backfilledAt = Infinity;
      const backfilled = until('the backfill to end', () => {
        if (watcher.stored().offsets < corpus.bytes) return false;
        backfilledAt = monotonicMs();
        return true;
      }, { timeoutMs: 300_000, everyMs: 50 });
      const compared = await appendAndRead(BESIDE.plan(devbox.projects, random), { roles, laptop, devbox });
      await backfilled;
      watcher.close();
      const { times, missed } = toLatencies(compared.filter(({ writtenAt }) => writtenAt < backfilledAt));
      all.times.push(...times);
      all.missed += missed;
    } finally {
      await killAll();
      laptop.remove();
      devbox.remove();
    }
  }
  return all;
}

/** Lines as they were written and seen in the database, by processes of their own. */
export async function appendAndRead(plan: readonly PlannedAppend[], { roles, laptop, devbox }: { roles: string; laptop: MachineHome; devbox: MachineHome }): Promise<Compared[]> {
  const planFile = keep(plan, devbox);
  const reader = await startReader(roles, 'read', planFile, laptop.paths.database);
  return compare(planFile, roles, reader);
}

/** The clock of the roles. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function runEcho(each: Case, roles: string, isQuick: boolean): Promise<Latencies> {
  const home = createMachineHome('live-e');
  try {
    const random = seededRandom(2);
    each.prepare?.(home.projects, random);
    const plan = planned(each.plan(home.projects, random), isQuick);
    const reader = await startReader(roles, 'echo', home.projects);
    return toLatencies(await compare(keep(plan, home), roles, reader));
  } finally {
    home.remove();
  }
}

interface Role {
  child: ChildProcess;
  seen: Map<string, number>;
}

function keep(plan: readonly PlannedAppend[], home: MachineHome): string {
  const planFile = join(home.directory, 'plan.json');
  writeFileSync(planFile, JSON.stringify(plan));
  return planFile;
}

async function startReader(roles: string, role: 'read' | 'echo', ...targets: string[]): Promise<Role> {
  const reader = start(roles, role, ...targets);
  await until('the reader', () => reader.seen.has('ready'), { everyMs: 5 });
  return reader;
}

function start(roles: string, role: string, ...targets: string[]): Role {
  const child = spawn(process.execPath, [roles, role, ...targets], { stdio: ['ignore', 'pipe', 'inherit'], cwd: dirname(roles) });
  const seen = new Map<string, number>();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { name, at } = JSON.parse(line) as { name: string; at: number };
      if (!seen.has(name)) seen.set(name, at);
    }
  });
  return { child, seen };
}

export interface Compared {
  writtenAt: number;
  /** Undefined: never. */
  seenAt: number | undefined;
}

async function compare(planFile: string, roles: string, reader: Role): Promise<Compared[]> {
  const writer = start(roles, 'write', planFile);
  await new Promise((resolve) => writer.child.once('close', resolve));
  const names = [...writer.seen.keys()];
  // A line that does not come within this time is counted as never seen, not as an error.
  await until('every line to be seen', () => names.every((name) => reader.seen.has(name)), { timeoutMs: 20_000 }).catch(() => undefined);
  reader.child.kill('SIGKILL');
  return [...writer.seen].map(([name, writtenAt]) => ({ writtenAt, seenAt: reader.seen.get(name) }));
}

export function toLatencies(compared: readonly Compared[]): Latencies {
  const times = compared.flatMap(({ writtenAt, seenAt }) => (seenAt === undefined ? [] : [seenAt - writtenAt]));
  return { times, missed: compared.length - times.length };
}

/** What was there before is stored, and nothing moves any more. */
async function untilQuiet(laptop: MachineHome): Promise<void> {
  let last = -1;
  let same = 0;
  await until('the first look to be over', () => {
    const { rows } = storedIn(laptop.paths.database);
    same = rows === last ? same + 1 : 0;
    last = rows;
    return rows > 0 && same >= 5;
  }, { everyMs: 200 });
}
