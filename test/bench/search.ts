// How long `tt search` takes to look through an archive, and what its index costs.
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexArchive } from '../../collector/search/indexer.ts';
import { search, type SearchRequest } from '../../collector/search/search.ts';
import { openSearchReader, openSearchWriter } from '../../collector/store/search-index.ts';
import { makeCorpus, type CorpusOptions } from './corpus.ts';
import { median, percentile, type Row } from './measure.ts';

const REPEATS = 5;
const TARGET_MS = 100;

/** Of words that are everywhere, somewhere and almost nowhere; some of them narrowed. */
const ASKED: readonly Partial<SearchRequest>[] = [
  { query: 'error' }, { query: 'test' }, { query: 'function return' }, { query: '"no such file"' }, { query: 'config -test' }, { query: 'migrat*' },
  { query: 'permission denied' }, { query: 'refactor OR rewrite' }, { query: 'the file', roles: ['user'] }, { query: 'import', roles: ['assistant'] }, { query: 'test', sinceMs: Date.now() - 7 * 86_400_000 },
  { query: 'unlikelyword' }, { query: 'package.json' }, { query: 'commit push branch' }, { query: 'const', project: 'nowhere' },
];

export interface SearchOptions extends CorpusOptions {
  say(text: string): void;
}

export function measureSearch({ say, cacheDir, ...from }: SearchOptions): Row[] {
  const archiveDir = join(cacheDir, 'search');
  const corpus = makeCorpus({ ...from, cacheDir: archiveDir });
  for (const name of readdirSync(archiveDir)) if (join(archiveDir, name) !== corpus.configDir) rmSync(join(archiveDir, name), { recursive: true, force: true });
  const database = join(cacheDir, `search-${corpus.bytes}.sqlite`);
  const { seconds, cpuSeconds } = index(archiveDir, database, say);
  const times = ask(archiveDir, database);
  const indexBytes = statSync(database).size;
  return [
    { name: 'search: first results, median', measured: median(times.map(({ ms }) => ms)), unit: 'ms', target: TARGET_MS, note: `${(corpus.bytes / 1e6).toFixed(0)} MB, ${times.length} questions, each opens the index anew` },
    { name: '… the slowest', measured: Math.max(...times.map(({ ms }) => ms)), unit: 'ms', note: times.toSorted((a, b) => b.ms - a.ms)[0]?.query ?? '' },
    { name: '… 90 of 100', measured: percentile(times.map(({ ms }) => ms), 90), unit: 'ms' },
    { name: '… indexing', measured: corpus.bytes / 1e6 / cpuSeconds, unit: 'MB/s', note: `of logs, by CPU time; ${seconds.toFixed(0)} s of it, at a quarter of one processor when the collector does it` },
    { name: '… index ÷ logs', measured: indexBytes / corpus.bytes, note: `${(indexBytes / 1e6).toFixed(0)} MB` },
  ];
}

/** Once per corpus; what it took is kept beside it. */
function index(archiveDir: string, database: string, say: (text: string) => void): { seconds: number; cpuSeconds: number } {
  const done = `${database}.json`;
  if (existsSync(done)) return JSON.parse(readFileSync(done, 'utf8')) as { seconds: number; cpuSeconds: number };
  for (const ending of ['', '-wal', '-shm']) rmSync(`${database}${ending}`, { force: true });
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  {
    using writer = openSearchWriter(database);
    let said = 0;
    for (const { doneBytes, totalBytes } of indexArchive({ archiveDir, index: writer, onUnreadable: (name, problem) => { throw new Error(`${name}: ${problem}`); } })) {
      if (doneBytes - said < 200e6) continue;
      said = doneBytes;
      say(`indexed ${(doneBytes / 1e6).toFixed(0)} of ${(totalBytes / 1e6).toFixed(0)} MB`);
    }
  }
  const { user, system } = process.cpuUsage(startCpu);
  const taken = { seconds: (performance.now() - startMs) / 1000, cpuSeconds: (user + system) / 1e6 };
  writeFileSync(done, JSON.stringify(taken));
  return taken;
}

function ask(archiveDir: string, database: string): { query: string; ms: number }[] {
  return ASKED.map((asked) => {
    const request: SearchRequest = { query: '', machines: undefined, roles: undefined, sinceMs: undefined, project: undefined, limit: 20, ...asked };
    const ms = Array.from({ length: REPEATS }, () => {
      const startMs = performance.now();
      using reader = openSearchReader(database);
      search(request, { index: reader, archiveDir, nowMs: Date.now(), labelOf: (id) => id });
      return performance.now() - startMs;
    });
    if (process.env['TT_BENCH_DETAIL'] !== undefined) process.stderr.write(`bench: ${request.query}: ${ms.map((each) => each.toFixed(0)).join(' ')} ms\n`);
    return { query: request.query, ms: median(ms) };
  });
}
