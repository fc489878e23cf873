// How long the questions take over a year of history: in this process, and as commands.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readStatus } from '../../collector/commands/status.ts';
import { openReading, type Reading } from '../../collector/commands/reading.ts';
import { openMachineRegistry } from '../../collector/enrolment/machine-registry.ts';
import { listSessions, listWaiting } from '../../collector/sessions/session-list.ts';
import { openReader, SCHEMA_VERSION } from '../../collector/store/database.ts';
import { printStatusline } from '../../collector/statusline/statusline-file.ts';
import { presentStatusline } from '../../collector/statusline/present.ts';
import { reportOf } from '../../collector/time/report.ts';
import { usageReport } from '../../collector/usage/usage-report.ts';
import { makePrivateDirectory } from '../../shared/atomic-file.ts';
import { parseMachineId } from '../../shared/ids.ts';
import type { ReportGroup } from '../../shared/report-documents.ts';
import type { UsageGroup } from '../../shared/usage-documents.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { createKeyPair } from '../../shared/protocol/tokens.ts';
import { testIo } from '../support/command-io.ts';
import { generateDatabase } from '../support/generate.ts';
import { median, type Row } from './measure.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/tt.mjs', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../deploy/statusline.sh', import.meta.url));
const DAY_MS = 86_400_000;
const DAYS = 365;
const REPEATS = 11;
const PROCESS_REPEATS = 15;

export interface AnswersOptions {
  cacheDir: string;
  events: number;
  say(text: string): void;
}

/** One question, asked in this process. `targetMs`: at two million events. */
export interface Question {
  name: string;
  targetMs?: number;
  ask(reading: Reading, nowMs: number): unknown;
}

const since = (days: number, by: UsageGroup) => ({ fleet, usage, prices }: Reading, nowMs: number): unknown =>
  usageReport({ by, timezone: 'Europe/Berlin', sinceMs: nowMs - days * DAY_MS }, { reader: usage, prices, labelOf: (id) => fleet.labelOf(id) });

const report = (days: number, by: ReportGroup) => ({ database, fleet }: Reading, nowMs: number): unknown =>
  reportOf({ period: { type: 'custom', fromMs: nowMs - days * DAY_MS, toMs: nowMs }, by, timezone: 'Europe/Berlin' }, { database, nowMs, machines: [], gaps: [], labelOf: (id) => fleet.labelOf(id), waitsUntilMs: () => nowMs });

export const QUESTIONS: readonly Question[] = [
  { name: 'waiting', targetMs: 50, ask: (reading) => listWaiting(reading, { isInTmux: false }) },
  { name: 'sessions, the latest 50', ask: (reading) => listSessions({ limit: 50 }, reading) },
  { name: '30 days of usage by day', targetMs: 100, ask: since(30, 'day') },
  { name: '30 days of usage by model', targetMs: 100, ask: since(30, 'model') },
  { name: '30 days of usage by project', targetMs: 100, ask: since(30, 'project') },
  { name: '30 days of usage by stream', ask: since(30, 'stream') },
  { name: 'a year of usage by model', ask: since(DAYS, 'model') },
  { name: 'a week’s report by stream', targetMs: 150, ask: report(7, 'stream') },
  { name: 'a week’s report by day', targetMs: 150, ask: report(7, 'day') },
  { name: 'a year’s report by project', targetMs: 1000, ask: report(DAYS, 'project') },
];

/** A home with a year of history, made once; every machine in it is enrolled. */
export async function makeHome({ cacheDir, events, say }: AnswersOptions): Promise<{ home: string; paths: Paths; endMs: number }> {
  const home = join(cacheDir, `answers-${events}-schema-${SCHEMA_VERSION}`);
  const paths = resolvePaths({}, home);
  const endMs = Date.now();
  const done = join(home, 'done');
  if (existsSync(done)) return { home, paths, endMs };
  rmSync(home, { recursive: true, force: true });
  makePrivateDirectory(paths.dataDir);
  say(`a history of ${events} events in ${home}`);
  generateDatabase(paths.database, { machines: 4, sessions: Math.ceil(events / 250), events, days: DAYS, seed: 1, endMs });
  const database = openReader(paths.database);
  const machines = database.prepare<[], { id: string }>('SELECT machine_id AS id FROM machine_key WHERE machine_id IS NOT NULL').all();
  database.close();
  for (const [index, { id }] of machines.entries()) {
    const machineId = parseMachineId(id);
    if (machineId) openMachineRegistry(paths.machinesFile).enrol({ machineId, label: `machine-${index}`, publicKey: (await createKeyPair()).publicKey, nowMs: endMs - DAYS * DAY_MS });
  }
  writeFileSync(done, '');
  return { home, paths, endMs };
}

async function medianMs(ask: () => unknown): Promise<number> {
  await ask();
  const times: number[] = [];
  for (let at = 0; at < REPEATS; at += 1) {
    const started = performance.now();
    await ask();
    times.push(performance.now() - started);
  }
  return median(times);
}

/** In turn, so that a busy minute of the machine hits all of them. */
function processMs(lines: readonly (readonly string[])[], home: string): number[] {
  const times = lines.map((): number[] => []);
  for (let at = 0; at < PROCESS_REPEATS; at += 1) {
    for (const [index, [program = '', ...words]] of lines.entries()) {
      const started = performance.now();
      spawnSync(program, words, { stdio: 'ignore', env: { PATH: process.env['PATH'], HOME: home } });
      times[index]?.push(performance.now() - started);
    }
  }
  return times.map(median);
}

function commandRows(home: string): Row[] {
  const tt = (...words: string[]): string[] => [process.execPath, PROGRAM, ...words];
  const [bare = 0, shell = 0, statusline = 0, script = 0, status = 0, waiting = 0, usage = 0] = processMs([
    [process.execPath, '-e', '0'], ['/bin/sh', '-c', ':'], tt('statusline'), [SCRIPT], tt('status'), tt('waiting'), tt('usage', '--since', '30 days ago'),
  ], home);
  return [
    { name: 'command: node -e 0', measured: bare, unit: 'ms', note: 'what any program on Node takes' },
    { name: '… tt statusline − bare node', measured: statusline - bare, unit: 'ms', target: 30 },
    { name: '… statusline.sh − sh -c :', measured: script - shell, unit: 'ms', target: 5, note: `${script.toFixed(1)} ms in all; starting any shell costs ${shell.toFixed(1)} ms here, which is not the script's` },
    { name: '… tt status', measured: status, unit: 'ms' },
    { name: '… tt waiting', measured: waiting, unit: 'ms' },
    { name: '… tt usage, 30 days', measured: usage, unit: 'ms' },
  ];
}

export async function measureAnswers(options: AnswersOptions): Promise<Row[]> {
  const { home, paths, endMs } = await makeHome(options);
  const io = testIo(home);
  const rows: Row[] = [];
  rows.push({ name: 'answer: status', measured: await medianMs(() => readStatus(paths, endMs)), unit: 'ms', target: 50, note: `median of ${REPEATS}, ${options.events} events over ${DAYS} days` });
  using reading = await openReading(io);
  for (const { name, targetMs, ask } of QUESTIONS) {
    rows.push({ name: `… ${name}`, measured: await medianMs(() => ask(reading, endMs)), unit: 'ms', ...(targetMs === undefined ? {} : { target: targetMs }) });
  }
  const { machines } = await readStatus(paths, endMs);
  rows.push({ name: '… the status line, worked out anew', measured: await medianMs(() => presentStatusline(reading, machines)), unit: 'ms' });
  makePrivateDirectory(paths.stateDir);
  writeFileSync(paths.statuslineFile, printStatusline(presentStatusline(reading, machines)));
  return [...rows, ...commandRows(home)];
}
