/**
 * `npm run torture`: real processes, real files, and everything that goes wrong.
 *
 *   --rounds N    how many in all (60)     --seed S     the first history's (1)
 *   --minutes M   stop then (with it and without --rounds: as many as fit)
 *   --jobs J      histories at a time (one per core)
 *
 * A history is a fleet of its own and 15 rounds; it has a seed of its own, S, S+1, …
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { setup as takePrivateHome } from '../support/private-home.ts';
import { runHistory, type HistoryOutcome } from './history.ts';
import { findPlatform, type Platform } from './platform.ts';

const ROUNDS_PER_HISTORY = 15;
const DEFAULT_ROUNDS = 60;

interface Order {
  seed: number;
  rounds: number;
  untilMs: number;
  platform: Platform;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** In a process of its own, in namespaces of its own: whatever becomes of it, no mount and no filter stays. */
function runElsewhere(order: Order): Promise<HistoryOutcome> {
  const us = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), '--history', JSON.stringify(order)];
  const [command = '', ...args] = order.platform.namespaces.length === 0 ? us : [...order.platform.namespaces, 'sh', '-c', 'PATH="$PATH:/usr/sbin:/sbin"; ip link set lo up && exec "$@"', '-', ...us];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let outcome: HistoryOutcome | undefined;
    child.on('message', (message) => {
      outcome = message as HistoryOutcome;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(outcome ?? { rounds: 0, facts: 0, gaps: 0, vagueGaps: 0, problem: `its process ended with ${code ?? signal}` }));
  });
}

async function runHere(order: Order): Promise<void> {
  const giveBackHome = takePrivateHome();
  const orphaned = (): void => process.exit(1); // and what it started goes with it
  process.on('disconnect', orphaned);
  try {
    const outcome = await runHistory({ ...order, print });
    process.send?.(outcome);
  } finally {
    await killAll();
    giveBackHome();
  }
  process.off('disconnect', orphaned);
  process.disconnect?.();
}

async function many(first: number, rounds: number, untilMs: number, jobs: number): Promise<boolean> {
  const platform = findPlatform();
  for (const missing of platform.missing) print(`left out: ${missing}`);
  const started = Date.now();
  const failed: { seed: number; problem: string }[] = [];
  let nextSeed = first;
  let leftRounds = rounds;
  let done = 0;
  let facts = 0;
  let gaps = 0;
  let vagueGaps = 0;
  await Promise.all(Array.from({ length: jobs }, async () => {
    while (leftRounds > 0 && Date.now() < untilMs) {
      const order = { seed: nextSeed++, rounds: Math.min(ROUNDS_PER_HISTORY, leftRounds), untilMs, platform };
      leftRounds -= order.rounds;
      const outcome = await runElsewhere(order);
      done += outcome.rounds;
      facts += outcome.facts;
      gaps += outcome.gaps;
      vagueGaps += outcome.vagueGaps;
      if (outcome.problem !== undefined) failed.push({ seed: order.seed, problem: outcome.problem });
      print(`torture: ${done} rounds in ${nextSeed - first} histories, ${failed.length} failed, ${((Date.now() - started) / 1000).toFixed(0)} s`);
    }
  }));
  print(`torture: seeds ${first} to ${nextSeed - 1}, ${done} rounds, ${facts} facts, ${gaps} gaps (${vagueGaps} reach too far), ${failed.length} failed, ${((Date.now() - started) / 1000).toFixed(0)} s`);
  for (const { seed, problem } of failed) print(`  seed ${seed}, ${problem}`);
  return failed.length === 0;
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { rounds: text, seed: text, minutes: text, jobs: text, history: text } });
  if (values.history !== undefined) return runHere(JSON.parse(values.history) as Order);
  ensureExecutables();
  const untilMs = values.minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + Number(values.minutes) * 60_000;
  const rounds = Number(values.rounds ?? (values.minutes === undefined ? DEFAULT_ROUNDS : Number.MAX_SAFE_INTEGER));
  const isWell = await many(Number(values.seed ?? 1), rounds, untilMs, Number(values.jobs ?? availableParallelism()));
  process.exitCode = isWell ? 0 : 1;
}

await main();
