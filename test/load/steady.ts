/** Agents that write at a steady rate, then all lose their collector at once; and agents that say nothing. */
import { cpuSeconds, percentile, type Row } from '../bench/measure.ts';
import { systemClock } from '../../shared/clock.ts';
import { startAgents, type LoadAgents } from './agents.ts';
import { compare, openLoadedCollector, type Compared, type LoadedCollector } from './bench-collector.ts';
import { watchMainThread, type MainThread } from './main-thread.ts';

export const ACK_P99_MS = 250;
export const IDLE_RSS_MB = 250;
export const DELAY_P99_MS = 200;

const WARM_UP_MS = 3000;

interface Loaded {
  collector: LoadedCollector;
  agents: LoadAgents;
  mainThread: MainThread;
}

async function withLoad<T>(count: number, work: (loaded: Loaded) => Promise<T>): Promise<T> {
  const collector = await openLoadedCollector(count);
  const mainThread = watchMainThread(collector.process().uiPort);
  const agents = await startAgents(collector.machines, { url: collector.url });
  try {
    await agents.untilConnected();
    return await work({ collector, agents, mainThread });
  } finally {
    await agents.close();
    await mainThread.stop();
    await collector.close();
  }
}

/** Round trips while nothing is asked of it but to keep the connections. */
async function idleDelay(mainThread: MainThread, ms: number): Promise<number> {
  mainThread.take();
  await systemClock.sleep(ms);
  return percentile(mainThread.take(), 50);
}

export interface RateOptions {
  agents: number;
  /** Lines a second of each. */
  rate: number;
  seconds: number;
}

export interface RateResult extends Compared {
  acks: readonly number[];
  delays: readonly number[];
  idleMs: number;
  rssMb: number;
  /** Cores in use, while the agents wrote: of the collector, and of all agents together. */
  cores: { collector: number; agents: number };
}

export function measureRate({ agents: count, rate, seconds }: RateOptions): Promise<RateResult> {
  return withLoad(count, async ({ collector, agents, mainThread }) => {
    const idleMs = await idleDelay(mainThread, 3000);
    const stop = agents.writeAt(rate);
    // 200 agents in one process are compiled first: that is no delay of the collector's.
    await systemClock.sleep(WARM_UP_MS);
    agents.forgetTimes();
    mainThread.take();
    const cpu = (): [number, number] => [cpuSeconds(collector.process().pid), cpuSeconds(process.pid)];
    const before = cpu();
    await systemClock.sleep(seconds * 1000);
    stop();
    const [ofCollector, ofAgents] = cpu().map((after, at) => (after - (before[at] ?? 0)) / seconds);
    const delays = mainThread.take();
    await agents.untilStored();
    const compared = compare(collector.storedIds(), agents.all.flatMap(({ feed }) => feed.eventIds()));
    return {
      ...compared, acks: agents.latencies, delays, idleMs, rssMb: collector.rssMb(),
      cores: { collector: ofCollector ?? 0, agents: ofAgents ?? 0 },
    };
  });
}

export function rateRows({ agents, rate }: RateOptions, result: RateResult): Row[] {
  const { acks, delays, idleMs, written, missing, unexpected, repeated, rssMb, cores } = result;
  return [
    { name: `${agents} agents, ${rate} events/s each: events that differ`, measured: missing + unexpected + repeated, target: 0, note: `${written} written, sets of IDs compared` },
    { name: '… ack p99', measured: percentile(acks, 99), unit: 'ms', target: ACK_P99_MS, note: `from writing to ack, after ${WARM_UP_MS / 1000} s; p50 ${percentile(acks, 50).toFixed(1)}, max ${percentile(acks, 100).toFixed(0)} ms` },
    { name: '… main thread p99 − idle p50', measured: percentile(delays, 99) - idleMs, unit: 'ms', note: `p50 ${percentile(delays, 50).toFixed(1)} ms` },
    { name: '… collector RSS', measured: rssMb, unit: 'MB' },
    { name: '… collector CPU', measured: cores.collector, unit: 'cores', note: `all agents together ${cores.agents.toFixed(2)} cores` },
  ];
}

export interface IdleResult {
  connected: number;
  rssMb: number;
}

export function measureIdle(count: number, seconds: number): Promise<IdleResult> {
  return withLoad(count, async ({ collector, agents }) => {
    await systemClock.sleep(seconds * 1000);
    return { connected: agents.connected(), rssMb: collector.rssMb() };
  });
}

export function idleRows(count: number, { connected, rssMb }: IdleResult): Row[] {
  return [
    { name: `${count} idle connections: connected`, measured: connected, target: count, atLeast: true },
    { name: '… collector RSS', measured: rssMb, unit: 'MB', target: IDLE_RSS_MB },
  ];
}

export interface StormResult extends Compared {
  /** Attempts of each 100 ms, from when the collector answered again. */
  histogram: readonly number[];
  /** Greatest share of agents that tried within the same 100 ms, of all since the collector went. */
  worstShare: number;
  connectedAfterMs: number;
  delays: readonly number[];
  idleMs: number;
}

const BIN_MS = 100;

export interface StormOptions {
  agents: number;
  downMs: number;
  /** Lines a second of each agent, also while it is away. */
  rate?: number;
  /** How long to look at the main thread before. */
  idleMs?: number;
}

export function measureStorm({ agents: count, downMs, rate = 1, idleMs: lookMs = 3000 }: StormOptions): Promise<StormResult> {
  return withLoad(count, async ({ collector, agents, mainThread }) => {
    const idleMs = await idleDelay(mainThread, lookMs);
    agents.forgetTimes();
    const stop = agents.writeAt(rate);
    const downAt = Date.now();
    await collector.restart(downMs);
    const upAt = Date.now();
    mainThread.take();
    await agents.untilConnected();
    const connectedAfterMs = Date.now() - upAt;
    await systemClock.sleep(500);
    stop();
    const delays = mainThread.take();
    await agents.untilStored();
    const tried = agents.attempts.filter((at) => at >= downAt);
    return {
      ...compare(collector.storedIds(), agents.all.flatMap(({ feed }) => feed.eventIds())),
      histogram: binned(tried.filter((at) => at >= upAt), upAt),
      worstShare: Math.max(...binned(tried, downAt)) / count,
      connectedAfterMs, delays, idleMs,
    };
  });
}

function binned(times: readonly number[], from: number): number[] {
  const bins: number[] = [];
  for (const at of times) {
    const bin = Math.floor((at - from) / BIN_MS);
    while (bins.length <= bin) bins.push(0);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}

export function stormRows({ agents, downMs }: StormOptions, result: StormResult): Row[] {
  const { histogram, worstShare, connectedAfterMs, delays, idleMs, missing, unexpected, repeated, written } = result;
  return [
    { name: `${agents} agents after a restart (${downMs / 1000} s away): all connected after`, measured: connectedAfterMs, unit: 'ms', note: `attempts per 100 ms: ${histogram.join(' ')}` },
    { name: '… most of them in the same 100 ms', measured: worstShare * 100, unit: '%', target: 35 },
    { name: '… main thread p99 − idle p50', measured: percentile(delays, 99) - idleMs, unit: 'ms', target: DELAY_P99_MS, note: `${delays.length} probes, p50 ${percentile(delays, 50).toFixed(1)}, max ${percentile(delays, 100).toFixed(0)} ms` },
    { name: '… events that differ', measured: missing + unexpected + repeated, target: 0, note: `${written} written` },
  ];
}
