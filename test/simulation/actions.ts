/** Everything that can happen. An action is plain data: what it meets when its turn comes decides what it does. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import type { LogFile, Machine } from './machine.ts';
import { checkPromises } from './verdict.ts';
import type { World } from './world.ts';
import { append, appendHook, begin, copy, eventLogOf, fork, mend, move, newSession, newSubagent, recreate, remove, rewrite, someFile, truncate } from './writing.ts';

export interface Action {
  kind: ActionKind;
  seed: number;
  /** How long the world goes on by itself afterwards. */
  waitMs: number;
}

interface Scene {
  world: World;
  machine: Machine;
  random: SeededRandom;
}

type Perform = (scene: Scene) => void | Promise<void>;

/** The machine's files that are there. */
function present({ machine }: Scene): LogFile[] {
  return machine.files.filter(({ path }) => machine.disk.exists(path));
}

function withFile(scene: Scene, act: (file: LogFile) => void): void {
  const files = present(scene).filter(({ session }) => session !== undefined);
  if (files.length > 0) act(scene.random.pick(files));
}

/** How often each happens, and what it does. */
const ACTIONS = {
  line: [10, ({ machine, random }) => append(machine, someFile(machine, random), 1, random)],
  lines: [8, ({ machine, random }) => append(machine, someFile(machine, random), random.between(2, 6), random)],
  burst: [3, async ({ world, machine, random }) => {
    const file = someFile(machine, random);
    for (let line = random.between(2, 8); line > 0; line -= 1) {
      append(machine, file, 1, random);
      await world.run(random.between(0, 40));
      if (!machine.disk.exists(file.path)) return;
    }
  }],
  begin: [5, ({ machine, random }) => begin(machine, someFile(machine, random), random)],
  finish: [5, ({ machine, random }) => {
    const torn = machine.files.filter(({ rest }) => rest !== undefined);
    if (torn.length > 0) mend(machine, random.pick(torn));
  }],
  hook: [4, ({ machine, random }) => append(machine, eventLogOf(machine), random.between(1, 4), random)],
  session: [5, ({ machine, random }) => append(machine, newSession(machine, random), random.between(1, 4), random)],
  subagent: [3, (scene) => withFile(scene, ({ session }) => {
    if (session !== undefined) append(scene.machine, newSubagent(scene.machine, session, scene.random), scene.random.between(1, 3), scene.random);
  })],
  fork: [4, (scene) => withFile(scene, (file) => fork(scene.machine, file, scene.random))],
  copy: [3, (scene) => withFile(scene, (file) => copy(scene.machine, file, scene.random.pick(scene.world.machines), scene.random))],
  rotate: [3, ({ machine }) => machine.agent?.rotate(1)],
  move: [3, (scene) => withFile(scene, (file) => move(scene.machine, file, scene.random))],
  truncate: [3, (scene) => withFile(scene, (file) => truncate(scene.machine, file, scene.random))],
  truncateAndGrow: [3, (scene) => withFile(scene, (file) => {
    truncate(scene.machine, file, scene.random);
    append(scene.machine, file, scene.random.between(1, 5), scene.random);
  })],
  rewrite: [3, (scene) => withFile(scene, (file) => rewrite(scene.machine, file, scene.random))],
  remove: [2, (scene) => withFile(scene, (file) => remove(scene.machine, file))],
  recreate: [2, (scene) => withFile(scene, (file) => recreate(scene.machine, file, scene.random))],
  removeShipped: [2, async (scene) => {
    await scene.world.run(20_000);
    const { machine, world } = scene;
    if (machine.agent?.tail.status().backlogBytes !== 0 || !machine.agent.isConnected) return;
    world.trace.push('  all of it is shipped');
    withFile(scene, (file) => {
      if (file.rest === undefined) remove(machine, file);
    });
  }],
  crashAgent: [5, ({ machine, random }) => {
    machine.kill();
    if (random.chance(0.8)) machine.start();
  }],
  stopAgent: [2, async ({ machine, random }) => {
    await machine.stop();
    if (random.chance(0.8)) machine.start();
  }],
  startAgent: [3, ({ machine }) => machine.start()],
  loseCheckpoints: [3, ({ machine, random }) => {
    machine.kill();
    loseTail(machine, random);
    machine.start();
  }],
  forgetState: [2, ({ machine }) => {
    machine.kill();
    machine.forgetState();
    machine.start();
  }],
  crashCollector: [5, ({ world, random }) => {
    world.killCollector();
    if (random.chance(0.8)) world.startCollector();
  }],
  stopCollector: [2, async ({ world, random }) => {
    await world.stopCollector();
    if (random.chance(0.8)) world.startCollector();
  }],
  startCollector: [3, ({ world }) => world.startCollector()],
  backUp: [3, ({ world }) => world.backUp()],
  restore: [2, ({ world }) => replaceDatabase(world, true)],
  deleteDatabase: [1, ({ world }) => replaceDatabase(world, false)],
  rewind: [1, ({ world, machine, random }) => {
    const gens = [...machine.agent?.tail.positions() ?? []].map(([gen]) => gen);
    if (gens.length > 0) world.collector?.rewind(machine.machineId, [random.pick(gens)]);
  }],
  cut: [5, ({ machine, random }) => machine.agent?.link?.cut({ arrives: random.chance(0.5) })],
  offline: [2, ({ machine }) => {
    machine.isOffline = true;
    machine.agent?.link?.cut({ arrives: false });
  }],
  online: [3, ({ machine }) => {
    machine.isOffline = false;
  }],
  halfOpen: [3, async ({ world, machine, random }) => {
    machine.agent?.link?.stall(random.pick(['agent', 'collector']));
    if (random.chance(0.3)) machine.agent?.link?.stall('agent');
    if (random.chance(0.5)) return;
    append(machine, someFile(machine, random), 1, random);
    await world.run(random.between(0, 35_000));
    checkPromises(world);
  }],
  release: [3, ({ machine }) => machine.agent?.link?.release()],
  slow: [2, ({ machine, random }) => {
    machine.maxLatencyMs = random.pick([1, 30, 300, 2000]);
  }],
  diskFull: [3, async ({ world, machine, random }) => {
    if (world.collector === undefined) return;
    world.collector.writesLeft = random.between(0, 12);
    for (let file = random.between(1, 3); file > 0; file -= 1) append(machine, someFile(machine, random), random.between(1, 4), random);
    await world.run(random.between(0, 3000));
    checkPromises(world);
    if (random.chance(0.5)) freeDisk(world);
  }],
  diskFree: [2, ({ world }) => freeDisk(world)],
  busy: [2, ({ world, random }) => {
    const { collector } = world;
    if (collector === undefined) return;
    collector.isLocked = true;
    world.clock.after(random.between(1, 5000), () => {
      collector.isLocked = false;
    });
  }],
  /** Some of what is on the way is taken, and some behind it is not. */
  hiccups: [3, async ({ world, machine, random }) => {
    const file = someFile(machine, random);
    for (let round = random.between(3, 8); round > 0; round -= 1) {
      if (world.collector !== undefined) {
        world.collector.isLocked = random.chance(0.4);
        world.collector.writesLeft = random.chance(0.3) ? random.between(0, 3) : Infinity;
      }
      append(machine, file, 1, random);
      await world.run(random.between(0, 6));
      if (!machine.disk.exists(file.path)) break;
    }
    if (world.collector !== undefined) Object.assign(world.collector, { isLocked: false, writesLeft: Infinity });
  }],
  clone: [1, ({ world, machine }) => {
    if (world.machines.length > 4) return;
    const twin = world.clone(machine);
    machine.copyStateTo(twin);
    for (const file of machine.files) {
      if (!machine.disk.exists(file.path)) continue;
      const path = join(twin.home, file.path.slice(machine.home.length + 1));
      twin.disk.append(path, machine.disk.content(file.path));
      twin.files.push({ ...file, path, sizes: [] });
    }
    twin.start();
  }],
  /** Both write lines of one length; then the other one speaks for the machine. */
  diverge: [1, async ({ world, random }) => {
    const twin = world.machines.find((machine, index) => world.machines.some((other, before) => before < index && other.machineId === machine.machineId));
    const original = world.machines.find(({ machineId }) => machineId === twin?.machineId);
    if (twin === undefined || original === undefined) return;
    for (const machine of [original, twin]) appendHook(machine, random);
    await world.run(1000);
    original.isOffline = true;
    original.agent?.link?.cut({ arrives: true });
    await world.run(UNTIL_CLONES_RETRY_MS);
    for (const machine of [original, twin]) appendHook(machine, random);
    await world.run(1000);
    original.isOffline = false;
  }],
  clock: [2, ({ machine, random }) => {
    machine.hasJumped = true;
    machine.clockOffsetMs += random.pick([-3_600_000, -5000, 5000, 3_600_000, 8 * 24 * 3_600_000]);
  }],
  hints: [2, ({ machine, random }) => {
    machine.hints = random.pick([0, 0, 0.5, 1]);
  }],
  settle: [1, ({ world }) => world.settle()],
} satisfies Record<string, readonly [weight: number, perform: Perform]>;

export type ActionKind = keyof typeof ACTIONS;

const KINDS: readonly { kind: ActionKind; weight: number }[] = Object.entries(ACTIONS).map(([kind, [weight]]) => ({ kind: kind as ActionKind, weight }));
const TOTAL = KINDS.reduce((sum, { weight }) => sum + weight, 0);

/** Share of actions after which the promises are checked. */
const CHECKED = 0.1;

function pickKind(random: SeededRandom): ActionKind {
  let left = random.next() * TOTAL;
  for (const { kind, weight } of KINDS) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'line';
}

export function chooseActions(random: SeededRandom, count: number): Action[] {
  return Array.from({ length: count }, () => ({
    kind: pickKind(random),
    seed: random.between(1, 2 ** 30),
    waitMs: random.pick([0, 0, 1, 3, 10, 50, 200, 1000, random.between(0, 5000), random.between(0, 20_000)]),
  }));
}

export async function perform(world: World, { kind, seed, waitMs }: Action): Promise<void> {
  const random = seededRandom(seed);
  const machine = random.pick(world.machines);
  world.trace.push(`${world.clock.monotonic()} ${machine.name} ${kind}`);
  const run: Perform = ACTIONS[kind][1];
  await run({ world, machine, random });
  await world.run(waitMs);
  if (random.chance(CHECKED)) checkPromises(world);
}

/** Refused twice, a clone waits three minutes. */
const UNTIL_CLONES_RETRY_MS = 200_000;

function freeDisk({ collector }: World): void {
  if (collector !== undefined) collector.writesLeft = Infinity;
}

function replaceDatabase(world: World, byBackup: boolean): void {
  world.killCollector();
  world.replaceDatabase({ byBackup });
}

/** The last records never reached the disk, or in part, or as rubbish. */
function loseTail(machine: Machine, random: SeededRandom): void {
  machine.kept.clear();
  for (const name of machine.disk.list(machine.checkpointDir)) {
    const path = join(machine.checkpointDir, name);
    const { length } = readFileSync(path);
    if (name.startsWith('journal') && length > 0) truncateSync(path, random.between(0, length));
    else if (name.startsWith('snapshot') && random.chance(0.1)) writeFileSync(path, 'rubbish');
  }
}
