/** `tsx test/support/generate-cli.ts FILE [machines] [sessions] [events] [days] [seed]`: a database to try things on. */
import { generateDatabase } from './generate.ts';

const [path, ...numbers] = process.argv.slice(2);
const [machines = 3, sessions = 200, events = 50_000, days = 30, seed = 1] = numbers.map(Number);
if (path === undefined || numbers.some((number) => !Number.isSafeInteger(Number(number)))) {
  process.stderr.write('usage: generate-cli.ts FILE [machines] [sessions] [events] [days] [seed]\n');
  process.exitCode = 2;
} else {
  const { events: stored } = generateDatabase(path, { machines, sessions, events, days, seed, endMs: Date.now() });
  process.stdout.write(`${stored} events in ${path}\n`);
}
