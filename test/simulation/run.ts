/** `npm run simulate -- [--seeds N] [--from S] [--seed S] [--minutes M]`: histories by the thousand, each out of one number. */
import { parseArgs } from 'node:util';
import { shrink, simulate, type Outcome } from './simulate.ts';

const PROGRESS_MS = 5000;
const SHOWN_FAILURES = 10;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function report({ seed, problem, actions, trace }: Outcome): void {
  print(`\nseed ${seed}: ${problem}`);
  print(`  ${actions.map(({ kind, waitMs }) => (waitMs === 0 ? kind : `${kind} +${waitMs} ms`)).join(', ')}`);
  for (const line of trace) print(`    ${line}`);
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

async function many(from: number, count: number, untilMs: number): Promise<boolean> {
  const started = performance.now();
  let shownAt = started;
  const failed: Outcome[] = [];
  let done = 0;
  for (; done < count && performance.now() < untilMs; done += 1) {
    const outcome = await simulate(from + done);
    if (outcome.problem !== undefined) {
      failed.push(outcome);
      print(`seed ${outcome.seed}: ${outcome.problem}`);
    }
    if (performance.now() - shownAt < PROGRESS_MS) continue;
    shownAt = performance.now();
    print(`${done + 1} seeds, ${failed.length} failed, ${rate(done + 1, started)} seeds/s`);
  }
  print(`${done} seeds from ${from}: ${failed.length} failed, ${rate(done, started)} seeds/s`);
  for (const { seed } of failed.slice(0, SHOWN_FAILURES)) print(`  npm run simulate -- --seed ${seed}`);
  return failed.length === 0;
}

function rate(count: number, started: number): string {
  return ((count * 1000) / (performance.now() - started)).toFixed(1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, minutes: { type: 'string' } } });
  const untilMs = values.minutes === undefined ? Infinity : performance.now() + Number(values.minutes) * 60_000;
  const isWell = values.seed === undefined ? await many(Number(values.from ?? 1), Number(values.seeds ?? 2000), untilMs) : await one(Number(values.seed));
  process.exitCode = isWell ? 0 : 1;
}

await main();
