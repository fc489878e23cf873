/** One run of a collector: connections, writer and database, without ports and threads. */
import { createConnections } from '../../collector/ingest/connections.ts';
import { AgentConnection } from '../../collector/ingest/connection.ts';
import { authenticate } from '../../collector/ingest/authenticate.ts';
import { createMachineLinks } from '../../collector/ingest/machine-links.ts';
import { createNonces, type Nonces } from '../../collector/ingest/nonces.ts';
import type { Database } from '../../collector/store/database.ts';
import { openEventStore, type EventStore } from '../../collector/store/event-store.ts';
import { createCommitter } from '../../collector/writer/commit.ts';
import { GroupCommit, type OpenStore } from '../../collector/writer/group-commit.ts';
import type { FromWriter, ToWriter } from '../../collector/writer/messages.ts';
import { createWriterCalls } from '../../collector/writer/writer-calls.ts';
import { GROUP_BYTES, takeCall, takeGroup, type Turns } from '../../collector/writer/turns.ts';
import { createWriter, type Writer, type WriterChannel } from '../../collector/writer/writer.ts';
import { silentLog } from '../../shared/log.ts';
import type { CollectorIdentity } from '../../collector/enrolment/collector-identity.ts';
import type { EnrolledMachine } from '../../collector/enrolment/machine-registry.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Link } from './link.ts';
import { ProgramClock } from './program-clock.ts';

/** What a collector has around it. */
export interface CollectorWorld {
  clock: ManualClock;
  random: SeededRandom;
  model: { databaseEpoch: number };
  identity: CollectorIdentity;
  machines: readonly { machineId: MachineId; enrolled: EnrolledMachine }[];
  nextConnectionId: number;
  openDatabase(): Database;
  fail(what: string): void;
}

const CONNECTIONS_PER_MACHINE = 4;

export class CollectorProgram {
  readonly clock: ProgramClock;
  readonly databaseEpoch: number;
  readonly #world: CollectorWorld;
  readonly #writer: Writer;
  readonly #connections = createConnections();
  readonly #nonces: Nonces;
  readonly #open = new Map<number, { connection: AgentConnection; link: Link }>();
  #database: Database | undefined;
  #store: EventStore | undefined;
  #isLeaving = false;

  constructor(world: CollectorWorld) {
    this.#world = world;
    this.databaseEpoch = world.model.databaseEpoch;
    this.clock = new ProgramClock(world.clock);
    this.#nonces = createNonces(this.clock);
    const links = createMachineLinks(this.clock);
    this.#writer = createWriter(this.#channel());
    this.#writer.failure.catch((error: unknown) => world.fail(`the writer broke: ${String(error)}`));
    this.#writer.onCommitted(({ answers, summary, taken }) => {
      for (const { connection, bytes } of taken) this.#open.get(connection)?.connection.answered(bytes);
      for (const { connection, frame, protocolError } of answers) {
        if (protocolError !== undefined) world.fail(`an agent broke the protocol: ${protocolError}`);
        this.#open.get(connection)?.connection.answer(frame, protocolError);
      }
      links.committed(summary);
    });
    this.#links = links;
  }

  readonly #links: ReturnType<typeof createMachineLinks>;

  get database(): Database {
    if (this.#database === undefined) throw new Error('the database is closed');
    return this.#database;
  }

  rebuild(): void {
    this.#store?.rebuild();
  }

  /** The disk takes so many more writes of the store, then it is full; `Infinity`: it has room again. */
  writesLeft = Infinity;

  #write<Args extends unknown[], T>(write: (...args: Args) => T): (...args: Args) => T {
    return (...args) => {
      // In the middle of a transaction: all of it has to be undone.
      if (this.writesLeft <= 0) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
      this.writesLeft -= 1;
      return write(...args);
    };
  }

  /** The store, on a disk that can be full. */
  #limited(store: EventStore): EventStore {
    return {
      ...store,
      storeEvent: this.#write(store.storeEvent.bind(store)),
      storeEdges: this.#write(store.storeEdges.bind(store)),
      storeState: this.#write(store.storeState.bind(store)),
      ledger: { ...store.ledger, advance: this.#write(store.ledger.advance.bind(store.ledger)) },
    };
  }

  /** Somebody else holds the write lock: commits fail until it is given back. */
  isLocked = false;

  #openStore(): OpenStore {
    const database = this.#world.openDatabase();
    const store = openEventStore(database);
    const committer = createCommitter(this.#limited(store), this.clock);
    const calls = createWriterCalls(database, store);
    this.#database = database;
    this.#store = store;
    return {
      committer: {
        commit: (jobs) => {
          if (this.isLocked) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
          return committer.commit(jobs);
        },
        call: (method, args) => calls[method]?.(...args),
      },
      close() {},
    };
  }

  /** The writer's loop, on the simulated clock. */
  #channel(): WriterChannel {
    const queue: ToWriter[] = [];
    const listeners: ((message: FromWriter) => void)[] = [];
    let isArmed = false;
    let lastAt = 0;
    const { clock } = this;
    const post = (message: FromWriter): void => {
      lastAt = Math.max(lastAt, clock.monotonic() + Math.floor(clock.random() * 3));
      clock.after(lastAt - clock.monotonic(), () => {
        for (const listener of listeners) listener(message);
      });
    };
    const group = new GroupCommit({ open: () => this.#openStore(), post, clock });
    const turns: Turns = new Map();
    const arm = (): void => {
      if (isArmed || queue.length === 0) return;
      isArmed = true;
      clock.after(Math.floor(clock.random() * 4), () => {
        isArmed = false;
        const next = takeCall(queue);
        if (next === undefined) group.commit(takeGroup(queue, GROUP_BYTES, turns));
        else if (next.kind === 'call') {
          group.call(next).catch((error: unknown) => this.#world.fail(`a call broke: ${String(error)}`));
        }
        if (queue.length === 0) group.deriveTime();
        arm();
      });
    };
    return {
      post: (message) => {
        queue.push(message);
        arm();
      },
      onMessage: (listener) => void listeners.push(listener),
      onExit() {},
    };
  }

  challenge(): unknown {
    return { nonce: this.#nonces.issue(), now: this.clock.now(), collector_id: this.#world.identity.collectorId };
  }

  /** As the listener does: 101, or the status of a refusal. */
  async upgrade(token: string, link: Link): Promise<number> {
    const { identity } = this.#world;
    const peer = await authenticate(`Bearer ${token}`, { name: 'simulated', port: null, admits: undefined }, {
      collectorId: identity.collectorId, nonces: this.#nonces, endpointAllowed: () => true,
      registry: { byId: (machineId) => this.#world.machines.find((machine) => machine.machineId === machineId)?.enrolled },
    });
    if (!peer.ok) return peer.code === 'unauthorised' ? 401 : 404;
    const ofMachine = [...this.#open.values()].filter(({ connection }) => connection.machineId === peer.machine.machineId);
    if (this.#isLeaving || ofMachine.length >= CONNECTIONS_PER_MACHINE) return 429;
    const id = this.#world.nextConnectionId++;
    const connection = new AgentConnection(id, link.socket('collector'), peer, {
      clock: this.clock, log: silentLog, identity, writer: this.#writer, connections: this.#connections, links: this.#links,
      onBroken() {},
      onClosed: () => this.#open.delete(id),
    });
    this.#open.set(id, { connection, link });
    link.attach('collector', connection);
    return 101;
  }

  /** As on SIGKILL. Whatever was committed is there; answers that were not sent are not. */
  kill(): void {
    this.clock.kill();
    for (const { link } of this.#open.values()) link.die('collector', { arrives: this.#world.random.chance(0.5) });
    this.#database = undefined;
  }

  /** As on SIGTERM: what was handed over is committed and answered. */
  async close(): Promise<void> {
    this.#isLeaving = true;
    for (const { connection } of this.#open.values()) connection.drain();
    await this.#writer.idle();
    for (const { connection } of this.#open.values()) connection.goodbye('shutting_down', 'the collector is stopping');
    await this.clock.sleep(50);
    this.kill();
  }

  rewind(machineId: string, gens: readonly string[]): boolean {
    return [...this.#open.values()].some(({ connection }) => connection.machineId === machineId && connection.rewind(gens));
  }
}
