/** Everything that happens to programs, links, disks, clocks and the database while logs are written. */
import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../shared/clock.ts';
import { ARCHIVE_RESERVE_BYTES } from '../../shared/limits.ts';
import { runCommand } from '../support/processes.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { emptyDirectory, startCollector, tt, type Fleet, type Service, type TorturedMachine } from './fleet.ts';
import type { EverythingWritten } from './owed.ts';
import { namesIn, type PacketLoss } from './platform.ts';

export interface Scene {
  readonly fleet: Fleet;
  readonly random: SeededRandom;
  readonly everything: EverythingWritten;
  readonly packets: PacketLoss | undefined;
  /** The last backup, and what it holds at least. */
  backup: { path: string; seen: ReadonlySet<string> } | undefined;
  backups: number;
}

interface Target extends Scene {
  machine: TorturedMachine;
}

type Perform = (target: Target) => void | Promise<void>;

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const CLOCKS_MS = [0, 0, -HOUR_MS, HOUR_MS, 26 * HOUR_MS, 9 * 24 * HOUR_MS];

async function pause(random: SeededRandom, most: number): Promise<void> {
  await systemClock.sleep(random.between(0, most));
}

async function startAgain(service: Service, { random, fleet }: Scene): Promise<void> {
  if (random.chance(0.3)) return;
  await pause(random, 400);
  if (service.isRunning) return;
  if (service === fleet.collector) await startCollector(service).catch(explainFull(service));
  else service.start();
}

/** Where the disk is full it may not come up; the end of the round starts it again. */
function explainFull(service: Service): (error: unknown) => void {
  return (error) => {
    if (!service.mayEnd) throw error;
  };
}

async function freeze(service: Service, random: SeededRandom): Promise<void> {
  if (!service.isRunning) return;
  service.freeze();
  await pause(random, 1200);
  if (random.chance(0.8)) service.thaw();
}

function jump(service: Service, random: SeededRandom): number {
  if (service.time === undefined) return 0;
  const before = service.time.offsetMs;
  service.time.set(random.pick(CLOCKS_MS));
  return service.time.offsetMs - before;
}

async function replaceDatabase(target: Target, replace: () => Promise<void>): Promise<void> {
  const { collector } = target.fleet;
  await (target.random.chance(0.5) ? collector.kill() : collector.stop());
  await replace();
  await startCollector(collector).catch(explainFull(collector));
}

/** Everything the agent knows about what it has sent, or its last records, or it has rubbish behind them. */
function damageState({ machine, random }: Target): string {
  const { stateDir, checkpointDir } = machine.home.paths;
  const how = random.pick(['deleted', 'cut', 'rubbish']);
  if (how === 'deleted') emptyDirectory(stateDir);
  for (const name of namesIn(checkpointDir)) {
    const path = join(checkpointDir, name);
    if (how === 'rubbish') appendFileSync(path, '\0\0rubbish{');
    else if (name.startsWith('journal')) truncateSync(path, random.between(0, readFileSync(path).length));
  }
  return how;
}

/** How often each happens, and what it does. */
const FAULTS = {
  'kill agent': [14, async (target) => {
    await target.machine.agent.kill();
    await startAgain(target.machine.agent, target);
  }],
  'stop agent': [4, async (target) => {
    await target.machine.agent.stop();
    await startAgain(target.machine.agent, target);
  }],
  'freeze agent': [6, ({ machine, random }) => freeze(machine.agent, random)],
  'kill collector': [12, async (target) => {
    await target.fleet.collector.kill();
    await startAgain(target.fleet.collector, target);
  }],
  'stop collector': [4, async (target) => {
    await target.fleet.collector.stop();
    await startAgain(target.fleet.collector, target);
  }],
  'freeze collector': [6, ({ fleet, random }) => freeze(fleet.collector, random)],
  'cut': [6, ({ machine }) => machine.link.cut()],
  'break in a frame': [8, ({ machine, random }) => {
    machine.link.fail({ breaksAfter: { direction: random.pick(['up', 'up', 'down']), bytes: random.between(1, random.pick([50, 2000, 100_000])) } });
  }],
  'stall': [5, ({ machine, random }) => machine.link.fail({ stalls: random.pick(['up', 'down', 'both']) })],
  'lose acks': [6, async ({ machine, random }) => {
    machine.link.fail({ swallows: 'down' });
    await pause(random, 600);
    machine.link.heal();
  }],
  'lose batches': [4, async ({ machine, random }) => {
    machine.link.fail({ swallows: 'up' });
    await pause(random, 600);
    machine.link.heal();
  }],
  'refuse': [3, async ({ machine, random }) => {
    machine.link.fail({ refuses: true });
    machine.link.cut();
    await pause(random, 500);
    if (random.chance(0.7)) machine.link.heal();
  }],
  'slow': [5, ({ machine, random }) => machine.link.fail({ slow: { ms: random.pick([2, 20, 100]), bytes: random.pick([7, 500, 20_000]) } })],
  'heal': [6, ({ machine }) => machine.link.heal()],
  'lose packets': [5, ({ machine, random, packets }) => packets?.lose(machine.link.port, random.pick([5, 30, 100]))],
  'full disk of the agent': [7, ({ machine, random }) => {
    if (machine.disk === undefined) return;
    machine.agent.mayEnd = true;
    machine.disk.fill(random.pick([0, 4096, 60_000]));
  }],
  'full disk of the collector': [6, ({ fleet, random }) => {
    fleet.archiveDisk?.fill(ARCHIVE_RESERVE_BYTES - 1);
    if (fleet.collectorDisk === undefined) return;
    fleet.collector.mayEnd = true;
    fleet.collectorDisk.fill(random.pick([0, 8192, 400_000]));
  }],
  'room again': [4, ({ fleet, machine }) => {
    fleet.collectorDisk?.free();
    fleet.archiveDisk?.free();
    machine.disk?.free();
  }],
  'clock of the agent': [6, ({ machine, random }) => {
    if (jump(machine.agent, random) > WEEK_MS - HOUR_MS) machine.owed.weekPassed();
  }],
  'clock of the collector': [3, ({ fleet, random }) => void jump(fleet.collector, random)],
  'back up': [5, async (target) => {
    const { fleet, everything } = target;
    if (!fleet.collector.isRunning || fleet.collector.mayEnd) return;
    const seen = everything.seen;
    const path = join(fleet.laptop.directory, `backup-${(target.backups += 1)}`);
    const { code } = await runCommand(fleet.laptop, 'tt', ['collector', 'backup', path]);
    // The collector may be killed meanwhile, or stand still: then there is none.
    if (code !== 0) return;
    if (target.backup !== undefined) rmSync(target.backup.path, { force: true });
    target.backup = { path, seen };
  }],
  'restore': [4, async (target) => {
    const { backup, fleet } = target;
    if (backup === undefined || fleet.collector.mayEnd) return;
    await replaceDatabase(target, async () => {
      target.everything.databaseReplaced(backup.seen);
      await tt(fleet, 'collector', 'restore', backup.path);
    });
  }],
  'delete the database': [3, (target) => replaceDatabase(target, async () => {
    const { laptop } = target.fleet;
    target.everything.databaseReplaced(new Set());
    for (const name of namesIn(laptop.paths.dataDir)) {
      if (name.startsWith('collector.db')) rmSync(join(laptop.paths.dataDir, name));
    }
  })],
  'damage the state': [5, async (target) => {
    await target.machine.agent.kill();
    damageState(target);
    target.machine.agent.start();
  }],
} satisfies Record<string, readonly [weight: number, perform: Perform]>;

export type FaultName = keyof typeof FAULTS;

const NAMES = (Object.keys(FAULTS) as FaultName[]).flatMap((name) => Array.from({ length: FAULTS[name][0] }, () => name));

export function pickFault(random: SeededRandom): FaultName {
  return random.pick(NAMES);
}

/** Makes it happen; what it is called, with where. */
export async function makeFault(scene: Scene, name: FaultName): Promise<string> {
  const machine = scene.random.pick(scene.fleet.machines);
  const perform: Perform = FAULTS[name][1];
  const target: Target = Object.assign(Object.create(scene) as Scene, { machine });
  await perform(target);
  return /collector|back up|restore|database/.test(name) ? name : `${name} ${machine.name}`;
}

/** Programs are started again by somebody else. */
export function stopFaults({ fleet, packets }: Scene): void {
  packets?.heal();
  fleet.collectorDisk?.free();
  fleet.archiveDisk?.free();
  for (const { disk, link } of fleet.machines) {
    disk?.free();
    link.heal();
  }
}
