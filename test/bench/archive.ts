/**
 * A large history mirrored into the archive: how fast by itself, what lines that come meanwhile wait for,
 * and what the indexer costs them. At the end every file is there as it is.
 */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSearchReader } from '../../collector/store/search-index.ts';
import { archiveContent } from '../support/archive-content.ts';
import { enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { killAll, runCommand } from '../support/processes.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { watchStore } from './backfill.ts';
import type { Corpus } from './corpus.ts';
import { appendAndRead, appendOf, monotonicMs, toLatencies, type Latencies, type LiveOptions } from './live.ts';
import type { PlannedAppend } from './live-roles.ts';
import { median, peakRss, percentile, type Row } from './measure.ts';

interface Stage {
  laptop: MachineHome;
  devbox: MachineHome;
  corpus: Corpus;
  roles: string;
  random: SeededRandom;
  /** A session that goes on. */
  session: string;
}

const MIRRORED_MS = 900_000;

export async function measureMirror({ corpus, roles, isQuick, say }: LiveOptions & { say(text: string): void }): Promise<Row[]> {
  const laptop = createMachineHome('mirror-c');
  const devbox = createMachineHome('mirror-a', { TT_ARCHIVE: 'true' });
  devbox.environment['CLAUDE_CONFIG_DIR'] = `${devbox.environment['CLAUDE_CONFIG_DIR'] ?? ''},${corpus.configDir}`;
  const stage: Stage = { laptop, devbox, corpus, roles, random: seededRandom(1), session: join(devbox.projects, '-home-dev-app', '00000000-0000-4000-8000-000000000001.jsonl') };
  try {
    mkdirSync(dirname(stage.session), { recursive: true });
    writeFileSync(stage.session, appendOf(stage.session, stage.random, 0).text);
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'mirror');
    const agent = await startAgent(devbox);
    await untilStored(stage);
    const count = isQuick ? 60 : 300;
    const off = await live(stage, count, 100);
    say('archive: the mirror by itself');
    const seconds = await mirror(stage);
    const indexing = await live(stage, count, 100);
    const indexedSeconds = await untilIndexed(stage);
    const idle = await live(stage, count, 100);
    const differed = await differences(stage);
    say('archive: the mirror beside live lines');
    await setArchive(stage, 'off');
    rmSync(laptop.paths.archiveDir, { recursive: true });
    const beside = await besideMirror(stage, isQuick ? 200 : 1000);
    return [
      { name: 'archive: mirrored', measured: corpus.bytes / 1e6 / seconds, unit: 'MB/s', note: `${(corpus.bytes / 1e6).toFixed(0)} MB, ${corpus.files} files, in ${seconds.toFixed(1)} s, each chunk synced before it is answered` },
      { name: '… files that differ', measured: differed + await differences(stage), target: 0, note: 'SHA-256 of each' },
      { name: '… searched', measured: indexedSeconds, unit: 's', note: 'from the mirror\'s end until all of it is in the index, at a quarter of one processor' },
      ...latencyRows('idle, the archive on', idle, { p50: 5, p99: 15 }),
      ...latencyRows('while it is indexed', indexing, { p50: 5, p99: 15 }),
      { name: '… ÷ with the archive off, p50', measured: median(indexing.times) / median(off.times), note: `p99 ${percentile(indexing.times, 99).toFixed(1)} to ${percentile(off.times, 99).toFixed(1)} ms` },
      ...latencyRows('beside the mirror', beside, { p99: 40 }),
      { name: '… peak RSS agent', measured: peakRss(agent.pid), unit: 'MB', note: 'with the backfill before it' },
      { name: '… peak RSS collector', measured: peakRss(collector.pid), unit: 'MB', note: 'with the backfill before it, and the indexer' },
    ];
  } finally {
    await killAll();
    laptop.remove();
    devbox.remove();
  }
}

function latencyRows(name: string, { times, missed }: Latencies, { p50, p99 }: { p50?: number; p99: number }): Row[] {
  return [
    { name: `archive: line ${name}, p50`, measured: median(times), unit: 'ms', ...(p50 === undefined ? {} : { target: p50 }) },
    { name: `archive: line ${name}, p99`, measured: percentile(times, 99), unit: 'ms', target: p99, note: `n=${times.length}, max ${Math.max(...times).toFixed(1)} ms` },
    { name: `archive: line ${name}, never seen`, measured: missed, target: 0 },
  ];
}

async function untilStored({ laptop, corpus }: Stage): Promise<void> {
  const watcher = watchStore(laptop.paths.database);
  await until('the history to be stored', () => watcher.stored().offsets >= corpus.bytes, { timeoutMs: 600_000, everyMs: 200 });
  watcher.close();
}

async function setArchive({ laptop }: Stage, how: 'on' | 'off'): Promise<void> {
  const { code, stderr } = await runCommand(laptop, 'tt', ['archive', how, 'mirror']);
  if (code !== 0) throw new Error(`tt archive ${how}: ${stderr}`);
}

/** Seconds from the wish to the last byte. */
async function mirror(stage: Stage): Promise<number> {
  await setArchive(stage, 'on');
  const from = performance.now();
  await untilMirrored(stage);
  return (performance.now() - from) / 1000;
}

function untilMirrored(stage: Stage): Promise<unknown> {
  return until('everything to be archived', () => archivedBytes(stage) >= stage.corpus.bytes, { timeoutMs: MIRRORED_MS, everyMs: 100 });
}

function live({ roles, laptop, devbox, random, session }: Stage, count: number, afterMs: number): Promise<Latencies> {
  const plan: PlannedAppend[] = Array.from({ length: count }, () => appendOf(session, random, random.between(afterMs, 2 * afterMs)));
  return appendAndRead(plan, { roles, laptop, devbox }).then(toLatencies);
}

/** Only lines that were written before the last byte was archived count. */
async function besideMirror(stage: Stage, count: number): Promise<Latencies> {
  const plan = Array.from({ length: count }, () => appendOf(stage.session, stage.random, 15));
  let mirroredAt = Number.POSITIVE_INFINITY;
  await setArchive(stage, 'on');
  const mirrored = untilMirrored(stage).then(() => (mirroredAt = monotonicMs()));
  const compared = await appendAndRead(plan, stage);
  await mirrored;
  return toLatencies(compared.filter(({ writtenAt }) => writtenAt < mirroredAt));
}

async function untilIndexed({ laptop, corpus }: Stage): Promise<number> {
  const from = performance.now();
  await until('everything to be searched', () => {
    using index = openSearchReader(laptop.paths.searchDatabase);
    return index.extent().bytes >= corpus.bytes;
  }, { timeoutMs: MIRRORED_MS, everyMs: 500 });
  return (performance.now() - from) / 1000;
}

function archivedProjects({ laptop, devbox }: Stage): string {
  return join(laptop.paths.archiveDir, devbox.machineId(), 'projects');
}

function archivedBytes(stage: Stage): number {
  try {
    return readdirSync(archivedProjects(stage), { recursive: true, withFileTypes: true })
      .reduce((sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0), 0);
  } catch {
    return 0; // Nothing yet, or renamed between two looks.
  }
}

/** The last lines are archived a second after they came. */
async function differences(stage: Stage): Promise<number> {
  await until('the last lines to be archived', () => differing(stage).length === 0, { everyMs: 1000 }).catch(() => undefined);
  return differing(stage).length;
}

function differing(stage: Stage): string[] {
  const there = new Map([...archiveContent(join(stage.corpus.configDir, 'projects')), ...archiveContent(stage.devbox.projects)]);
  const here = archiveContent(archivedProjects(stage));
  return [...new Set([...there.keys(), ...here.keys()])].filter((name) => there.get(name) !== here.get(name));
}
