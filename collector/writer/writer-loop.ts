/**
 * The writer's thread: takes everything that waits, commits it as one group, and
 * answers only then. Runs on any message port, so a test needs no thread.
 *
 * Calls are barriers: each sees every batch that was sent before it and none
 * after, which is what makes the ledger of a new connection complete.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { Clock } from '../../shared/clock.ts';
import { describeFailure, GroupCommit, type OpenStore } from './group-commit.ts';
import type { BatchJob, FromWriter, ToWriter } from './messages.ts';

export interface WriterLoopDeps {
  port: MessagePort;
  open: () => OpenStore;
  clock: Pick<Clock, 'now' | 'after' | 'monotonic'>;
}

export const GROUP_BYTES = 4 * 1024 * 1024;
/** A live frame waits at most for the commit that runs, so commits aim at this length. */
const COMMIT_MS = 12;
/** What smaller groups take is mostly the sync, and tells nothing of the next. */
const TELLING_BYTES = 64 * 1024;
const IDLE_CHECKPOINT_MS = 2000;

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
  let isWorking = false;
  let cancelCheckpoint = (): void => {};
  return new Promise((resolve, reject) => {
    const run = (): void => {
      isWorking = true;
      cancelCheckpoint();
      work({ port, queue, group, pace }).then((isOver) => {
        isWorking = false;
        if (isOver) resolve();
        else if (queue.length > 0) run();
        else cancelCheckpoint = clock.after(IDLE_CHECKPOINT_MS, () => group.checkpoint());
      }).catch(reject);
    };
    port.on('message', (message: ToWriter) => {
      queue.push(message);
      if (!isWorking) run();
    });
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
      const bytes = jobs.reduce((sum, job) => sum + job.bytes.byteLength, 0);
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
}

/** Until nothing waits. True when `close` was reached or the database is beyond use. */
async function work({ port, queue, group, pace }: Work): Promise<boolean> {
  for (;;) {
    receiveAll(port, queue);
    const first = queue[0];
    if (!first) return false;
    if (first.kind === 'batch') {
      const jobs = takeGroup(queue, pace.groupBytes());
      if (!pace.timed(jobs, () => group.commit(jobs))) return true;
      continue;
    }
    queue.shift();
    if (first.kind === 'close') return true;
    await group.call(first);
  }
}

/** Bounded by what the connections may have unanswered. */
function receiveAll(port: MessagePort, queue: ToWriter[]): void {
  for (;;) {
    const received: { message: ToWriter } | undefined = receiveMessageOnPort(port);
    if (!received) return;
    queue.push(received.message);
  }
}

/** Removes the next group from the queue: batches before the next call, live ones first, up to `limit` bytes, at least one. */
export function takeGroup(queue: ToWriter[], limit = GROUP_BYTES): BatchJob[] {
  const barrier = queue.findIndex((message) => message.kind !== 'batch');
  const waiting = (barrier < 0 ? queue : queue.slice(0, barrier)).filter((message) => message.kind === 'batch');
  const ordered = [...waiting.filter((job) => job.lane === 'live'), ...waiting.filter((job) => job.lane !== 'live')];
  const group: BatchJob[] = [];
  let bytes = 0;
  for (const job of ordered) {
    if (group.length > 0 && bytes + job.bytes.byteLength > limit) break;
    bytes += job.bytes.byteLength;
    group.push(job);
  }
  const isTaken = new Set<ToWriter>(group);
  queue.splice(0, queue.length, ...queue.filter((message) => !isTaken.has(message)));
  return group;
}
