// `npm run acceptance -- DIR [extraction|store|programs|archive]`: does tt find in real logs what is in them?
// DIR holds folders laid out as Claude Code's configuration directory, and a README.md whose
// table says what is right. By default all four: each folder is read in every way in which an
// agent may come to read it; it arrives in every way at the collector's database, whose views are
// asked; and the programs as they are shipped take it in. Tokens and cost, by session and by day, are
// compared with ccusage; so are logs made here in which every model of the price table does everything
// that has a price of its own. Archived, each folder is byte for byte what it is, through kills and lost
// databases; so are ten thousand sessions, and a line of 100 MB.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { seededRandom } from '../support/seeded-random.ts';
import type { Totals } from '../support/usage-model.ts';
import { ccusageDays, ccusageSessions } from './ccusage.ts';
import { countsOf, groupsOf, tokensByGroup } from './counting.ts';
import { parseExpected, type Counts } from './expected.ts';
import type { Stored } from './database.ts';
import { writePricedLogs } from './priced-logs.ts';
import { mirrorFolder, mirrorLongLine, mirrorMany } from './mirroring.ts';
import { takeIn } from './programs.ts';
import { logFiles, readings, sourceOf } from './reading.ts';
import { addUpSpent, spentDifferences, type Spent } from './spent.ts';
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

const MODES = ['extraction', 'store', 'programs', 'archive'] as const;
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
  const sessions = addUpSpent(ccusageSessions(path), groupOf);
  const days = ccusageDays(path);
  const right = expected ?? countsOf(plain.collected);
  const check = (name: string, ...wrong: string[]): void => {
    rows.push({ check: name, result: wrong.filter((result) => result !== 'agrees').join('; ') || 'agrees' });
  };
  const checkStored = (name: string, { counts, ...stored }: Stored): void => {
    check(name, differences(right, counts), spentDifferences(sessions, stored.sessions(groupOf)), spentDifferences(days, stored.days));
  };
  if (modes.includes('extraction')) {
    const withoutCost = (spent: ReadonlyMap<string, Totals>): Map<string, Spent> => new Map([...spent].map(([key, totals]) => [key, { ...totals, cost: 0 }]));
    for (const { name, collected } of ways) {
      check(`extraction: ${name}`, differences(right, countsOf(collected)), spentDifferences(withoutCost(sessions), withoutCost(tokensByGroup(collected))));
    }
  }
  if (modes.includes('store')) {
    for (const { name, arrive } of arrivals(source, seededRandom(SEED), plain.collected.edges)) checkStored(`store: ${name}`, arrive(files));
  }
  if (modes.includes('programs')) checkStored('programs, the agent killed once', await takeIn(path));
  if (modes.includes('archive')) check('archive', await mirrorFolder(path));
  return rows;
}

async function checkPrices(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tt-priced-'));
  try {
    writePricedLogs(folder);
    const checks = await checkFolder(folder, undefined, ['store']);
    return checks.map((row) => ({ folder: 'every price', ...row }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
  if (modes.includes('store')) rows.push(...await checkPrices());
  if (modes.includes('archive')) {
    rows.push({ folder: 'ten thousand sessions', check: 'archive', result: await mirrorMany() });
    rows.push({ folder: 'a line of 100 MB', check: 'archive', result: await mirrorLongLine() });
  }
  for (const missing of [...expected.keys()].filter((folder) => !folders.includes(folder))) {
    rows.push({ folder: missing, check: 'is there', result: 'no such folder' });
  }
  console.table(rows);
  return rows.length > 0 && rows.every(({ result }) => result === 'agrees');
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
