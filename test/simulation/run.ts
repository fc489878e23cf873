/**
 * `npm run simulate`: histories by the thousand, each out of one number.
 *
 *   --seeds N     how many (2000)         --seed S      one, shrunk when it fails
 *   --from S      the first (1)           --minutes M   stop then
 *   --jobs J      processes (one per core)
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shrink, simulate, type Outcome } from './simulate.ts';

const PROGRESS_MS = 5000;
const SHOWN_FAILURES = 20;

interface Range {
  from: number;
  count: number;
  /** Every how manieth seed is ours. */
  step: number;
  untilMs: number;
}

/** What one process tells of its share. */
interface Progress {
  done: number;
  failed: { seed: number; problem: string }[];
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function report({ seed, problem, actions, trace }: Outcome): void {
  print(`\nseed ${seed}: ${problem}`);
  print(`  ${actions.map(({ kind, waitMs }) => (waitMs === 0 ? kind : `${kind} +${waitMs} ms`)).join(', ')}`);
  for (const line of trace) print(`    ${line}`);
  print(`  as data: ${JSON.stringify(actions)}`);
}

async function one(seed: number): Promise<boolean> {
  const outcome = await simulate(seed);
  if (outcome.problem === undefined) {
    print(`seed ${seed}: all is well after ${outcome.actions.length} actions`);
    return true;
  }
  print(`seed ${seed}: ${outcome.problem}\nshrinking…`);
  report(await shrink(outcome));
  return false;
}

async function share({ from, count, step, untilMs }: Range, tell: (progress: Progress) => void): Promise<void> {
  const progress: Progress = { done: 0, failed: [] };
  let toldAt = Date.now();
  for (let seed = from; seed < from + count && Date.now() < untilMs; seed += step) {
    const { problem } = await simulate(seed);
    progress.done += 1;
    if (problem !== undefined) progress.failed.push({ seed, problem });
    if (problem === undefined && Date.now() - toldAt < PROGRESS_MS) continue;
    toldAt = Date.now();
    tell(progress);
  }
  tell(progress);
}

function shareElsewhere(range: Range, tell: (progress: Progress) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--share', JSON.stringify(range)]);
    child.on('message', (progress: Progress) => tell(progress));
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))));
  });
}

async function many(range: Range, jobs: number): Promise<boolean> {
  const started = Date.now();
  const shares: Progress[] = [];
  let shownAt = started;
  let shownFailures = 0;
  const summary = (): string => {
    const done = shares.reduce((sum, each) => sum + each.done, 0);
    const failed = shares.reduce((sum, each) => sum + each.failed.length, 0);
    return `${done} seeds, ${failed} failed, ${((done * 1000) / (Date.now() - started)).toFixed(1)} seeds/s`;
  };
  await Promise.all(Array.from({ length: jobs }, (_, job) => {
    let told = 0;
    return shareElsewhere({ ...range, from: range.from + job, count: range.count - job, step: jobs }, (progress) => {
      shares[job] = progress;
      for (const { seed, problem } of progress.failed.slice(told)) {
        shownFailures += 1;
        if (shownFailures <= SHOWN_FAILURES) print(`seed ${seed}: ${problem}`);
      }
      told = progress.failed.length;
      if (Date.now() - shownAt < PROGRESS_MS) return;
      shownAt = Date.now();
      print(summary());
    });
  }));
  print(`from ${range.from}: ${summary()}, ${((Date.now() - started) / 1000).toFixed(0)} s`);
  const failed = shares.flatMap((each) => each.failed).toSorted((a, b) => a.seed - b.seed);
  for (const { seed } of failed.slice(0, SHOWN_FAILURES)) print(`  npm run simulate -- --seed ${seed}`);
  return failed.length === 0;
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { seeds: text, from: text, seed: text, minutes: text, jobs: text, share: text } });
  if (values.share !== undefined) {
    await share(JSON.parse(values.share) as Range, (progress) => process.send?.(progress));
    process.disconnect?.();
    return;
  }
  const untilMs = values.minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + Number(values.minutes) * 60_000;
  const range = { from: Number(values.from ?? 1), count: Number(values.seeds ?? 2000), step: 1, untilMs };
  const isWell = values.seed === undefined ? await many(range, Number(values.jobs ?? availableParallelism())) : await one(Number(values.seed));
  process.exitCode = isWell ? 0 : 1;
}

await main();
