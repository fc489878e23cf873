/** One seed: a fleet of its own, so many rounds of faults, and a look at what is left after each. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { agentStatusSchema } from '../../shared/status.ts';
import { runJson } from '../support/processes.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { checkMirrored } from './archived.ts';
import { makeFault, pickFault, stopFaults, type Scene } from './faults.ts';
import { startAll, startFleet, type Fleet } from './fleet.ts';
import { EverythingWritten } from './owed.ts';
import { PacketLoss, type Platform } from './platform.ts';
import { judge, untilStored, type Judgement } from './verdict.ts';

export interface HistoryOptions {
  seed: number;
  rounds: number;
  untilMs: number;
  platform: Platform;
  print(line: string): void;
}

export interface HistoryOutcome extends Judgement {
  rounds: number;
  problem: string | undefined;
}

/** Writes until told to stop: mostly in bursts of the same few milliseconds, as a harness does. */
function startWriting({ machines }: Fleet, random: SeededRandom): () => Promise<void> {
  const stop = new AbortController();
  const writing = (async () => {
    while (!stop.signal.aborted) {
      const { writer } = random.pick(machines);
      for (let actions = random.chance(0.1) ? random.between(2, 10) : 1; actions > 0; actions -= 1) writer.act();
      await systemClock.sleep(random.between(0, 40), stop.signal);
    }
  })();
  writing.catch(() => undefined); // whoever stops it hears of it
  return async () => {
    stop.abort();
    await writing;
  };
}

async function makeRound(scene: Scene): Promise<string[]> {
  const { random, fleet } = scene;
  const happened: string[] = [];
  const stopWriting = startWriting(fleet, seededRandom(random.between(1, 2 ** 31)));
  try {
    for (let faults = random.between(1, 6); faults > 0; faults -= 1) {
      await systemClock.sleep(random.pick([0, 20, random.between(0, 300), random.between(0, 900)]));
      happened.push(await makeFault(scene, pickFault(random)));
    }
    await systemClock.sleep(random.between(0, 300));
    for (const { mirrored } of fleet.machines) mirrored?.see();
  } finally {
    await stopWriting();
  }
  return happened;
}

async function settle(scene: Scene, print: (line: string) => void): Promise<Judgement> {
  const { fleet, everything } = scene;
  stopFaults(scene);
  for (const { writer } of fleet.machines) writer.settle();
  await startAll(fleet);
  await untilStored(fleet, everything, print);
  await checkMirrored(fleet);
  const judgement = judge(fleet, everything);
  for (const { owed } of fleet.machines) owed.wasRead();
  for (const service of [fleet.collector, ...fleet.machines.map(({ agent }) => agent)]) {
    service.checkAlive();
    service.mayEnd = false;
  }
  return judgement;
}

/** What the programs say about themselves at the end is what was found. */
async function checkStatuses({ fleet }: Scene): Promise<void> {
  for (const { home, name } of fleet.machines) {
    await until(`${name} to say that nothing waits`, async () => {
      const status = await runJson(home, 'tt-agent', ['status', '--json'], (value) => agentStatusSchema.parse(value));
      if (status.running && status.connected && status.backlog_bytes === 0 && status.drained_at !== null) return true;
      throw new Error(JSON.stringify(status));
    }, { timeoutMs: 40_000, everyMs: 500 });
  }
  for (const service of [...fleet.machines.map(({ agent }) => agent), fleet.collector]) await service.stop();
}

function keep(fleet: Fleet, seed: number): string {
  const directory = join(fleet.laptop.directory, '..', `tt-torture-seed-${seed}`);
  for (const { name, home } of [{ name: 'laptop', home: fleet.laptop }, ...fleet.machines]) {
    // What lies on a file system of its own goes with this process.
    cpSync(home.directory, join(directory, name), { recursive: true, filter: (path) => !path.endsWith('.sock') && !path.endsWith('.ballast') });
  }
  return directory;
}

function peaks({ collector, machines }: Fleet): string {
  const agents = Math.max(...machines.map(({ agent }) => agent.peakMegabytes));
  return `agents ≤ ${agents.toFixed(0)} MB, collector ${collector.peakMegabytes.toFixed(0)} MB, this ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB`;
}

export async function runHistory({ seed, rounds, untilMs, platform, print }: HistoryOptions): Promise<HistoryOutcome> {
  const random = seededRandom(seed);
  const everything = new EverythingWritten();
  const fleet = await startFleet(random, { platform, everything, isArchived: seed % 2 === 1 });
  const scene: Scene = { fleet, random, everything, packets: platform.hasPackets ? new PacketLoss() : undefined, backup: undefined, backups: 0 };
  const outcome: HistoryOutcome = { rounds: 0, facts: 0, gaps: 0, vagueGaps: 0, problem: undefined };
  let happened: string[] = [];
  try {
    while (outcome.rounds < rounds && Date.now() < untilMs) {
      // Each round is drawn from a number of its own: what the one before met on its way changes nothing.
      const roundRandom = seededRandom(random.between(1, 2 ** 31));
      const started = performance.now();
      happened = [];
      const round = { ...scene, random: roundRandom };
      happened = await makeRound(round);
      Object.assign(scene, { backup: round.backup, backups: round.backups });
      const judgement = await settle(scene, print);
      Object.assign(outcome, { rounds: outcome.rounds + 1, ...judgement });
      print(`seed ${seed} round ${outcome.rounds}/${rounds}: ${happened.join(', ')} · ${judgement.facts} facts, ${judgement.gaps} gaps, ${((performance.now() - started) / 1000).toFixed(1)} s`);
    }
    print(`seed ${seed}: ${outcome.facts} facts, ${outcome.gaps} gaps (${outcome.vagueGaps} reach too far) · ${counts(fleet)} · ${peaks(fleet)}`);
    await checkStatuses(scene);
  } catch (error) {
    for (const service of [fleet.collector, ...fleet.machines.map(({ agent }) => agent)]) print(`  ${service.lastWords}`);
    outcome.problem = `round ${outcome.rounds + 1}: ${error instanceof Error ? error.message : String(error)}`;
    print(`seed ${seed} FAILED in ${outcome.problem}\n  happened: ${happened.join(', ')}\n  kept in ${keep(fleet, seed)}\n  again: npm run torture -- --seed ${seed} --rounds ${outcome.rounds + 1}`);
  }
  await fleet.close({ keep: false });
  return outcome;
}

function counts({ machines }: Fleet): string {
  const sum = (key: 'lines' | 'cuts' | 'removals' | 'renames'): number => machines.reduce((total, { writer }) => total + writer.counts[key], 0);
  return `${sum('lines')} lines, ${sum('cuts')} cuts, ${sum('removals')} removals, ${sum('renames')} renames`;
}
