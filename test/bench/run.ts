// `npm run bench [-- --quick] [--corpus DIR] [--only backfill,restart,live,hook,answers,search,archive,page] [--large] [--profile DIR]`
// One table, everything measured in one run on one machine: the ratios are what counts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { ensureExecutables } from '../support/processes.ts';
import { measureAnswers } from './answers.ts';
import { measureMirror } from './archive.ts';
import { healthRows, measureBackfill, measureHealth, type Backfill } from './backfill.ts';
import { makeCorpus, warm, type Corpus } from './corpus.ts';
import { measureLive } from './live.ts';
import { isMissed, measureParts, median, printTable, type Row } from './measure.ts';
import { measurePage } from './page.ts';
import { runCcusage, runRsyslog, runScan } from './peers.ts';
import { measureRestart } from './restart.ts';
import { measureSearch } from './search.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const argv = process.argv.slice(2);
const option = (name: string): string | undefined => {
  const at = argv.indexOf(`--${name}`);
  return at === -1 ? undefined : argv[at + 1];
};
const isQuick = argv.includes('--quick');
const only = option('only')?.split(',');
const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

const cacheDir = process.env['TT_BENCH_CACHE'] ?? join(tmpdir(), 'tt-bench');
const profileDir = option('profile');

function corpusFolder(): string {
  const given = [option('corpus'), process.env['TT_BENCH_CORPUS'], join(root, '../shared/corpus/claude-2.1.39'), join(root, 'test/fixtures/claude/claude-2.1.39')];
  const found = given.find((path) => path !== undefined && existsSync(join(path, 'projects')));
  if (found === undefined) throw new Error('no corpus: give a Claude Code configuration directory with --corpus');
  return found;
}

async function bundle(name: string): Promise<string> {
  // Below node_modules, where a package that is not bundled is found.
  const outfile = join(root, 'node_modules/.cache/tt-bench', `${name}.mjs`);
  await build({
    absWorkingDir: root, entryPoints: [`test/bench/${name}.ts`], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20.19',
    external: ['better-sqlite3'], logLevel: 'warning',
    banner: { js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);" },
  });
  return outfile;
}

async function backfillRows(corpus: Corpus): Promise<Row[]> {
  const scan = await bundle('bare-scan');
  const repeats = isQuick ? 1 : 3;
  // In turn, so that a busy minute of the machine hits both.
  const scans: number[] = [];
  const plain: number[] = [];
  const ours: Backfill[] = [];
  const counting: number[] = [];
  let events = 0;
  let eventBytes = 0;
  for (let at = 0; at < repeats; at += 1) {
    say(`backfill ${at + 1} of ${repeats}`);
    const scanned = runScan(scan, corpus, 'redacted');
    [events, eventBytes] = [scanned.events, scanned.eventBytes];
    if (scanned.bytes !== corpus.bytes) throw new Error(`the scan saw ${scanned.bytes} of ${corpus.bytes} bytes`);
    scans.push(scanned.wallSeconds);
    plain.push(runScan(scan, corpus, 'full').wallSeconds);
    ours.push(await measureBackfill(corpus, at === 0 ? profileDir : undefined));
    const ccusage = runCcusage(corpus);
    if ('wallSeconds' in ccusage) counting.push(ccusage.wallSeconds);
  }
  const health = await measureHealth(corpus, await bundle('loop-delay'));
  const rsyslog = await runRsyslog(corpus);
  const wall = median(ours.map(({ first }) => first.wallSeconds));
  const stored = ours[0]?.first.events ?? 0;
  const cpu = median(ours.map(({ first }) => first.agentCpu + first.collectorCpu));
  const of = (pick: (each: Backfill) => number): number => median(ours.map(pick));
  return [
    { name: 'backfill: throughput', measured: corpus.bytes / 1e6 / wall, unit: 'MB/s', note: `${(corpus.bytes / 1e6).toFixed(0)} MB in ${wall.toFixed(2)} s, ${corpus.files} files, from the agent's start to the last acknowledgement` },
    { name: '… events', measured: stored / wall / 1000, unit: 'k/s', note: `${stored} of ${events} events, ${(eventBytes / 1e6).toFixed(0)} MB of them` },
    { name: '… events that are missing', measured: Math.abs(events - stored), target: 0 },
    { name: '… ÷ bare scan', measured: wall / median(scans), target: 1.7, note: `goal 1.4; scan ${median(scans).toFixed(2)} s, ${median(plain).toFixed(2)} s of it without redaction` },
    { name: '… ÷ ccusage', measured: counting.length === 0 ? undefined : wall / median(counting), target: 3, note: counting.length === 0 ? 'not installed' : `it takes ${median(counting).toFixed(2)} s to sum tokens` },
    'wallSeconds' in rsyslog
      ? { name: '… ÷ rsyslog', measured: wall / rsyslog.wallSeconds, target: 0.35, note: `${rsyslog.wallSeconds.toFixed(2)} s, raw lines, no fsync` }
      : { name: '… ÷ rsyslog', measured: undefined, target: 0.35, note: rsyslog.skipped },
    ...('cpuSeconds' in rsyslog && rsyslog.cpuSeconds !== undefined ? [{ name: '… CPU ÷ rsyslog', measured: cpu / rsyslog.cpuSeconds, target: 0.3 }] : []),
    { name: '… CPU of both', measured: cpu, unit: 's', note: `agent ${of(({ first }) => first.agentCpu).toFixed(2)}, collector ${of(({ first }) => first.collectorCpu).toFixed(2)}` },
    { name: '… peak RSS agent', measured: of(({ first }) => first.agentPeakMb), unit: 'MB', target: 150 },
    { name: '… peak RSS collector', measured: of(({ resend }) => resend.collectorPeakMb), unit: 'MB', target: 180, note: 'over both passes' },
    { name: '… everything again ÷ first time', measured: of(({ first, resend }) => resend.wallSeconds / first.wallSeconds), target: 1, note: `${of(({ resend }) => resend.wallSeconds).toFixed(2)} s, agent without its state` },
    ...healthRows(health),
    { name: '… bytes in the database for each event', measured: of(({ databaseBytes }) => databaseBytes / stored), unit: 'B', note: `an event is ${(eventBytes / events).toFixed(0)} B of JSON` },
  ];
}

function hookRows(): Row[] {
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', 'test/bench/hook.ts'], { cwd: root, encoding: 'utf8' });
  const ratio = /= ([\d.]+) \(target ≤ ([\d.]+)\)/.exec(stdout);
  return [{ name: 'hook ÷ /bin/true', measured: Number(ratio?.[1] ?? Number.NaN), target: Number(ratio?.[2] ?? 2.5), note: stdout.trim() }];
}

async function main(): Promise<void> {
  mkdirSync(cacheDir, { recursive: true });
  ensureExecutables();
  if (profileDir !== undefined) mkdirSync(profileDir, { recursive: true });
  let made: Corpus | undefined;
  const corpus = (): Corpus => {
    if (made) return made;
    say(`corpus in ${cacheDir}`);
    made = makeCorpus({ from: corpusFolder(), targetBytes: (isQuick ? 50 : 500) * 1e6, cacheDir });
    warm(made.configDir);
    return made;
  };
  const parts: Record<string, () => Row[] | Promise<Row[]>> = {
    hook: hookRows,
    backfill: () => backfillRows(corpus()),
    restart: measureRestart,
    live: async () => measureLive({ roles: await bundle('live-roles'), corpus: corpus(), isQuick }),
    answers: () => measureAnswers({ cacheDir, say, events: isQuick ? 200_000 : argv.includes('--large') ? 10_000_000 : 2_000_000 }),
    archive: async () => measureMirror({ roles: await bundle('live-roles'), corpus: corpus(), isQuick, say }),
    search: () => measureSearch({ from: corpusFolder(), targetBytes: (isQuick ? 50 : 1000) * 1e6, cacheDir, say }),
    page: () => measurePage({ cacheDir, say, events: isQuick ? 200_000 : 2_000_000, soakSeconds: isQuick ? 20 : argv.includes('--large') ? 3600 : 120 }),
  };
  const rows = await measureParts(parts, { only, say });
  process.stdout.write(printTable(rows));
  const missed = rows.filter(isMissed);
  process.stdout.write(missed.length === 0 ? 'every target met\n' : `${missed.length} of ${rows.filter(({ target }) => target !== undefined).length} targets missed\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

await main();
