// `npm run acceptance -- DIR`: does extraction find in real logs what is in them?
// DIR holds folders laid out as Claude Code's configuration directory, and a README.md whose
// table says what a right extraction finds. Each folder is read in every way in which an agent
// may come to read it; token totals per session are compared with ccusage.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { seededRandom } from '../support/seeded-random.ts';
import type { Totals } from '../support/usage-model.ts';
import { ccusageTokens } from './ccusage.ts';
import { countsOf, groupsOf, tokensByGroup } from './counting.ts';
import { parseExpected, type Counts } from './expected.ts';
import { logFiles, readings, sourceOf } from './reading.ts';

interface Row {
  folder: string;
  check: string;
  result: string;
}

function differences(expected: Counts, found: Counts): string {
  const wrong = Object.keys(expected).filter((name) => expected[name] !== found[name]);
  return wrong.map((name) => `${name} ${String(found[name])} instead of ${String(expected[name])}`).join(', ') || 'agrees';
}

function tokenDifferences(expected: ReadonlyMap<string, Totals>, found: ReadonlyMap<string, Totals>): string {
  const print = (totals: Totals | undefined): string => (totals === undefined ? 'nothing' : Object.values(totals).join('/'));
  const isEmpty = (totals: Totals | undefined): boolean => totals === undefined || Object.values(totals).every((value) => value === 0);
  const wrong = [...new Set([...expected.keys(), ...found.keys()])]
    .filter((group) => print(expected.get(group)) !== print(found.get(group)) && !(isEmpty(expected.get(group)) && isEmpty(found.get(group))));
  return wrong.map((group) => `${group}: ${print(found.get(group))} instead of ${print(expected.get(group))}`).join(', ') || 'agrees';
}

function checkFolder(directory: string, folder: string, expected: Counts | undefined): Row[] {
  const source = sourceOf(join(directory, folder));
  const files = logFiles(join(directory, folder), source);
  const rows: Row[] = [];
  let first: Counts | undefined;
  for (const { name, read } of readings(source, seededRandom(20260105))) {
    const collected = read(files);
    const found = countsOf(collected);
    rows.push({ folder, check: name, result: differences(expected ?? first ?? found, found) });
    if (first === undefined) {
      const tokens = ccusageTokens(join(directory, folder), groupsOf(collected));
      rows.push({ folder, check: 'tokens as ccusage', result: tokenDifferences(tokens, tokensByGroup(collected)) });
    }
    first ??= found;
  }
  return rows;
}

const [argument] = process.argv.slice(2);
if (argument === undefined) {
  process.stderr.write('give the folder of the corpus: npm run acceptance -- DIR\n');
  process.exit(2);
}
const directory = resolve(argument);
const readme = join(directory, 'README.md');
const expected = existsSync(readme) ? parseExpected(readFileSync(readme, 'utf8')) : new Map<string, Counts>();
const folders = readdirSync(directory).filter((name) => existsSync(join(directory, name, 'projects'))).toSorted();
const rows = folders.flatMap((folder) => checkFolder(directory, folder, expected.get(folder)));
for (const missing of [...expected.keys()].filter((folder) => !folders.includes(folder))) {
  rows.push({ folder: missing, check: 'is there', result: 'no such folder' });
}
console.table(rows);
const failed = rows.length === 0 || rows.some(({ result }) => result !== 'agrees');
process.exitCode = failed ? 1 : 0;
