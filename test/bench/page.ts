/**
 * The page in a real browser over two million events, 200 more arriving each
 * second: how soon it is drawn, how soon an event is on it, how often it draws,
 * what it keeps in memory, and how a session of five thousand turns scrolls.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium, type Browser, type CDPSession, type Page as BrowserPage } from 'playwright-core';
import { openWriter } from '../../collector/store/database.ts';
import { openEventStore } from '../../collector/store/event-store.ts';
import { createCommitter } from '../../collector/writer/commit.ts';
import { makePrivateDirectory } from '../../shared/atomic-file.ts';
import type { TtEvent } from '../../shared/event.ts';
import { machineAddedSchema } from '../../shared/status.ts';
import { startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { CHROMIUM, openTab, type WatchedTab } from '../support/page-browser.ts';
import { killAll, runCommand, runJson } from '../support/processes.ts';
import { batchOf, join as joinCollector, ScriptedAgent, tokenFor } from '../support/scripted-agent.ts';
import { genOf, jobOf, refOf, testEvent, testMachine } from '../support/store-fixture.ts';
import { makeHome } from './answers.ts';
import { median, percentile, type Row } from './measure.ts';

const WEB = fileURLToPath(new URL('../../dist/web', import.meta.url));
const TURNS = 5000;
const LONG_SESSION = '5e551000-0000-4000-8000-000000000001';
const PER_SECOND = 200;
const BATCHES_PER_SECOND = 20;
const LOADS = 7;
const SCROLL_SECONDS = 10;
const QUARTERS = 4;

export interface PageBenchOptions {
  cacheDir: string;
  events: number;
  /** Of the live page under load, memory measured four times. */
  soakSeconds: number;
  say(text: string): void;
}

/** What is counted inside the page. Runs there: it may use nothing of this module. */
function watch(): void {
  const seen = { draws: [] as number[], counts: [] as { at: number; count: number }[], tasks: [] as { at: number; duration: number }[] };
  Object.assign(window, { seen });
  new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map(({ startTime, duration }) => ({ at: performance.timeOrigin + startTime, duration })))).observe({ type: 'longtask' });
  let last = 0;
  new MutationObserver(() => {
    const now = Date.now();
    // What changes within a frame is drawn once.
    if (now - last >= 16) seen.draws.push(now);
    last = now;
    const cell = [...document.querySelectorAll('#machines [data-row]')].find((row) => row.textContent?.startsWith('bench'))?.querySelector('[data-title="Today"]');
    const count = Number((cell?.textContent ?? '').replace(/\D/g, ''));
    if (count > 0 && count !== seen.counts.at(-1)?.count) seen.counts.push({ at: now, count });
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

interface Seen {
  draws: number[];
  counts: { at: number; count: number }[];
  tasks: { at: number; duration: number }[];
}

const seenOf = (tab: WatchedTab): Promise<Seen> => tab.evaluate(() => (window as unknown as { seen: Seen }).seen);

/** A session of many turns, as its machine would have sent it. */
function addLongSession(database: string, endMs: number): void {
  const writer = openWriter(database);
  const committer = createCommitter(openEventStore(writer), { now: () => endMs });
  const machineId = testMachine(9);
  let offset = 0;
  let at = endMs - TURNS * 60_000;
  const common = { session_id: LONG_SESSION, cwd: '/home/me/src/api' };
  for (let turn = 0; turn < TURNS;) {
    const events: TtEvent[] = [];
    const add = (type: string, discriminator: string, rest: Parameters<typeof testEvent>[1]): void => {
      at += 5000;
      events.push(testEvent({ machineId, type, discriminator, at }, { ...common, ...rest }));
    };
    for (const end = turn + 50; turn < end; turn += 1) {
      const text = `Turn ${turn}: please look at the failing test and repair what it shows. `.repeat(1 + (turn % 7));
      add('user_message', `u${turn}`, { kind: 'prompt', origin: 'human', length: text.length, text });
      for (const step of [1, 2]) {
        add('assistant_message', `a${turn}-${step}`, { message_id: `msg_${turn}_${step}`, model: 'claude-opus-4-5', text: 'I look at it. '.repeat(1 + (turn % 12)), usage: { input_tokens: 10, output_tokens: 200, cache_creation_input_tokens: 500, cache_read_input_tokens: 50_000 } });
        add('agent_tool_use', `toolu_${turn}_${step}`, { tool: step === 1 ? 'Read' : 'Edit' });
        add('agent_tool_result', `toolu_${turn}_${step}`, { is_error: turn % 10 === 0 });
      }
      add('agent_turn', `e${turn}:ended`, { action: 'ended' });
    }
    const from = offset;
    offset += 100;
    committer.commit([jobOf(refOf(machineId, 0), { gen: genOf(9), from, to: offset, prev: from === 0 ? '' : `at ${from}`, tail: `at ${offset}`, events })]);
  }
  writer.close();
}

/** The same session's file, with what its tools gave. */
function archiveLongSession(archiveDir: string, endMs: number): void {
  const directory = join(archiveDir, testMachine(9), 'projects', '-home-me-src-api');
  mkdirSync(directory, { recursive: true });
  const line = (type: string, uuid: string, at: number, content: unknown): string => `${JSON.stringify({ type, uuid, timestamp: new Date(at).toISOString(), cwd: '/home/me/src/api', sessionId: LONG_SESSION, message: { role: type, content } })}\n`;
  const lines = Array.from({ length: TURNS }, (_, turn) => {
    const at = endMs - (TURNS - turn) * 60_000;
    const tools = [1, 2].map((step) => line('assistant', `t${turn}-${step}`, at, [{ type: 'tool_use', id: `toolu_${turn}_${step}`, name: 'Bash', input: { command: `npm test -- part-${turn}-${step}` } }])
      + line('user', `r${turn}-${step}`, at, [{ type: 'tool_result', tool_use_id: `toolu_${turn}_${step}`, content: 'ok\n'.repeat(20 + (turn % 200)) }]));
    return line('user', `u${turn}`, at, `Turn ${turn}: please look at the failing test and repair what it shows. `.repeat(1 + (turn % 7))) + tools.join('') + line('assistant', `a${turn}`, at, [{ type: 'text', text: 'I look at it.\n'.repeat(1 + (turn % 12)) }]);
  });
  writeFileSync(join(directory, `${LONG_SESSION}.jsonl`), lines.join(''));
}

async function prepare(options: PageBenchOptions): Promise<MachineHome> {
  const { paths: made } = await makeHome(options);
  const home = createMachineHome('page');
  makePrivateDirectory(home.paths.dataDir);
  for (const suffix of ['', '-wal']) if (existsSync(`${made.database}${suffix}`)) copyFileSync(`${made.database}${suffix}`, `${home.paths.database}${suffix}`);
  copyFileSync(made.machinesFile, join(dirname(home.paths.machinesFile), 'machines.json'));
  options.say(`a session of ${TURNS} turns`);
  addLongSession(home.paths.database, Date.now() - 3_600_000);
  archiveLongSession(home.paths.archiveDir, Date.now() - 3_600_000);
  return home;
}

interface Feeder {
  /** When each batch was acknowledged, and how many events were stored up to then. */
  acks: { at: number; count: number }[];
  stop(): Promise<void>;
}

/** 200 events each second, until it is stopped. */
async function feed(home: MachineHome): Promise<Feeder> {
  const added = await runJson(home, 'tt', ['machines', 'add', 'bench', '--json'], (value) => machineAddedSchema.parse(value));
  const machine = await joinCollector(added.url, added.code);
  const agent = await ScriptedAgent.connect(added.url, await tokenFor(added.url, machine));
  agent.hello();
  await agent.frame('welcome');
  const acks: Feeder['acks'] = [];
  let isStopped = false;
  let seq = 0;
  const run = async (): Promise<void> => {
    let due = performance.now();
    while (!isStopped) {
      const events = Array.from({ length: PER_SECOND / BATCHES_PER_SECOND }, (_, at) => testEvent(
        { machineId: machine.machineId, type: 'agent_tool_use', discriminator: `toolu_bench_${seq}_${at}`, at: Date.now() }, { session_id: `bench-${seq % 20}`, cwd: '/home/me/src/web', tool: 'Bash', text: 'x'.repeat(100) },
      ));
      seq += 1;
      agent.send(batchOf(seq, events, { gen: genOf(seq), from: 0, to: 100 }));
      await agent.acked(seq);
      agent.frames.length = 0;
      acks.push({ at: Date.now(), count: seq * events.length });
      due += 1000 / BATCHES_PER_SECOND;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  };
  const running = run();
  return {
    acks,
    async stop() {
      isStopped = true;
      await running;
      agent.terminate();
    },
  };
}

const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function measureLoads(tab: WatchedTab): Promise<Row[]> {
  const [paints, whole]: [number[], number[]] = [[], []];
  for (let load = 0; load <= LOADS; load += 1) {
    await tab.reload();
    await tab.locator('#today svg.timeline').waitFor();
    await tab.locator('#time .today').waitFor();
    const [paint, drawn] = await tab.evaluate(() => [performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN, performance.now()] as const);
    // The first finds nothing in any cache.
    if (load > 0) paints.push(paint);
    if (load > 0) whole.push(drawn);
  }
  return [
    { name: 'page: first paint', measured: median(paints), unit: 'ms', target: 300, note: `median of ${LOADS} loads, greatest ${Math.max(...paints).toFixed(0)} ms` },
    { name: '… every panel has its numbers', measured: median(whole), unit: 'ms' },
  ];
}

async function measureAnswersOf(tab: WatchedTab): Promise<Row[]> {
  const ask = (address: string): Promise<number[]> => tab.evaluate(async (url) => {
    const times: number[] = [];
    for (let at = 0; at < 7; at += 1) {
      const started = performance.now();
      await (await fetch(url)).text();
      times.push(performance.now() - started);
    }
    return times;
  }, address);
  const rows: Row[] = [];
  for (const [name, address] of [
    ['the newest turns of a session of 5,000', `/api/v1/sessions/${LONG_SESSION}?turns=25`], ['… turns in its middle', `/api/v1/sessions/${LONG_SESSION}?turns=25&before=2501`], ['the day in lanes', '/api/v1/timeline'],
    ['the end of its transcript', `/api/v1/sessions/${LONG_SESSION}/transcript`],
  ] as const) rows.push({ name: `… ${name}`, measured: median((await ask(address)).slice(1)), unit: 'ms' });
  return rows;
}

/** For each batch: from its acknowledgement until the page shows as many events. */
function delays({ acks }: Feeder, { counts }: Seen): number[] {
  const first = acks[0];
  const base = counts.find(({ at }) => first !== undefined && at >= first.at);
  if (!first || !base) return [];
  return acks.flatMap(({ at, count }) => {
    const shown = counts.find((each) => each.count >= count);
    return shown && at >= base.at ? [Math.max(0, shown.at - at)] : [];
  });
}

/** What the page keeps after what it let go was collected, and what the collector's process has. */
interface Kept {
  heapMb: number;
  nodes: number;
  listeners: number;
  collectorMb: number;
}

/** NaN where the system does not tell. */
function residentMb(pid: number): number {
  const file = `/proc/${pid}/status`;
  return existsSync(file) ? Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(file, 'utf8'))?.[1] ?? Number.NaN) / 1000 : Number.NaN;
}

/** The least of several looks: between them, what just came has not been let go yet. */
async function memory(client: CDPSession, collectorPid: number): Promise<Kept> {
  let least: Kept = { heapMb: Infinity, nodes: Infinity, listeners: Infinity, collectorMb: Infinity };
  for (let look = 0; look < 5; look += 1) {
    await client.send('HeapProfiler.collectGarbage');
    const { usedSize } = await client.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners: listeners } = await client.send('Memory.getDOMCounters');
    least = {
      heapMb: Math.min(least.heapMb, usedSize / 1e6), nodes: Math.min(least.nodes, nodes), listeners: Math.min(least.listeners, listeners),
      collectorMb: Math.min(least.collectorMb, residentMb(collectorPid)),
    };
    await pause(0.4);
  }
  return least;
}

async function measureSoak(tab: WatchedTab, feeder: Feeder, { soakSeconds, say, collectorPid }: PageBenchOptions & { collectorPid: number }): Promise<Row[]> {
  const client = await tab.context().newCDPSession(tab);
  const samples: Kept[] = [];
  const startedMs = Date.now();
  let quarterMs = startedMs;
  const tasks: number[] = [];
  for (let quarter = 1; quarter <= QUARTERS; quarter += 1) {
    await pause(soakSeconds / QUARTERS);
    const tasksNow = (await seenOf(tab)).tasks.filter(({ at }) => at >= quarterMs).map(({ duration }) => duration);
    tasks.push(...tasksNow);
    samples.push(await memory(client, collectorPid));
    say(`quarter ${quarter}: ${samples.at(-1)?.heapMb.toFixed(1)} MB, ${samples.at(-1)?.nodes} nodes, ${samples.at(-1)?.listeners} listeners, collector ${samples.at(-1)?.collectorMb.toFixed(0)} MB`);
    quarterMs = Date.now();
  }
  const seen = await seenOf(tab);
  const draws = seen.draws.filter((at) => at >= startedMs).length / ((Date.now() - startedMs) / 1000);
  const late = delays(feeder, seen);
  const [first, last] = [samples[0], samples.at(-1)];
  return [
    { name: `… on screen after its commit, ${PER_SECOND} events/s`, measured: median(late), unit: 'ms', target: 250, note: `p95 ${percentile(late, 95).toFixed(0)} ms of ${late.length} batches; a message leaves at most every 265 ms` },
    { name: '… draws each second', measured: draws, target: 4 },
    { name: '… memory ÷ after the first quarter', measured: (last?.heapMb ?? Number.NaN) / (first?.heapMb ?? Number.NaN), target: 1.15, note: `${soakSeconds} s; ${first?.heapMb.toFixed(1)} → ${last?.heapMb.toFixed(1)} MB, ${first?.nodes} → ${last?.nodes} nodes` },
    ...grown('nodes', samples), ...grown('listeners', samples), ...grown('collectorMb', samples),
    { name: '… longest task meanwhile', measured: Math.max(0, ...tasks), unit: 'ms', note: 'without those of looking at its memory' },
  ];
}

const KEPT_NAMES = { nodes: 'nodes of the document', listeners: 'listeners', collectorMb: 'resident memory of the collector, MB' } as const;

function grown(key: keyof typeof KEPT_NAMES, samples: readonly Kept[]): Row[] {
  const values = samples.map((sample) => sample[key]);
  const [first = Number.NaN, last = Number.NaN] = [values[0], values.at(-1)];
  return [{ name: `… ${KEPT_NAMES[key]} ÷ after the first quarter`, measured: last / first, target: 1.15, note: values.map((value) => value.toFixed(0)).join(' → ') }];
}

interface Scrolled {
  frames: number[];
  tasks: number[];
  passed: number;
  /** Share of the looks that saw nothing in the middle of the window. */
  missing: number;
}

/** As fast as nobody scrolls: 100 px each frame. */
function scroll(tab: BrowserPage, forSeconds: number): Promise<Scrolled> {
  return tab.evaluate(async (seconds) => {
    const { seen = { tasks: [] } } = window as unknown as { seen?: { tasks: { duration: number }[] } };
    seen.tasks.length = 0;
    const times: number[] = [];
    let blank = 0;
    const started = performance.now();
    for (let last = started; last - started < seconds * 1000;) {
      window.scrollBy(0, 100);
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      times.push(now - last);
      last = now;
      // Looking costs a layout.
      if (times.length % 10 === 0 && document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('.row-room')) blank += 10;
    }
    return { frames: times, tasks: seen.tasks.map(({ duration }) => duration), passed: window.scrollY, missing: blank / times.length };
  }, forSeconds);
}

/** The same of text alone, without any script: what this computer can draw. */
async function plainFrame(tab: WatchedTab): Promise<number> {
  const plain = await tab.context().newPage();
  await plain.setContent(Array.from({ length: TURNS }, (_, at) => `<p>${at}: ${'Please look at the failing test and repair what it shows. '.repeat(4)}</p>`).join(''));
  const { frames } = await scroll(plain, SCROLL_SECONDS / 2);
  await plain.close();
  return percentile(frames.slice(2), 95);
}

const SCROLLED = [{ name: 'Session', address: `/sessions/${LONG_SESSION}` }, { name: 'Transcript', address: `/sessions/${LONG_SESSION}/transcript` }] as const;

async function measureScroll(tab: WatchedTab, { name, address }: { name: string; address: string }): Promise<Row[]> {
  await tab.evaluate((there) => {
    history.pushState(null, '', there);
    window.dispatchEvent(new PopStateEvent('popstate'));
    window.scrollTo(0, 0);
  }, address);
  await tab.locator(`article[aria-label="${name}"] .rows > li`).first().waitFor();
  const client = await tab.context().newCDPSession(tab);
  await client.send('Performance.enable');
  const spent = async (): Promise<Map<string, number>> => new Map((await client.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
  const before = await spent();
  const { frames, tasks, passed, missing } = await scroll(tab, SCROLL_SECONDS);
  const after = await spent();
  const floor = await plainFrame(tab);
  const share = (name: string): string => `${name} ${((100 * ((after.get(`${name}Duration`) ?? 0) - (before.get(`${name}Duration`) ?? 0))) / SCROLL_SECONDS).toFixed(0)} %`;
  return [
    { name: `scrolling ${TURNS} turns (${name.toLowerCase()}): frame, p95`, measured: percentile(frames.slice(2), 95), unit: 'ms', target: 33, note: `plain text without a script: ${floor.toFixed(0)} ms; ${frames.length} frames, ${passed.toFixed(0)} px; the middle of the window was empty in ${(100 * missing).toFixed(0)} % of them` },
    { name: '… longest task', measured: Math.max(0, ...tasks), unit: 'ms', target: 100, note: `of the time: ${['Task', 'Script', 'Layout', 'RecalcStyle'].map(share).join(', ')}` },
  ];
}

function sizeRow(): Row {
  const files = readdirSync(WEB).filter((name) => /\.(js|css)$/.test(name));
  const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(WEB, name))).length, 0);
  return { name: '… script and style, compressed', measured: bytes / 1000, unit: 'kB', target: 60 };
}

export async function measurePage(options: PageBenchOptions): Promise<Row[]> {
  if (CHROMIUM === undefined) return [{ name: 'page', measured: undefined, note: 'there is no chromium' }];
  const home = await prepare(options);
  let browser: Browser | undefined;
  try {
    const { pid: collectorPid } = await startCollector(home);
    browser = await chromium.launch({ executablePath: CHROMIUM });
    const { stdout } = await runCommand(home, 'tt', ['open', '--print']);
    const tab = await openTab(browser, stdout.trim(), { viewport: { width: 1280, height: 900 } });
    await tab.context().addInitScript(watch);
    options.say('loads');
    const rows = [...await measureLoads(tab), sizeRow(), ...await measureAnswersOf(tab)];
    const feeder = await feed(home);
    try {
      options.say(`${options.soakSeconds} s of ${PER_SECOND} events/s`);
      rows.push(...await measureSoak(tab, feeder, { ...options, collectorPid }));
      options.say('scrolling');
      for (const page of SCROLLED) rows.push(...await measureScroll(tab, page));
    } finally {
      await feeder.stop();
    }
    return rows;
  } finally {
    await browser?.close();
    await killAll();
    home.remove();
  }
}
