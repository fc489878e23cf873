// Loaded into the collector before its own code (`node --import`): how late a timer of its main
// thread comes, and whether the thread computed meanwhile or waited for a core. At its end it writes
// an array of Tick to the file named by TT_BENCH_LOOP.
import { openSync, readSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

export interface Tick {
  /** Epoch ms. */
  at: number;
  lateMs: number;
  /** Since the tick before: what the thread computed, and what it stood in the queue for a core. NaN where the system does not tell. */
  cpuMs: number;
  waitedMs: number;
}

const EVERY_MS = 2;
const file = process.env['TT_BENCH_LOOP'];

/** The kernel's account of the main thread: time on a core, time ready to run without one. */
function createAccount(): () => { cpuMs: number; waitedMs: number } {
  if (process.platform !== 'linux') return () => ({ cpuMs: Number.NaN, waitedMs: Number.NaN });
  const stat = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const buffer = Buffer.alloc(128);
  return () => {
    const [cpu = Number.NaN, waited = Number.NaN] = buffer.toString('latin1', 0, readSync(stat, buffer, 0, buffer.length, 0)).split(' ').map(Number);
    return { cpuMs: cpu / 1e6, waitedMs: waited / 1e6 };
  };
}

if (isMainThread && file !== undefined) {
  const account = createAccount();
  const ticks: Tick[] = [];
  let last = performance.now();
  let before = account();
  setInterval(() => {
    const now = performance.now();
    const after = account();
    ticks.push({ at: Date.now(), lateMs: Math.max(0, now - last - EVERY_MS), cpuMs: after.cpuMs - before.cpuMs, waitedMs: after.waitedMs - before.waitedMs });
    [last, before] = [now, after];
  }, EVERY_MS).unref();
  process.on('exit', () => writeFileSync(file, JSON.stringify(ticks)));
}
