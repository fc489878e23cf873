/**
 * `npm run resilience`: a laptop and a machine in network namespaces, set up by
 * `tt deploy`, over a real sshd; what breaks between them, and how long it takes
 * to come back by itself. Needs root.
 *
 *   --rounds N       of each kind (10)      --seed S    (1)
 *   --only A,B       kinds by their first word: link, blackhole, another, sshd, its, an, remote
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMissed, percentile, printTable, type Row } from '../bench/measure.ts';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { noTwoHosts } from '../support/two-hosts.ts';
import { findPlatform, ProgramTime } from '../torture/platform.ts';
import { BREAKS, runRound, type Break } from './breaks.ts';
import { openStage } from './stage.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { rounds: text, seed: text, only: text } });
const rounds = Number(values.rounds ?? 10);
const seed = Number(values.seed ?? 1);
const chosen = BREAKS.filter(({ what }) => values.only === undefined || values.only.split(',').includes(what.split(' ')[0] ?? ''));

function say(line: string): void {
  process.stderr.write(`resilience: ${line}\n`);
}

async function measure(kinds: readonly Break[], time: ProgramTime | undefined): Promise<Row[]> {
  if (kinds.length === 0) return [];
  const random = seededRandom(seed);
  const stage = await openStage({ random, time });
  const took = new Map<Break, number[]>(kinds.map((one) => [one, []]));
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const one of kinds) {
        const lastedMs = random.between(...one.lasts);
        const firstAckMs = await runRound(stage, one, { lastedMs, time });
        took.get(one)?.push(firstAckMs);
        say(`${round}/${rounds} ${one.what} for ${(lastedMs / 1000).toFixed(1)} s: first ack after ${(firstAckMs / 1000).toFixed(2)} s, facts agree (${stage.written()})`);
      }
    }
  } finally {
    await stage[Symbol.asyncDispose]();
  }
  return [...took].flatMap(([one, ms]) => rowsOf(one, ms));
}

function rowsOf({ what, limits }: Break, ms: readonly number[]): Row[] {
  const seconds = (p: number): number => percentile(ms, p) / 1000;
  const target = (limit: number | undefined): Pick<Row, 'target'> => (limit === undefined ? {} : { target: limit / 1000 });
  return [
    { name: `${what}: first ack after, p90`, measured: seconds(90), unit: 's', ...target(limits.p90), note: `p50 ${seconds(50).toFixed(2)} s of ${ms.length}` },
    { name: `${what}: first ack after, max`, measured: seconds(100), unit: 's', ...target(limits.max) },
  ];
}

async function main(): Promise<void> {
  if (noTwoHosts !== undefined) {
    say(`not here: ${noTwoHosts}`);
    return;
  }
  ensureExecutables();
  const directory = mkdtempSync(join(tmpdir(), 'tt-clock-'));
  chmodSync(directory, 0o755); // another account's programs read it
  const { clockLibrary } = findPlatform();
  if (clockLibrary === undefined) say('left out: what needs libfaketime');
  try {
    const rows = await measure(chosen.filter(({ needsTime }) => needsTime !== true), undefined);
    if (clockLibrary !== undefined) rows.push(...await measure(chosen.filter(({ needsTime }) => needsTime), new ProgramTime(clockLibrary, directory)));
    process.stdout.write(printTable(rows));
    const missed = rows.filter(isMissed);
    process.stdout.write(`${rounds} rounds of each, seed ${seed}; ${missed.length === 0 ? 'every limit kept' : `${missed.length} limits missed`}\n`);
    process.exitCode = missed.length === 0 ? 0 : 1;
  } finally {
    await killAll();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
