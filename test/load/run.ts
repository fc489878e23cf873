/**
 * `npm run load`: many agents, and bad ones, against the built collector.
 *
 *   --agents N --rate R --seconds S   agents that write R lines a second each (200, 10, 120)
 *   --idle N                          connections that say nothing (1000)
 *   --storm N                         agents that lose their collector at once (200)
 *   --only rate,idle,storm,hostile    some of the parts; --hostile: that one
 */
import { parseArgs } from 'node:util';
import { isMissed, measureParts, printTable, type Row } from '../bench/measure.ts';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { hostileRows, measureHostile } from './hostile.ts';
import { idleRows, measureIdle, measureRate, measureStorm, rateRows, stormRows } from './steady.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '200' },
    rate: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '120' },
    idle: { type: 'string', default: '1000' },
    storm: { type: 'string', default: '200' },
    only: { type: 'string' },
    hostile: { type: 'boolean', default: false },
  },
});
const only = values.hostile ? ['hostile'] : values.only?.split(',');

function say(text: string): void {
  process.stderr.write(`load: ${text}\n`);
}

async function rate(): Promise<Row[]> {
  const options = { agents: Number(values.agents), rate: Number(values.rate), seconds: Number(values.seconds) };
  return rateRows(options, await measureRate(options));
}

async function idle(): Promise<Row[]> {
  const count = Number(values.idle);
  return idleRows(count, await measureIdle(count, 20));
}

async function storm(): Promise<Row[]> {
  const rows: Row[] = [];
  // Back at once, and after everybody's patience has grown.
  for (const downMs of [0, 20_000]) {
    const options = { agents: Number(values.storm), downMs };
    rows.push(...stormRows(options, await measureStorm(options)));
  }
  return rows;
}

const hostile = async (): Promise<Row[]> => hostileRows(await measureHostile({ rounds: 4, share: 1, withExpiry: true, quietMs: 15_000, progress: say }));

const parts: Record<string, () => Promise<Row[]>> = { rate, idle, storm, hostile };
ensureExecutables();
const rows = await measureParts(parts, { only, say, after: killAll });
process.stdout.write(printTable(rows));
const missed = rows.filter(isMissed);
process.stdout.write(missed.length === 0 ? 'every limit kept\n' : `${missed.length} limits missed\n`);
process.exitCode = missed.length === 0 ? 0 : 1;
