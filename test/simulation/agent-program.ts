/** One run of an agent: the parts that `openAgent` puts together, on a clock that can die and a way that can break. */
import type { Feed, SliceReceipt } from '../../agent/feed.ts';
import { rotateEventLog } from '../../agent/event-log/segments.ts';
import { createTail, type Tail } from '../../agent/tail/tail.ts';
import type { DirectoryWatcher, WatchEvents } from '../../agent/tail/watcher.ts';
import type { HttpClient } from '../../agent/uplink/http-client.ts';
import { createUplink, type AgentUplink } from '../../agent/uplink/uplink.ts';
import { watchForWake } from '../../agent/uplink/wake-watch.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { toInstanceId, type MachineId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import type { dial } from '../../shared/protocol/web-socket.ts';
import { claimKey, type ClaimKey } from './claims.ts';
import type { CollectorIdentity } from '../../collector/enrolment/collector-identity.ts';
import type { SourceKind } from '../../agent/extraction.ts';
import type { KeyPair } from '../../shared/protocol/tokens.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { CollectorProgram } from './collector-program.ts';
import { Link } from './link.ts';
import type { MachineDisk } from './machine-disk.ts';
import type { Model } from './model.ts';
import { ProgramClock } from './program-clock.ts';

/** What an agent has around it. */
export interface AgentWorld {
  clock: ManualClock;
  random: SeededRandom;
  model: Model;
  identity: CollectorIdentity;
  collector: CollectorProgram | undefined;
  sent(bytes: Buffer, isBinary: boolean): void;
  fail(what: string): void;
}

/** The machine under it. */
export interface AgentMachine {
  readonly name: string;
  readonly label: string;
  readonly machineId: MachineId;
  readonly keys: KeyPair;
  readonly endpoint: string;
  readonly sources: SourceKind[];
  readonly eventLog: string;
  readonly checkpointDir: string;
  readonly badDir: string;
  readonly keptDir: string;
  readonly disk: MachineDisk;
  readonly clockOffsetMs: number;
  readonly isOffline: boolean;
  latencyMs(): number;
  inodeOf(path: string): number | undefined;
  /** The agent renamed its event log. */
  rotated(segment: string): void;
}

const ROTATION_CHECK_MS = 30_000;
/** The product's 4 MiB, made small. */
export const ROTATE_BYTES = 3000;
const ACK_GRACE_MS = 5000;

export class AgentProgram {
  readonly clock: ProgramClock;
  readonly tail: Tail;
  readonly uplink: AgentUplink;
  /** The newest one; undefined before the first. */
  link: Link | undefined;
  watcher: HintWatcher | undefined;
  readonly #world: AgentWorld;
  readonly #machine: AgentMachine;
  /** At the other end of the present connection. */
  #collector: CollectorProgram | undefined;
  readonly #stops: (() => void)[];

  constructor(world: AgentWorld, machine: AgentMachine) {
    this.#world = world;
    this.#machine = machine;
    const clock = new ProgramClock(world.clock, () => machine.clockOffsetMs);
    this.clock = clock;
    this.tail = createTail({
      clock, log: silentLog, sources: machine.sources, checkpointDir: machine.checkpointDir, badDir: machine.badDir, keptDir: machine.keptDir,
      files: machine.disk.access,
      watchers: { chokidar: null, plain: (events) => (this.watcher = new HintWatcher(events, machine)) },
    });
    const failed = (error: unknown): void => world.fail(`the agent of ${machine.name} broke: ${String(error)}`);
    this.tail.start().catch(failed);
    this.uplink = createUplink({
      clock, log: silentLog, feed: this.#observed(), dial: this.#dial, http: this.#http,
      credentials: { identity: { machineId: machine.machineId, label: machine.label }, keys: machine.keys, instance: toInstanceId(world.random.uuid()) },
      readUplink: () => ({ url: machine.endpoint, collectorId: world.identity.collectorId, publicKey: world.identity.keys.publicKey }),
      readEndpoint: () => undefined,
    });
    this.#stops = [
      watchForWake(clock, () => {
        this.tail.lookNow();
        this.uplink.wokeUp();
      }),
      clock.every(ROTATION_CHECK_MS, () => this.rotate(ROTATE_BYTES)),
    ];
    this.uplink.run().catch(failed);
  }

  /** Everything that this program read, with the database of that moment. */
  readonly handedOut: { gen: string; path: string; from: number; to: number; keys: readonly ClaimKey[]; epoch: number }[] = [];

  rotate(limitBytes: number): void {
    const segment = rotateEventLog(this.#machine.eventLog, limitBytes, this.clock);
    if (segment !== undefined) this.#machine.rotated(segment);
  }

  /** As on SIGTERM. Resolves when everything is written and closed. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.uplink.close(ACK_GRACE_MS);
    await this.tail.close();
    this.clock.kill();
  }

  /** As on SIGKILL: nothing of it runs any more. */
  kill(): void {
    this.clock.kill();
    this.link?.die('agent', { arrives: this.#world.random.chance(0.5) });
  }

  /** As far as it knows, to the collector that runs now. */
  get believesConnected(): boolean {
    const { collector } = this.#world;
    return this.uplink.status().connected && collector !== undefined && this.#collector === collector;
  }

  /** An agent may believe in a half-open connection for 40 s. */
  get isConnected(): boolean {
    return this.believesConnected && this.link?.isStalled === false;
  }

  /** The feed as the uplink sees it; notes what each ack promises. */
  #observed(): Feed {
    const { tail } = this;
    const { model } = this.#world;
    const said = new WeakMap<SliceReceipt, ClaimKey[]>();
    return {
      hasWork: (lane) => tail.hasWork(lane),
      onWork: (listener) => tail.onWork(listener),
      read: (lane, limits) => {
        const slice = tail.read(lane, limits);
        if (slice !== undefined) {
          const keys = slice.printed.map(keyOfPrinted).filter((key) => key.startsWith(this.#machine.machineId));
          said.set(slice.receipt, keys);
          this.handedOut.push({ ...slice.receipt, path: slice.file.path, keys, epoch: model.databaseEpoch });
          model.readSlice(slice.receipt, keys);
        }
        return slice;
      },
      acknowledge: (receipt) => {
        model.promised(receipt, said.get(receipt) ?? [], this.#collector?.databaseEpoch);
        tail.acknowledge(receipt);
      },
      positions: () => tail.positions(),
      settle: (ledger) => tail.settle(ledger),
      resync: () => tail.resync(),
      rewind: (gen, to, options) => tail.rewind(gen, to, options),
      reset: (gen) => tail.reset(gen),
      untold: () => tail.untold(),
      told: (gaps) => tail.told(gaps),
      status: () => tail.status(),
    };
  }

  readonly #http: HttpClient = {
    send: (_endpoint, { signal }) => new Promise((resolve, reject) => {
      const refuse = (): void => reject(new TtError('unreachable', 'no way', { hint: '', exitCode: EXIT_CODES.unreachable }));
      signal?.addEventListener('abort', refuse, { once: true });
      this.clock.after(this.#machine.latencyMs(), () => {
        const { collector } = this.#world;
        if (collector === undefined || this.#machine.isOffline) return refuse();
        resolve({ status: 200, body: collector.challenge() });
      });
    }),
  };

  readonly #dial: typeof dial = (_url, { token, handshakeTimeoutMs }, handlers) => {
    let isSettled = false;
    const settle = (task: () => void): void => {
      if (isSettled) return;
      isSettled = true;
      cancelTimeout();
      task();
    };
    const cancelTimeout = this.clock.after(handshakeTimeoutMs, () => settle(() => handlers.onRefused({ status: undefined, message: 'timeout' })));
    const link = new Link(this.#world.clock, () => this.#machine.latencyMs(), (bytes, isBinary) => this.#world.sent(bytes, isBinary));
    const refuse = (status: number | undefined, message: string): void => {
      this.clock.after(this.#machine.latencyMs(), () => settle(() => handlers.onRefused({ status, message })));
    };
    this.clock.after(this.#machine.latencyMs(), () => {
      const { collector } = this.#world;
      if (collector === undefined || this.#machine.isOffline) return refuse(undefined, 'refused');
      collector.upgrade(token, link).then((status) => {
        if (status !== 101) return refuse(status, 'refused');
        this.clock.after(this.#machine.latencyMs(), () => {
          if (isSettled) return link.die('agent', { arrives: true });
          settle(() => {
            this.link = link;
            this.#collector = collector;
            link.attach('agent', handlers.onOpen(link.socket('agent')));
          });
        });
      }, (error: unknown) => this.#world.fail(`an upgrade broke: ${String(error)}`));
    });
    return { abort: () => settle(() => handlers.onRefused({ status: undefined, message: 'aborted' })) };
  };
}

function keyOfPrinted(text: string): ClaimKey {
  const event: unknown = JSON.parse(text);
  if (typeof event !== 'object' || event === null || !('id' in event) || typeof event.id !== 'string') throw new Error(`no event: ${text}`);
  return claimKey(event.id, 'session_id' in event ? event.session_id : undefined);
}

const HINT_DELAY_MS = 20;

/** Says what changed in a directory, late, sometimes not at all, and never of a directory that was made anew. */
export class HintWatcher implements DirectoryWatcher {
  readonly #events: WatchEvents;
  readonly #machine: AgentMachine;
  readonly #inodes = new Map<string, number>();

  constructor(events: WatchEvents, machine: AgentMachine) {
    this.#events = events;
    this.#machine = machine;
  }

  add(directory: string): void {
    const ino = this.#machine.inodeOf(directory);
    if (ino !== undefined) this.#inodes.set(directory, ino);
  }

  remove(directory: string): void {
    this.#inodes.delete(directory);
  }

  close(): Promise<void> {
    this.#inodes.clear();
    return Promise.resolve();
  }

  hint(clock: ProgramClock, directory: string, name: string, isRename: boolean): void {
    const ino = this.#inodes.get(directory);
    if (ino === undefined || ino !== this.#machine.inodeOf(directory)) return;
    clock.after(Math.floor(clock.random() * HINT_DELAY_MS), () => this.#events.changed(directory, clock.random() < 0.1 ? null : name, isRename));
  }
}
