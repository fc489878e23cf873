/** Machines, one collector and the ways between them, on one clock and out of one seed. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWriter, type Database } from '../../collector/store/database.ts';
import type { CollectorIdentity } from '../../collector/enrolment/collector-identity.ts';
import { parseCollectorId, parseMachineId, type MachineId } from '../../shared/ids.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import { decompressFrame } from '../../shared/protocol/compression.ts';
import { createKeyPair, type KeyPair } from '../../shared/protocol/tokens.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { CollectorProgram } from './collector-program.ts';
import { claimsIn, gapsIn } from './database-content.ts';
import { Machine } from './machine.ts';
import { Model } from './model.ts';
import { closeDescriptorsBelow, usePlatform, type Platform } from './platform.ts';
import { checkCheckpoints, checkFacts, checkPositions, checkPromises } from './verdict.ts';
import { Violation } from './violation.ts';
import { mend } from './writing.ts';

const SHARED_MEMORY = '/dev/shm';
const START_MS = Date.UTC(2026, 0, 5, 12);
const SYNC_MAX_MS = 8;

/** A clone is refused twice before its machine may come again, three minutes each. */
const SETTLED_WITHIN_MS = 15 * 60_000;
const SETTLE_STEP_MS = 500;

export class World {
  readonly clock: ManualClock;
  /** For what happens by itself; actions have chance of their own. */
  readonly random: SeededRandom;
  readonly model = new Model();
  readonly directory: string;
  readonly databasePath: string;
  readonly identity: CollectorIdentity;
  readonly machines: Machine[] = [];
  collector: CollectorProgram | undefined;
  nextConnectionId = 1;
  /** What happened, one line each. */
  readonly trace: string[] = [];
  readonly #history = createHash('sha256');
  readonly #keys: readonly KeyPair[];
  #failure: string | undefined;
  #database: Database | undefined;
  #backup: { path: string } | undefined;

  private constructor(seed: number, keys: readonly KeyPair[], identity: CollectorIdentity) {
    this.clock = new ManualClock(START_MS, seed);
    this.random = seededRandom(seed ^ 0x5eed);
    this.#keys = keys;
    this.identity = identity;
    this.directory = mkdtempSync(join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), 'tt-simulation-'));
    this.databasePath = join(this.directory, 'collector', 'collector.db');
    usePlatform(this.#platform());
  }

  static async open(seed: number, machineCount: number): Promise<World> {
    keyPairs ??= Promise.all([1, 2, 3, 4].map(() => createKeyPair()));
    const [own, ...rest] = await keyPairs;
    const collectorId = parseCollectorId('c0110000-0000-4000-8000-000000000000');
    if (own === undefined || collectorId === undefined) throw new Error('no identity');
    const world = new World(seed, rest, { collectorId, keys: own });
    try {
      mkdirSync(join(world.directory, 'collector'));
      placeEmptyDatabase(world.databasePath);
      for (let number = 0; number < machineCount; number += 1) world.#addMachine(number);
      world.startCollector();
      for (const machine of world.machines) machine.start();
      return world;
    } catch (error) {
      world.close();
      throw error;
    }
  }

  #platform(): Platform {
    return {
      random: seededRandom(this.random.between(1, 2 ** 30)),
      touched() {},
      synced: (path, task) => {
        const machine = this.machines.find(({ home }) => path.startsWith(`${home}/`));
        machine?.agent?.clock.after(Math.floor(this.clock.random() * SYNC_MAX_MS), task);
      },
    };
  }

  #addMachine(number: number): void {
    const keys = this.#keys[number];
    if (keys === undefined) throw new Error('no key for another machine');
    this.machines.push(new Machine(this, {
      name: `m${number + 1}`, machineId: machineIdOf(number), keys, random: seededRandom(this.random.between(1, 2 ** 30)),
      // Half of the ways are tunnels, whose frames are compressed.
      endpoint: number % 2 === 0 ? 'http://127.0.0.1:7071' : 'tt+unix:///run/tt/m.sock',
    }));
  }

  /** The same home on another host: both believe that they are this machine. */
  clone(original: Machine): Machine {
    const twin = new Machine(this, {
      name: `${original.name}-clone${this.machines.length}`, machineId: original.machineId, keys: original.keys, endpoint: original.endpoint,
      random: seededRandom(this.random.between(1, 2 ** 30)),
    });
    this.machines.push(twin);
    return twin;
  }

  /** A frame was sent. */
  sent(bytes: Buffer, isBinary: boolean): void {
    const text = (isBinary ? decompressFrame(bytes, WIRE_LIMITS.frameBytes) : bytes).toString('utf8');
    this.#history.update(`${this.clock.monotonic()} ${text.replaceAll(this.directory, '')}`);
  }

  digest(): string {
    return this.#history.copy().digest('hex');
  }

  fail(what: string): void {
    this.#failure ??= what;
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw new Violation(this.#failure);
  }

  /** Lets `ms` pass. */
  async run(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    await flush();
    while (this.clock.step(end)) await flush();
    this.throwFailure();
  }

  /** Lets time pass until `promise` is settled. */
  async until<T>(promise: Promise<T>, limitMs: number, problem: string): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => (isSettled = true));
    settled.catch(() => {});
    const end = this.clock.monotonic() + limitMs;
    await flush();
    while (!isSettled && this.clock.step(end)) await flush();
    if (!isSettled) throw new Violation(problem);
    return settled;
  }

  /** An agent of this machine just ended. */
  agentEnded(machine: Machine): void {
    checkCheckpoints(this, machine);
  }

  startCollector(): void {
    this.collector ??= new CollectorProgram(this);
  }

  /**
   * One connection serves all collectors until the file is another: what a crash
   * takes is in their heads, and opening costs more than most of what they do.
   */
  openDatabase(): Database {
    if (this.#database !== undefined) return this.#database;
    const database = openWriter(this.databasePath);
    // A crash takes a program here, never the page cache.
    database.pragma('synchronous = OFF');
    const prepare = database.prepare.bind(database);
    const prepared = new Map<string, unknown>();
    Object.assign(database, {
      prepare: (sql: string) => {
        if (!prepared.has(sql)) prepared.set(sql, prepare(sql));
        return prepared.get(sql);
      },
    });
    this.#database = database;
    return database;
  }

  #closeDatabase(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  killCollector(): void {
    checkPromises(this);
    this.collector?.kill();
    this.collector = undefined;
  }

  async stopCollector(): Promise<void> {
    const { collector } = this;
    if (collector === undefined) return;
    await this.until(collector.close(), 60_000, 'the collector did not stop');
    this.collector = undefined;
  }

  /** A consistent copy of the database, as `tt collector backup` makes one. */
  backUp(): void {
    if (this.collector === undefined) return;
    const path = join(this.directory, 'collector', 'backup.db');
    this.collector.database.pragma('wal_checkpoint(TRUNCATE)');
    copyFileSync(this.databasePath, path);
    this.#backup = { path };
  }

  /** Puts the copy back, or leaves none, and starts the collector on it. Only while none runs. */
  replaceDatabase({ byBackup }: { byBackup: boolean }): void {
    this.#closeDatabase();
    for (const end of ['', '-wal', '-shm']) rmSync(`${this.databasePath}${end}`, { force: true });
    if (byBackup && this.#backup !== undefined) copyFileSync(this.#backup.path, this.databasePath);
    this.model.databaseEpoch += 1;
    for (const machine of this.machines) machine.kept.clear();
    this.startCollector();
    if (this.collector !== undefined) this.model.acknowledged = new Set(claimsIn(this.collector.database));
  }

  /** Everything that is broken is repaired; then it may take its time, and everything must be right. */
  async settle({ isLast = false } = {}): Promise<void> {
    checkPromises(this);
    this.#repair();
    const since = this.clock.monotonic();
    while (!this.#isSettled(since)) {
      if (this.clock.monotonic() - since > SETTLED_WITHIN_MS) throw new Violation(`it does not settle: ${this.#unsettled(since)}`);
      await this.run(SETTLE_STEP_MS);
    }
    checkFacts(this);
    for (const machine of this.machines) {
      if (machine.agent === undefined) continue;
      await machine.stop();
      checkPositions(this, machine);
      if (!isLast) machine.start();
    }
  }

  #repair(): void {
    this.startCollector();
    if (this.collector !== undefined) Object.assign(this.collector, { writesLeft: Infinity, isLocked: false });
    for (const machine of this.machines) {
      machine.isOffline = false;
      machine.maxLatencyMs = Math.min(machine.maxLatencyMs, 50);
      if (this.#isClone(machine)) machine.kill();
      else machine.start();
      for (const file of machine.files) if (this.random.chance(0.5)) mend(machine, file);
    }
  }

  /** Of two that say they are the same, a person keeps the older. */
  #isClone(machine: Machine): boolean {
    return this.machines.find(({ machineId }) => machineId === machine.machineId) !== machine;
  }

  #isSettled(since: number): boolean {
    return this.#unsettled(since) === '';
  }

  #unsettled(since: number): string {
    const told = this.collector === undefined ? [] : gapsIn(this.collector.database);
    return this.machines.flatMap(({ name, agent, clockOffsetMs }) => {
      if (agent === undefined) return [];
      const { backlogBytes, drainedAt, gaps } = agent.tail.status();
      const startedAt = this.clock.now() - (this.clock.monotonic() - since) + clockOffsetMs;
      if (!agent.isConnected) return [`${name} is not connected (${agent.uplink.status().problem})`];
      if (backlogBytes !== 0) return [`${name} has ${backlogBytes} bytes to send`];
      // Status frames tell them, every few seconds.
      const untold = gaps.filter((gap) => !told.some(({ gen, from }) => gen === gap.gen && from === gap.from));
      if (untold.length > 0) return [`${name} has ${untold.length} gaps to tell`];
      // Where its clock was set back, what it drained before lies in the future.
      const isDrained = drainedAt !== null && drainedAt > startedAt && drainedAt <= this.clock.now() + clockOffsetMs;
      return isDrained ? [] : [`${name} drained at ${drainedAt}, not after ${startedAt}`];
    }).join('; ');
  }

  close(): void {
    for (const { agent } of this.machines) agent?.kill();
    this.collector?.kill();
    this.#closeDatabase();
    closeDescriptorsBelow(this.directory);
    usePlatform(undefined);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

let keyPairs: Promise<KeyPair[]> | undefined;
let emptyDatabase: Buffer | undefined;

/** Creating the schema costs more than most seeds: it is done once. */
function placeEmptyDatabase(path: string): void {
  if (emptyDatabase === undefined) {
    const database = openWriter(path);
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
    emptyDatabase = readFileSync(path);
  }
  writeFileSync(path, emptyDatabase, { mode: 0o600 });
}

function machineIdOf(number: number): MachineId {
  const id = parseMachineId(`${String(number + 1).repeat(8)}-0000-4000-8000-000000000000`);
  if (id === undefined) throw new Error('no machine ID');
  return id;
}

/** Every promise that can go on does: the platform was made to answer without threads. */
function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
