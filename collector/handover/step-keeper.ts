/**
 * Keeps the sessions that the rules name in step with each machine: a look when it
 * connects and its archive has caught up, then one a minute. It is quiet where there
 * is nothing, warns once of what is in the way, and blocks nothing.
 */
import type { Clock } from '../../shared/clock.ts';
import type { SyncRule } from '../../shared/config.ts';
import { messageOf, TtError } from '../../shared/errors.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { Log } from '../../shared/log.ts';
import type { EnrolledMachine, MachineRegistry } from '../enrolment/machine-registry.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';
import { WAYS, type Way } from './machine-step.ts';
import type { StepLook } from './step-looks.ts';
import type { StepProblem } from './step-memory.ts';
import { wishedBy } from './sync-rules.ts';

export interface StepKeeperDeps {
  clock: Pick<Clock, 'now' | 'every'>;
  log: Pick<Log, 'info' | 'warn'>;
  registry: Pick<MachineRegistry, 'list'>;
  links: Pick<MachineLinks, 'get' | 'onChange'>;
  /** ID of this computer's own agent, which needs none of it. */
  here(): string | null;
  thread: { look: StepLook; close(): Promise<void> };
}

export interface StepState {
  /** End of the last look; null: none yet. */
  lookedMs: number | null;
  problem: { message: string; hint: string } | null;
}

export interface StepKeeper {
  /** Undefined: no rule names it. */
  state(machineId: MachineId): StepState | undefined;
  /** Ends what is on its way, and waits for it. */
  close(): Promise<void>;
}

const LOOK_MS = 60_000;
const TICK_MS = 5_000;
/** An archive that has not caught up by then is looked at as it is. */
const CATCH_UP_MS = 60_000;
const AT_ONCE = 4;

interface Kept extends StepState {
  /** Connected, and not looked at since. */
  isFirst: boolean;
  nextMs: number;
  running: Promise<void> | undefined;
  /** What was warned of. */
  told: ReadonlySet<string>;
}

export function createStepKeeper(rules: readonly SyncRule[], deps: StepKeeperDeps): StepKeeper {
  const { clock, log, registry, links, thread } = deps;
  const kept = new Map<MachineId, Kept>();
  let isClosed = false;

  const tell = (label: string, known: Kept, problems: readonly Problem[]): void => tellOnce(problems, known, (fields, words) => log.warn({ machine: label, ...fields }, words));

  const look = async ({ machineId, label, sshHost, syncHost }: EnrolledMachine, known: Kept, ways: readonly Way[]): Promise<void> => {
    const wished = wishedBy(rules, label, clock.now());
    if (!wished) return;
    const { isFirst } = known;
    known.isFirst = false;
    try {
      const here = registry.list().find((each) => each.machineId === deps.here())?.label ?? 'this computer';
      const host = sshHost ?? syncHost;
      const { moved, problems } = await thread.look({ machine: { id: machineId, label, host }, wished, ways, here, isFirst });
      if (isClosed) return;
      for (const { session, way, result, note } of moved) {
        if (result === 'new' || result === 'longer' || result === 'diverged') log.info({ machine: label, session, way, result, ...(note !== null && { note }) }, 'a session is in step');
      }
      tell(label, known, host === null && ways.includes('push') ? [...problems, noHost(label)] : problems);
    } catch (error) {
      if (!isClosed) tell(label, known, [{ message: messageOf(error), hint: error instanceof TtError ? error.hint : 'it is tried again by itself' }]);
    } finally {
      known.lookedMs = clock.now();
      known.nextMs = clock.now() + LOOK_MS;
      known.running = undefined;
    }
  };

  const knownOf = (machineId: MachineId): Kept => {
    const known = kept.get(machineId) ?? { isFirst: false, lookedMs: null, nextMs: 0, running: undefined, problem: null, told: new Set<string>() };
    kept.set(machineId, known);
    return known;
  };
  const consider = (machine: EnrolledMachine): void => {
    const known = knownOf(machine.machineId);
    const link = links.get(machine.machineId);
    const off = notArchived(machine.label);
    if (!machine.archive) return tell(machine.label, known, [off]);
    if (known.told.has(off.message)) tell(machine.label, known, []);
    const ways = known.running === undefined && clock.now() >= known.nextMs ? waysNow(known, link, clock.now()) : [];
    if (ways.length === 0 || [...kept.values()].filter(({ running }) => running !== undefined).length >= AT_ONCE) return;
    known.running = look(machine, known, ways);
  };
  const present = (): EnrolledMachine[] => {
    const here = deps.here();
    return registry.list().filter(({ machineId, label, retiredAt, revokedAt }) => retiredAt === null && revokedAt === null && machineId !== here && wishedBy(rules, label, 0) !== undefined);
  };
  const considerAll = (): void => {
    for (const machine of present()) consider(machine);
  };

  const stopFollowing = followLinks(links, (machineId, isNew) => {
    if (!isNew && kept.get(machineId)?.isFirst !== true) return;
    const machine = present().find((each) => each.machineId === machineId);
    if (!machine) return;
    if (isNew) knownOf(machineId).isFirst = true;
    consider(machine);
  });
  const stopTicking = rules.length === 0 ? () => {} : clock.every(TICK_MS, considerAll);
  return {
    state: (machineId) => kept.get(machineId),
    async close() {
      isClosed = true;
      stopTicking();
      stopFollowing();
      await thread.close();
      await Promise.all([...kept.values()].flatMap(({ running }) => running ?? []));
    },
  };
}

type Problem = Pick<StepProblem, 'message' | 'hint'>;

function tellOnce(problems: readonly Problem[], known: Kept, warn: Log['warn']): void {
  const [first] = problems;
  known.problem = first ? { message: first.message, hint: first.hint } : null;
  for (const { message, hint } of problems) if (!known.told.has(message)) warn({ hint }, `sessions are not kept in step: ${message}`);
  known.told = new Set(problems.map(({ message }) => message));
}

/** `isNew`: it has connected just now. */
function followLinks(links: StepKeeperDeps['links'], listener: (machineId: MachineId, isNew: boolean) => void): () => void {
  const connected = new Set<MachineId>();
  return links.onChange((machineId) => {
    const isNew = links.get(machineId)?.connected === true && !connected.has(machineId);
    if (isNew) connected.add(machineId);
    else if (links.get(machineId)?.connected !== true) connected.delete(machineId);
    listener(machineId, isNew);
  });
}

/** Of one that came and went in between there is what it left in the archive. */
function waysNow({ isFirst }: Kept, link: ReturnType<MachineLinks['get']>, nowMs: number): readonly Way[] {
  if (!link?.connected) return isFirst ? ['pull'] : [];
  const { archive } = link.status ?? {};
  const isCaughtUp = archive !== undefined && archive.waiting_files === 0;
  return !isFirst || isCaughtUp || nowMs - (link.connectedSinceMs ?? 0) >= CATCH_UP_MS ? WAYS : [];
}

function notArchived(label: string): Problem {
  return { message: `${label} is not archived, so that nobody knows what it has`, hint: `tt archive on ${label}` };
}

function noHost(label: string): Problem {
  return { message: `nobody knows how ssh reaches ${label}, so that it gets no sessions`, hint: `tt tunnel add ${label} HOST` };
}
