/** One collector and the agents of its machines, as real processes that somebody keeps starting again. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openControl } from '../../collector/control/open-control.ts';
import { systemClock } from '../../shared/clock.ts';
import { ARCHIVE_RESERVE_BYTES } from '../../shared/limits.ts';
import { enrol } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { runCommand, startProgram, type ProgramName, type RunningProgram } from '../support/processes.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { Link } from './link.ts';
import { allowArchive, Mirrored } from './mirrored.ts';
import { MachineOwed, type EverythingWritten } from './owed.ts';
import { Disk, namesIn, ProgramTime, type Platform } from './platform.ts';
import { Writer } from './writing.ts';

/** A program of one machine that ended although nobody ended it. */
const LAST_WORDS = 1500;

export class UnexpectedEnd extends Error {}

/** A program that is to run, whatever happens to it. */
export class Service {
  readonly name: string;
  readonly home: MachineHome;
  readonly #program: ProgramName;
  readonly #args: readonly string[];
  #running: RunningProgram | undefined;
  #isFrozen = false;
  /** A full disk may end it: it is started again like by any service manager. */
  mayEnd = false;
  time: ProgramTime | undefined;

  constructor(name: string, home: MachineHome, program: ProgramName, args: readonly string[]) {
    this.name = name;
    this.home = home;
    this.#program = program;
    this.#args = args;
  }

  get isRunning(): boolean {
    return this.#running?.isAlive() === true;
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#running?.pid : undefined;
  }

  start(): RunningProgram {
    if (this.#running !== undefined && this.isRunning) return this.#running;
    this.#running = startProgram(this.home, this.#program, this.#args, { environment: this.time?.environment ?? {} });
    this.#isFrozen = false;
    const started = this.#running;
    started.ended.then(({ code, signal }) => {
      if (this.#running === started) this.#endedBy = { code, signal, stderr: started.stderr() };
    }).catch(() => undefined);
    return started;
  }

  #endedBy: { code: number | null; signal: string | null; stderr: string } | undefined;

  async kill(): Promise<void> {
    const running = this.#running;
    this.checkAlive();
    this.#running = undefined;
    await running?.kill();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.checkAlive();
    if (running === undefined || !running.isAlive()) return;
    if (this.#isFrozen) this.thaw();
    this.#running = undefined;
    const { code, signal } = await running.stop(30_000);
    // Before its signals are listened for, the first one ends it.
    if (code !== 0 && signal !== 'SIGTERM' && !this.mayEnd) throw new UnexpectedEnd(`${this.name} answered SIGTERM with ${code ?? signal}: ${running.stderr().slice(-3000)}`);
  }

  freeze(): void {
    this.#running?.signal('SIGSTOP');
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#running?.signal('SIGCONT');
    this.#isFrozen = false;
  }

  /** Throws when it ended by itself. */
  checkAlive(): void {
    const ended = this.#endedBy;
    this.#endedBy = undefined;
    if (ended === undefined) return;
    this.#running = undefined;
    if (!this.mayEnd) throw new UnexpectedEnd(`${this.name} ended by itself (${ended.code ?? ended.signal}): ${ended.stderr.slice(-3000)}`);
  }

  /** What it said last, for whoever reads of a failure. */
  get lastWords(): string {
    return `${this.name} (${this.isRunning ? `runs as ${this.pid}` : 'does not run'}): ${this.#running?.stderr().slice(-LAST_WORDS) ?? ''}`;
  }

  /** Most memory it ever took, in MB. */
  get peakMegabytes(): number {
    if (this.pid === undefined) return 0;
    const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) / 1024;
  }
}

export interface TorturedMachine {
  readonly name: string;
  readonly home: MachineHome;
  readonly agent: Service;
  readonly link: Link;
  readonly owed: MachineOwed;
  readonly writer: Writer;
  readonly disk: Disk | undefined;
  /** Undefined: its sessions are not archived. */
  readonly mirrored: Mirrored | undefined;
  readonly machineId: string;
}

export interface Fleet {
  readonly laptop: MachineHome;
  readonly collector: Service;
  readonly collectorDisk: Disk | undefined;
  readonly archiveDisk: Disk | undefined;
  readonly machines: readonly TorturedMachine[];
  ingestPort(): number;
  close(options: { keep: boolean }): Promise<void>;
}

const COLLECTOR_DISK_MB = 96;
const AGENT_DISK_MB = 48;
const ARCHIVE_DISK_MB = ARCHIVE_RESERVE_BYTES / 2 ** 20 + 64;

export async function startCollector(service: Service): Promise<void> {
  const line = await service.start().ready;
  const [ingest, page] = [...line.matchAll(/:(\d{2,5})\b/g)].map(([, port]) => port);
  if (ingest === undefined || page === undefined) throw new Error(`no ports in the collector's line: ${line}`);
  Object.assign(service.home.environment, { TT_INGEST_PORT: ingest, TT_UI_PORT: page });
}

export interface FleetOptions {
  platform: Platform;
  everything: EverythingWritten;
  /** Are session files mirrored, too? */
  isArchived: boolean;
}

/** Three machines: one ordinary, one whose state, one whose data is on a small disk; half of all histories have clocks that can be wrong. */
export async function startFleet(random: SeededRandom, { platform, everything, isArchived }: FleetOptions): Promise<Fleet> {
  const laptop = createMachineHome('laptop');
  const hasClocks = platform.clockLibrary !== undefined && random.chance(0.5);
  const onDisk = (directory: string, megabytes: number): Disk | undefined => {
    if (!platform.hasDisks) return undefined;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new Disk(directory, megabytes);
  };
  const collectorDisk = random.chance(0.7) ? onDisk(laptop.paths.dataDir, COLLECTOR_DISK_MB) : undefined;
  // Below the other one: full it is where the archive leaves the rest to events.
  const archiveDisk = isArchived ? onDisk(laptop.paths.archiveDir, ARCHIVE_DISK_MB) : undefined;
  const service = (name: string, home: MachineHome, program: ProgramName, args: readonly string[]): Service => {
    const made = new Service(name, home, program, args);
    if (hasClocks && platform.clockLibrary !== undefined) made.time = new ProgramTime(platform.clockLibrary, home.directory);
    return made;
  };
  const collector = service('collector', laptop, 'tt', ['collector', 'run']);
  await startCollector(collector);
  const ingestPort = (): number => Number(laptop.environment['TT_INGEST_PORT']);
  const machines: TorturedMachine[] = [];
  for (const [name, mounted] of [['plain', undefined], ['state', 'stateDir'], ['data', 'dataDir']] as const) {
    const home = createMachineHome(name);
    const disk = mounted === undefined ? undefined : onDisk(home.paths[mounted], AGENT_DISK_MB);
    const link = new Link(ingestPort, () => Math.random());
    await link.open();
    await enrol(laptop, home, name, `http://127.0.0.1:${link.port}`);
    const keepsOneThere = name === 'plain';
    if (isArchived) {
      allowArchive(home, { keepsOneThere });
      await openControl(laptop.paths, systemClock).call('archive.set', { label: name, on: true });
    }
    const isSplit = mounted === 'dataDir' && disk !== undefined;
    const owed = new MachineOwed(everything, (path) => !isSplit || path.startsWith(home.paths.dataDir));
    machines.push({
      name, home, link, owed, disk, machineId: home.machineId(),
      agent: service(name, home, 'tt-agent', ['run']),
      writer: new Writer(home, seededRandom(random.between(1, 2 ** 31)), owed),
      mirrored: isArchived ? new Mirrored(home.projects, join(laptop.paths.archiveDir, home.machineId(), 'projects'), { keepsOneThere }) : undefined,
    });
  }
  await Promise.all(machines.map(({ agent }) => agent.start().ready));
  return {
    laptop, collector, collectorDisk, archiveDisk, machines, ingestPort,
    close: async ({ keep }) => {
      await Promise.all([collector, ...machines.map(({ agent }) => agent)].map((each) => each.kill().catch(() => undefined)));
      await Promise.all(machines.map(({ link }) => link.close()));
      if (keep) return;
      for (const disk of [archiveDisk, collectorDisk, ...machines.map((machine) => machine.disk)]) disk?.unmount();
      for (const { directory } of [laptop, ...machines.map(({ home }) => home)]) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A command of the collector that must work. */
export async function tt(fleet: Fleet, ...args: string[]): Promise<string> {
  const { code, stderr, stdout } = await runCommand(fleet.laptop, 'tt', args);
  if (code !== 0) throw new Error(`tt ${args.join(' ')} exited ${code}: ${stderr}`);
  return stdout;
}

export function emptyDirectory(directory: string): void {
  for (const name of namesIn(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

/** Everything runs again. */
export async function startAll({ collector, machines }: Fleet): Promise<void> {
  for (const service of [collector, ...machines.map(({ agent }) => agent)]) {
    service.thaw();
    service.checkAlive();
  }
  if (!collector.isRunning) await startCollector(collector);
  await Promise.all(machines.map(({ agent }) => agent.start().ready));
}
