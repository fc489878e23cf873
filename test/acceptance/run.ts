// `npm run acceptance -- DIR [extraction|store|programs]`: does tt find in real logs what is in them?
// DIR holds folders laid out as Claude Code's configuration directory, and a README.md whose
// table says what is right. By default all three: each folder is read in every way in which an
// agent may come to read it; it arrives in every way at the collector's database, whose views are
// asked; and the programs as they are shipped take it in. Token totals per session are compared
// with ccusage.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { seededRandom } from '../support/seeded-random.ts';
import type { Totals } from '../support/usage-model.ts';
import { ccusageTokens } from './ccusage.ts';
import { countsOf, groupsOf, tokensByGroup } from './counting.ts';
import { parseExpected, type Counts } from './expected.ts';
import { takeIn } from './programs.ts';
import { logFiles, readings, sourceOf } from './reading.ts';
import { arrivals } from './storing.ts';

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

const MODES = ['extraction', 'store', 'programs'] as const;
type Mode = (typeof MODES)[number];
const SEED = 20260105;

async function checkFolder(path: string, expected: Counts | undefined, modes: readonly Mode[]): Promise<Omit<Row, 'folder'>[]> {
  const source = sourceOf(path);
  const files = logFiles(path, source);
  const rows: Omit<Row, 'folder'>[] = [];
  const ways = readings(source, seededRandom(SEED)).map(({ name, read }) => ({ name, collected: read(files) }));
  const [plain] = ways;
  if (plain === undefined) return [];
  const groupOf = groupsOf(plain.collected);
  const tokens = ccusageTokens(path, groupOf);
  const right = expected ?? countsOf(plain.collected);
  const check = (name: string, found: Counts, foundTokens: ReadonlyMap<string, Totals>): void => {
    const wrong = [differences(right, found), tokenDifferences(tokens, foundTokens)].filter((result) => result !== 'agrees');
    rows.push({ check: name, result: wrong.join('; ') || 'agrees' });
  };
  if (modes.includes('extraction')) {
    for (const { name, collected } of ways) check(`extraction: ${name}`, countsOf(collected), tokensByGroup(collected));
  }
  if (modes.includes('store')) {
    for (const { name, arrive } of arrivals(source, seededRandom(SEED), plain.collected.edges)) {
      const stored = arrive(files);
      check(`store: ${name}`, stored.counts, stored.tokens(groupOf));
    }
  }
  if (modes.includes('programs')) {
    const stored = await takeIn(path);
    check('programs, the agent killed once', stored.counts, stored.tokens(groupOf));
  }
  return rows;
}

async function main([argument, ...words]: readonly string[]): Promise<boolean> {
  const modes = MODES.filter((mode) => words.length === 0 || words.includes(mode));
  if (argument === undefined || modes.length === 0) {
    process.stderr.write(`give the folder of the corpus: npm run acceptance -- DIR [${MODES.join('|')}]\n`);
    return false;
  }
  const directory = resolve(argument);
  const readme = join(directory, 'README.md');
  const expected = existsSync(readme) ? parseExpected(readFileSync(readme, 'utf8')) : new Map<string, Counts>();
  const folders = readdirSync(directory).filter((name) => existsSync(join(directory, name, 'projects'))).toSorted();
  const rows: Row[] = [];
  for (const folder of folders) {
    const checks = await checkFolder(join(directory, folder), expected.get(folder), modes);
    rows.push(...checks.map((row) => ({ folder, ...row })));
  }
  for (const missing of [...expected.keys()].filter((folder) => !folders.includes(folder))) {
    rows.push({ folder: missing, check: 'is there', result: 'no such folder' });
  }
  console.table(rows);
  return rows.length > 0 && rows.every(({ result }) => result === 'agrees');
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
