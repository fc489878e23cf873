/**
 * Who goes next at the writer. Machines take turns, so that one that fills its
 * queue delays the others by a frame and not by all it sent; a call waits only
 * for what it is about. Pure, but for the turns that it notes.
 */
import type { MachineId } from '../../shared/ids.ts';
import type { Lane } from '../../shared/protocol/frames.ts';
import { workBytes } from './batch-head.ts';
import type { BatchJob, CallJob, ToWriter, WriterMethod } from './messages.ts';

export const GROUP_BYTES = 4 * 1024 * 1024;
/** Up to here each machine has a batch in every group: many small senders must not wait in line for commits that a slow disk makes long. */
const EACH_MACHINE_BYTES = 1024 * 1024;

/** When each machine was served last, in turns. Grows by one number per enrolled machine. */
export type Turns = Map<MachineId, number>;

/** About one machine and nothing else: what others have waiting is no business of theirs. */
const OF_ONE_MACHINE: ReadonlySet<WriterMethod> = new Set([
  'ledger', 'closeGenerations', 'setBackLedger', 'wantReplacement', 'wantedReplacements', 'reportGaps',
]);

/** Undefined: it is about everything. */
function machineOf(message: ToWriter): MachineId | undefined {
  if (message.kind === 'batch') return message.machine.machineId;
  if (message.kind !== 'call' || !OF_ONE_MACHINE.has(message.method)) return undefined;
  const [about] = message.args as [MachineId | BatchJob['machine']];
  return typeof about === 'string' ? about : about.machineId;
}

/**
 * Removes the first call, or the close, whose turn it is: nothing of its machine
 * waits before it; before one about everything, nothing at all.
 */
export function takeCall(queue: ToWriter[]): CallJob | { kind: 'close' } | undefined {
  const before = new Set<MachineId>();
  for (const [at, message] of queue.entries()) {
    const machine = machineOf(message);
    if (message.kind !== 'batch' && (machine === undefined ? at === 0 : !before.has(machine))) {
      queue.splice(at, 1);
      return message;
    }
    if (machine === undefined) return undefined;
    before.add(machine);
  }
  return undefined;
}

/** Batches that no call keeps back: calls see what was sent before them and nothing after. */
function takeable(queue: readonly ToWriter[]): BatchJob[] {
  const jobs: BatchJob[] = [];
  const asked = new Set<MachineId>();
  for (const message of queue) {
    if (message.kind === 'batch') {
      if (!asked.has(message.machine.machineId)) jobs.push(message);
      continue;
    }
    const machine = machineOf(message);
    if (machine === undefined) break;
    asked.add(machine);
  }
  return jobs;
}

/** One job of each machine, then the second of each, and so on; who was served longest ago goes first. */
function* inTurn(jobs: readonly BatchJob[], turns: Turns): Generator<BatchJob> {
  const byMachine = new Map<MachineId, BatchJob[]>();
  for (const job of jobs) {
    const row = byMachine.get(job.machine.machineId);
    if (row === undefined) byMachine.set(job.machine.machineId, [job]);
    else row.push(job);
  }
  const rows = [...byMachine].sort(([a], [b]) => (turns.get(a) ?? 0) - (turns.get(b) ?? 0)).map(([, row]) => row);
  const longest = Math.max(0, ...rows.map(({ length }) => length));
  for (let round = 0; round < longest; round += 1) {
    for (const row of rows) {
      const job = row[round];
      if (job !== undefined) yield job;
    }
  }
}

/**
 * Removes the next group from the queue: live batches first, up to `limit` bytes,
 * at least one, and where they are small one of each machine. Where they fill it, one backfill batch goes along: what one
 * machine calls live must not hold up another for ever.
 */
export function takeGroup(queue: ToWriter[], limit = GROUP_BYTES, turns: Turns = new Map()): BatchJob[] {
  const waiting = takeable(queue);
  const inLane = (lane: Lane): Generator<BatchJob> => inTurn(waiting.filter((job) => job.lane === lane), turns);
  const group: BatchJob[] = [];
  let bytes = 0;
  const workOf = (job: BatchJob): number => workBytes(job.bytes.byteLength, job.isCompressed);
  const served = new Set<MachineId>();
  const limitOf = ({ machine, lane }: BatchJob): number => (lane === 'live' && !served.has(machine.machineId) ? Math.max(limit, EACH_MACHINE_BYTES) : limit);
  const fits = (job: BatchJob): boolean => group.length === 0 || bytes + workOf(job) <= limitOf(job);
  const take = (job: BatchJob): void => {
    bytes += workOf(job);
    group.push(job);
    served.add(job.machine.machineId);
  };
  let isFilledByLive = false;
  for (const job of inLane('live')) {
    isFilledByLive = !fits(job);
    if (isFilledByLive) break;
    take(job);
  }
  for (const job of inLane('backfill')) {
    if (!isFilledByLive && !fits(job)) break;
    take(job);
    if (isFilledByLive) break;
  }
  noteTurn(group, turns);
  const isTaken = new Set<ToWriter>(group);
  queue.splice(0, queue.length, ...queue.filter((message) => !isTaken.has(message)));
  return group;
}

function noteTurn(group: readonly BatchJob[], turns: Turns): void {
  const turn = Math.max(0, ...turns.values()) + 1;
  for (const { machine } of group) turns.set(machine.machineId, turn);
}
