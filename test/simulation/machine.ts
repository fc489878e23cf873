/** A machine with its files, its identity and the agent that runs on it, or not. */
import { cpSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createClaudeCodeSource } from '../../agent/claude/source.ts';
import { createEventLogSource } from '../../agent/event-log/source.ts';
import type { SourceKind } from '../../agent/extraction.ts';
import { createTextPolicy } from '../../agent/privacy/texts.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { KeyPair } from '../../shared/protocol/tokens.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { EnrolledMachine } from '../../collector/enrolment/machine-registry.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { ClaudeVersion } from '../support/claude-lines.ts';
import { AgentProgram, type AgentWorld } from './agent-program.ts';
import { completeEnd, read, type ClaimKey } from './claims.ts';
import { MachineDisk } from './machine-disk.ts';
import { closeDescriptorsBelow } from './platform.ts';

export interface MachineWorld extends AgentWorld {
  directory: string;
  until<T>(promise: Promise<T>, limitMs: number, problem: string): Promise<T>;
  agentEnded(machine: Machine): void;
}

export interface LogFile {
  path: string;
  /** Undefined: the event log. */
  session: { sessionId: string; agentId: string | undefined; cwd: string; version: ClaudeVersion } | undefined;
  /** The second half of a line that was begun. */
  rest: Buffer | undefined;
  /** How large it was from when on (monotonic), since it was last anything but longer. */
  sizes: { at: number; size: number }[];
}

export interface MachineOptions {
  name: string;
  machineId: MachineId;
  keys: KeyPair;
  endpoint: string;
  random: SeededRandom;
}

export class Machine {
  readonly name: string;
  readonly label: string;
  readonly machineId: MachineId;
  readonly keys: KeyPair;
  readonly endpoint: string;
  readonly home: string;
  readonly projects: string;
  readonly eventLog: string;
  readonly checkpointDir: string;
  readonly badDir: string;
  readonly keptDir: string;
  readonly disk: MachineDisk;
  readonly enrolled: EnrolledMachine;
  readonly sources: SourceKind[];
  files: LogFile[] = [];
  agent: AgentProgram | undefined;
  clockOffsetMs = 0;
  /** Its times can not be compared with one another. */
  hasJumped = false;
  isOffline = false;
  /** Share of hints that get through. */
  hints = 1;
  maxLatencyMs = 3;
  /** Acks were forgotten: the ledger may know a longer life of a file that was cut since. */
  hasCrashed = false;
  /** Said by files that are gone and that the agent had a link to. */
  readonly kept = new Set<ClaimKey>();
  readonly #world: MachineWorld;

  constructor(world: MachineWorld, { name, machineId, keys, endpoint, random }: MachineOptions) {
    this.#world = world;
    this.name = name;
    this.label = name;
    this.machineId = machineId;
    this.keys = keys;
    this.endpoint = endpoint;
    this.home = join(world.directory, name);
    this.projects = join(this.home, 'claude', 'projects');
    const dataDir = join(this.home, 'data');
    this.eventLog = join(dataDir, 'events.jsonl');
    this.checkpointDir = join(this.home, 'state', 'checkpoints');
    this.badDir = join(dataDir, 'bad');
    this.keptDir = join(dataDir, 'kept');
    mkdirSync(dataDir, { recursive: true });
    this.disk = new MachineDisk(() => world.clock.now() + this.clockOffsetMs, random, { changed: (path, isRename) => this.#hint(path, isRename) });
    const texts = createTextPolicy({ texts: 'full', projects: {} });
    this.sources = [
      createEventLogSource({ dataDir, machineId, texts }),
      createClaudeCodeSource({ configDirs: [join(this.home, 'claude')], machineId, texts }),
    ];
    this.enrolled = {
      machineId, label: name, publicKey: keys.publicKey, enrolledAt: printTimestamp(world.clock.now() + random.between(0, 5) * 1000), retiredAt: null, revokedAt: null, joinedBy: null, sshHost: null, syncHost: null, archive: false,
    };
  }

  get now(): number {
    return this.#world.clock.now() + this.clockOffsetMs;
  }

  latencyMs(): number {
    return Math.floor(this.#world.clock.random() * this.maxLatencyMs);
  }

  inodeOf(path: string): number | undefined {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  }

  #hint(path: string, isRename: boolean): void {
    const { agent } = this;
    if (agent?.watcher === undefined || this.#world.clock.random() >= this.hints) return;
    agent.watcher.hint(agent.clock, dirname(path), basename(path), isRename);
  }

  start(): void {
    this.agent ??= new AgentProgram(this.#world, this);
  }

  kill(): void {
    this.hasCrashed ||= this.agent !== undefined;
    this.agent?.kill();
    this.agent = undefined;
    closeDescriptorsBelow(this.home);
    this.#world.agentEnded(this);
  }

  async stop(): Promise<void> {
    const { agent } = this;
    if (agent === undefined) return;
    await this.#world.until(agent.close(), 60_000, `the agent of ${this.name} did not stop`);
    this.agent = undefined;
    closeDescriptorsBelow(this.home);
    this.#world.agentEnded(this);
  }

  /** The tailer's own state; files stay. */
  forgetState(): void {
    this.kept.clear();
    rmSync(dirname(this.checkpointDir), { recursive: true, force: true });
  }

  copyStateTo(other: Machine): void {
    if (existsSync(dirname(this.checkpointDir))) cpSync(dirname(this.checkpointDir), dirname(other.checkpointDir), { recursive: true });
  }

  sourceOf(file: LogFile): SourceKind {
    const source = this.sources.find(({ name }) => name === (file.session === undefined ? 'event-log' : 'claude-code'));
    if (source === undefined) throw new Error('no source');
    return source;
  }

  /** Notes what the file says now: before it is changed in any way but by growing, and in the end. */
  note(file: LogFile): void {
    if (!this.disk.exists(file.path)) return;
    const said = read(this.sourceOf(file), file.path, this.disk.content(file.path), { andLast: true });
    this.#world.model.wrote(this.machineId, said, this.disk.birthOf(file.path));
  }

  grow(file: LogFile, bytes: Buffer | string): void {
    this.disk.append(file.path, bytes);
    file.sizes.push({ at: this.#world.clock.monotonic(), size: this.disk.content(file.path).length });
  }

  /** Its name is about to go: what the agent keeps of it must still arrive. */
  losesName(file: LogFile): void {
    this.note(file);
    if (!this.disk.isLinked(file.path)) return;
    const said = read(this.sourceOf(file), file.path, this.disk.content(file.path), { andLast: false });
    for (const [key, event] of said.claims) if (event.id.startsWith(this.machineId)) this.kept.add(key);
  }

  /** The agent renamed its event log. */
  rotated(segment: string): void {
    const file = this.files.find(({ path }) => path === this.eventLog);
    if (file !== undefined) file.path = segment;
    this.disk.renamed(this.eventLog, segment);
  }

  /** Complete lines of what is there. */
  completeEndOf(file: LogFile): number {
    return completeEnd(this.disk.content(file.path));
  }
}
