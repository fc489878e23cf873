/**
 * The collector's end of `tt sync`: for each run a Unix socket of its own, to
 * which only an agent comes that dialled this run, whose name nobody else was
 * told. Who it is, its credential says, as everywhere.
 */
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { toLabel, type MachineId } from '../../shared/ids.ts';
import type { EnrolledMachine, MachineRegistry } from '../enrolment/machine-registry.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Listener } from '../ingest/listener.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';
import { sshHostInvalid } from '../enrolment/machine-registry.ts';
import { isSshDestination } from '../ssh.ts';

export interface SyncRunsDeps {
  clock: Pick<Clock, 'after' | 'random'>;
  registry: Pick<MachineRegistry, 'list' | 'byLabel' | 'setSyncHost'>;
  links: Pick<MachineLinks, 'get'>;
  ingest: Pick<Ingest, 'listen'>;
  /** 0700. */
  socketDir: string;
}

export interface OpenedRun {
  /** What the machine is called, or will be. */
  label: string;
  /** It is enrolled: a code is for joining once more. */
  isKnown: boolean;
  /** Null: it is connected, and needs no run. */
  run: { id: string; socketPath: string } | null;
}

/** What came in a run. `machine`: its label; null where nobody came. */
export interface EndedRun {
  machine: string | null;
  stored: number;
  duplicates: number;
  refused: number;
}

export interface SyncRuns {
  /** `label`: what a machine that is new is to be called; null: as its host. Throws `host_invalid`, `too_many_runs`. */
  open(host: string, label: string | null): Promise<OpenedRun>;
  /** Nobody comes by it any more; who came stays until it goes. Throws `run_unknown`. */
  end(id: string): EndedRun;
  /** Machines that ssh reaches and that are not connected. */
  targets(): { host: string; label: string }[];
  close(): void;
}

/** Who has not come by then comes no more; a connection that stands is not concerned. */
const OPEN_MS = 10 * 60_000;
const MOST_RUNS = 100;

interface Run {
  host: string;
  endpoint: string;
  listener: Listener;
  /** Verdicts of every machine before it. */
  before: ReadonlyMap<MachineId, Verdicts>;
  /** Nobody comes by it any more. */
  isClosed: boolean;
  /** A collector that stops waits for no run that is over. */
  cancelClosing: () => void;
}

type Verdicts = Pick<NonNullable<ReturnType<MachineLinks['get']>>, 'stored' | 'duplicate' | 'refused'>;
const NONE: Verdicts = { stored: 0, duplicate: 0, refused: 0 };

export function createSyncRuns({ clock, registry, links, ingest, socketDir }: SyncRunsDeps): SyncRuns {
  const runs = new Map<string, Run>();
  const present = (): EnrolledMachine[] => registry.list().filter(({ retiredAt, revokedAt }) => retiredAt === null && revokedAt === null);
  const isConnected = (machine: EnrolledMachine | undefined): boolean => machine !== undefined && links.get(machine.machineId)?.connected === true;
  const cameIn = ({ endpoint }: Run): EnrolledMachine | undefined => registry.list().find(({ machineId }) => links.get(machineId)?.endpoint === endpoint);
  /** Of commands that ended without a word. */
  const dropAbandoned = (): void => {
    for (const [id, run] of runs) if (run.isClosed && !isConnected(cameIn(run))) runs.delete(id);
  };
  const close = (id: string): Run | undefined => {
    const run = runs.get(id);
    run?.cancelClosing();
    run?.listener.close();
    runs.delete(id);
    return run;
  };

  return {
    async open(host, wish) {
      if (!isSshDestination(host)) throw sshHostInvalid(host);
      const byHost = present().find(({ sshHost, syncHost }) => sshHost === host || syncHost === host);
      const known = wish === null ? (byHost ?? registry.byLabel(labelOf(host))) : registry.byLabel(wish);
      const label = known?.label ?? wish ?? labelOf(host);
      // A label that only looks like the host's name may be another machine's.
      const named = wish !== null || known?.label === host ? known : undefined;
      const connected = [byHost, named].find(isConnected);
      if (connected) return { label: connected.label, isKnown: true, run: null };
      if (runs.size >= MOST_RUNS) dropAbandoned();
      if (runs.size >= MOST_RUNS) throw tooMany();
      const id = createId(clock);
      const endpoint = `tt+pipe:${id}`;
      const socketPath = join(socketDir, `sync-${id}.sock`);
      const listener = await ingest.listen({ listen: { socketPath }, dialled: endpoint });
      const before = new Map(registry.list().map(({ machineId }) => [machineId, links.get(machineId) ?? NONE]));
      const cancelClosing = clock.after(OPEN_MS, () => {
        listener.close();
        run.isClosed = true;
      });
      const run = { host, endpoint, listener, before, isClosed: false, cancelClosing };
      runs.set(id, run);
      return { label, isKnown: known !== undefined, run: { id, socketPath } };
    },
    end(id) {
      const run = close(id);
      if (!run) throw unknownRun();
      const machine = cameIn(run);
      if (!machine) return { machine: null, stored: 0, duplicates: 0, refused: 0 };
      if (machine.sshHost !== run.host && machine.syncHost !== run.host) registry.setSyncHost(machine.label, run.host);
      const now = links.get(machine.machineId) ?? NONE;
      const before = run.before.get(machine.machineId) ?? NONE;
      return {
        machine: machine.label, stored: now.stored - before.stored,
        duplicates: now.duplicate - before.duplicate, refused: now.refused - before.refused,
      };
    },
    targets() {
      return present().flatMap(({ machineId, label, sshHost, syncHost }) => {
        const host = sshHost ?? syncHost;
        return host === null || links.get(machineId)?.connected ? [] : [{ host, label }];
      });
    },
    close() {
      for (const id of runs.keys()) close(id);
    },
  };
}

/** `ssh://me@devbox.example:2222` is called devbox. */
function labelOf(host: string): string {
  return toLabel(host.replace(/^ssh:\/\//, '').replace(/^.*@/, '').replace(/:\d+$/, ''));
}

/** 128 bits: nobody has to guess it, nobody may meet it twice. */
function createId(clock: Pick<Clock, 'random'>): string {
  const part = (): string => Math.floor(clock.random() * 2 ** 32).toString(16).padStart(8, '0');
  return part() + part() + part() + part();
}

function tooMany(): TtError {
  return new TtError('too_many_runs', `${MOST_RUNS} runs of tt sync are open`, { hint: 'wait until some have ended', retryable: true });
}

function unknownRun(): TtError {
  return new TtError('run_unknown', 'the collector was started anew meanwhile', {
    hint: 'run tt sync again', exitCode: EXIT_CODES.unreachable, retryable: true,
  });
}
