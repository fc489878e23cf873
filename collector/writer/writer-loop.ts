/**
 * The writer's thread: takes everything that waits, commits it as one group, and
 * answers only then. Runs on any message port, so a test needs no thread.
 *
 * Calls are barriers: each sees every batch that was sent before it and none
 * after, of its machine where it is about one, which is what makes the ledger of
 * a new connection complete. A backup is none for what comes after it.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { nextTurn, type Clock } from '../../shared/clock.ts';
import { workBytes } from './batch-head.ts';
import { describeFailure, GroupCommit, type OpenStore } from './group-commit.ts';
import { createIdleWork, type IdleWork } from './idle-work.ts';
import type { BatchJob, CallJob, FromWriter, ToWriter } from './messages.ts';
import { GROUP_BYTES, takeCall, takeGroup, type Turns } from './turns.ts';

export interface WriterLoopDeps {
  port: MessagePort;
  open: () => OpenStore;
  clock: Pick<Clock, 'now' | 'after' | 'monotonic'>;
}

/** A live frame waits at most for the commit that runs, so commits aim at this length. */
const COMMIT_MS = 12;
/** What smaller groups take is mostly the sync, and tells nothing of the next. */
const TELLING_BYTES = 64 * 1024;

/** Resolves when `close` was received, everything before it is done and the database is closed. */
export async function runWriterLoop({ port, open, clock }: WriterLoopDeps): Promise<void> {
  const post = (message: FromWriter): void => port.postMessage(message);
  let group: GroupCommit;
  try {
    group = new GroupCommit({ open, post, clock });
  } catch (error) {
    post({ kind: 'failed', ...describeFailure(error) });
    return port.close();
  }
  post({ kind: 'ready' });
  try {
    await serve(port, group, clock);
  } catch (error) {
    post({ kind: 'failed', ...describeFailure(error) });
  }
  group.close();
  port.close();
}

/** Resolves at `close`, or when the database is beyond use. */
function serve(port: MessagePort, group: GroupCommit, clock: Pick<Clock, 'after' | 'monotonic'>): Promise<void> {
  const pace = createPace(clock);
  const queue: ToWriter[] = [];
  const turns: Turns = new Map();
  const backups: Backups = { waiting: 0, done: Promise.resolve() };
  let isWorking = false;
  const idle = createIdleWork({ deriveTime: () => group.deriveTime(), checkpoint: () => group.checkpoint(), clock });
  return new Promise((resolve, reject) => {
    const run = (): void => {
      isWorking = true;
      idle.stop();
      work({ port, queue, group, pace, turns, backups, idle }).then((isOver) => {
        isWorking = false;
        if (isOver) resolve();
        else if (queue.length > 0) run();
        else idle.rest();
      }).catch(reject);
    };
    port.on('message', (message: ToWriter) => {
      queue.push(message);
      if (!isWorking) run();
    });
    idle.rest();
  });
}

interface Pace {
  groupBytes(): number;
  timed<T>(jobs: readonly BatchJob[], commit: () => T): T;
}

/** How much one commit may hold, by how fast the last ones were. */
function createPace(clock: Pick<Clock, 'monotonic'>): Pace {
  let bytesPerMs = 16 * 1024;
  return {
    groupBytes: () => Math.min(GROUP_BYTES, Math.max(TELLING_BYTES, bytesPerMs * COMMIT_MS)),
    timed(jobs, commit) {
      const bytes = jobs.reduce((sum, job) => sum + workBytes(job.bytes.byteLength, job.isCompressed), 0);
      const startMs = clock.monotonic();
      const result = commit();
      if (bytes >= TELLING_BYTES) bytesPerMs = (3 * bytesPerMs + bytes / Math.max(1, clock.monotonic() - startMs)) / 4;
      return result;
    },
  };
}

interface Work {
  port: MessagePort;
  queue: ToWriter[];
  group: GroupCommit;
  pace: Pace;
  turns: Turns;
  backups: Backups;
  idle: Pick<IdleWork, 'pass'>;
}

/** One after the other, in steps between which the rest goes on. */
interface Backups {
  waiting: number;
  done: Promise<void>;
}

/** Until nothing waits. True when `close` was reached or the database is beyond use. */
async function work({ port, queue, group, pace, turns, backups, idle }: Work): Promise<boolean> {
  for (;;) {
    // Else a queue that is never empty would leave a copy no turn.
    if (backups.waiting > 0) await nextTurn();
    receiveAll(port, queue);
    if (queue.length === 0) return false;
    const next = takeCall(queue);
    if (next === undefined) {
      const jobs = takeGroup(queue, pace.groupBytes(), turns);
      if (!pace.timed(jobs, () => group.commit(jobs))) return true;
      idle.pass();
    } else if (next.kind === 'call' && next.method === 'backup') {
      backups.done = backUp(backups, group, next);
    } else {
      // The one would end a copy half-way, the other move every page under it.
      if (next.kind === 'close' || next.method === 'compact') await backups.done;
      if (next.kind === 'close') return true;
      await group.call(next);
    }
  }
}

async function backUp(backups: Backups, group: GroupCommit, call: CallJob): Promise<void> {
  backups.waiting += 1;
  await backups.done;
  await group.call(call);
  backups.waiting -= 1;
}

/** Bounded by what the connections may have unanswered. */
function receiveAll(port: MessagePort, queue: ToWriter[]): void {
  for (;;) {
    const received: { message: ToWriter } | undefined = receiveMessageOnPort(port);
    if (!received) return;
    queue.push(received.message);
  }
}
