/**
 * A probe: one line that goes the way of every other (file, agent, wire, database,
 * page), is never an event, and is timed at each hop. Here is what both ends make
 * of the times.
 */
import * as z from 'zod';
import { printTimestamp } from './timestamp.ts';

/** What a line of `status.jsonl` has as `type` when it is no event but a probe. */
export const PROBE_LINE_TYPE = 'tt_probe';
/** How long a probe is waited for. Below what a control socket waits for an answer. */
export const PROBE_TIMEOUT_MS = 8000;

/** In the order of the way. `laptop` and `asked`: only where the collector asked for it; `back`: only where the agent sent it by itself. */
export const PROBE_HOPS = ['laptop', 'asked', 'file', 'agent', 'wire', 'collector', 'store', 'page', 'back'] as const;
export type ProbeHop = (typeof PROBE_HOPS)[number];

/** Noted by the collector's clock; the others by the agent's. */
const OF_COLLECTOR: ReadonlySet<string> = new Set<ProbeHop>(['laptop', 'collector', 'store', 'page']);

/** What a `Date` can hold. */
const LATEST_MS = 8.64e15;

export interface NotedHop {
  name: string;
  /** Epoch ms, by the clock of whoever noted it. */
  at: number;
}

/** `probe` in `tt doctor --probe --json` and `tt-agent doctor --probe --json`. */
export const probeSchema = z.object({
  id: z.string(),
  /** Label of the machine whose agent sent it. */
  machine: z.string().nullable(),
  complete: z.boolean(),
  /** The first hop that it did not reach. */
  missing: z.string().nullable(),
  problem: z.string().nullable(),
  /** The agent's clock minus the collector's, by this very probe; null where it did not go both ways. */
  clock_offset_ms: z.number().nullable(),
  /** By how much that can be wrong: half of what the two ways took. */
  clock_error_ms: z.number().nullable(),
  /** From the first hop to the last. */
  total_ms: z.number().nullable(),
  hops: z.array(z.object({
    name: z.string(),
    /** As it was noted, by the clock of that side. */
    at: z.string(),
    clock: z.enum(['agent', 'collector']),
    /** Since the hop before, with the clock offset taken out; null: first, or across clocks whose offset is not known. */
    delay_ms: z.number().nullable(),
  })),
});
export type Probe = z.infer<typeof probeSchema>;

export interface ProbeFacts {
  id: string;
  machine: string | null;
  hops: readonly NotedHop[];
  /** Where it was to arrive. */
  goal: ProbeHop;
  problem?: string | null;
}

export function timeProbe({ id, machine, hops, goal, problem = null }: ProbeFacts): Probe {
  const known = hops.filter(({ name, at }) => isHop(name) && Math.abs(at) <= LATEST_MS);
  const missing = missingHop(known, goal);
  const offset = clockOffset(known);
  const since = (from: NotedHop | undefined, to: NotedHop | undefined): number | null => {
    if (from === undefined || to === undefined) return null;
    if (offset === undefined) return isOfCollector(from) === isOfCollector(to) ? to.at - from.at : null;
    return round(byCollector(to, offset.ms) - byCollector(from, offset.ms));
  };
  return {
    id,
    machine,
    complete: missing === null,
    missing,
    problem,
    clock_offset_ms: offset === undefined ? null : round(offset.ms),
    clock_error_ms: offset === undefined ? null : round(offset.errorMs),
    total_ms: missing === null ? since(known[0], known.at(-1)) : null,
    hops: known.map((hop, index) => ({
      name: hop.name, at: printTimestamp(hop.at), clock: isOfCollector(hop) ? 'collector' : 'agent', delay_ms: since(known[index - 1], hop),
    })),
  };
}

function isHop(name: string): name is ProbeHop {
  const names: readonly string[] = PROBE_HOPS;
  return names.includes(name);
}

function isOfCollector({ name }: NotedHop): boolean {
  return OF_COLLECTOR.has(name);
}

/** `back` comes from every collector; the page is a hop of those that tell it. */
function missingHop(hops: readonly NotedHop[], goal: ProbeHop): ProbeHop | null {
  const reached = new Set(hops.map(({ name }) => name));
  const way: readonly ProbeHop[] = goal === 'back'
    ? ['file', 'agent', 'wire', 'collector', 'store', 'page', 'back']
    : ['laptop', 'asked', 'file', 'agent', 'wire', 'collector', 'store', 'page'];
  return way.find((name) => !reached.has(name)) ?? null;
}

/** Out of the two times it went from one clock to the other, as if both ways took as long. */
function clockOffset(hops: readonly NotedHop[]): { ms: number; errorMs: number } | undefined {
  let there: number | undefined;
  let back: number | undefined;
  for (const [index, hop] of hops.entries()) {
    const before = hops[index - 1];
    if (before === undefined || isOfCollector(before) === isOfCollector(hop)) continue;
    if (isOfCollector(hop)) there ??= before.at - hop.at;
    else back ??= hop.at - before.at;
  }
  if (there === undefined || back === undefined) return undefined;
  return { ms: (there + back) / 2, errorMs: Math.abs(back - there) / 2 };
}

function byCollector(hop: NotedHop, offsetMs: number): number {
  return isOfCollector(hop) ? hop.at : hop.at - offsetMs;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

const HOP_WORDS: Readonly<Record<ProbeHop, string>> = {
  laptop: 'the collector asked for it', asked: 'the agent heard of it', file: 'its line was in the file', agent: 'the agent had read it',
  wire: 'the agent had sent it', collector: 'the collector had it', store: 'it was committed', page: 'the page’s live stream had it',
  back: 'the answer was back',
};

/** What went wrong, where it is known from where it stopped. */
const MISSING_WORDS: Readonly<Record<ProbeHop, string>> = {
  laptop: 'it was not asked for', asked: 'the agent did not answer: is it alive? tt-agent doctor there',
  file: 'the line could not be written', agent: 'the agent did not read its own file: restart it',
  wire: 'it was read and not sent: much waits before it, or the collector takes nothing', collector: 'no answer of the collector',
  store: 'the database did not have it when the collector looked', page: 'no page carried it: is the collector older?', back: 'no answer of the collector',
};

/** Lines for a person. */
export function probeLines(probe: Probe): string[] {
  const name = probe.machine === null ? '' : ` of ${probe.machine}`;
  const verdict = probe.complete
    ? `Probe${name}: ${probe.total_ms ?? '–'} ms all the way`
    : `Probe${name}: ${probe.hops.length === 0 ? 'was not sent' : 'did not arrive'}${probe.problem === null ? '' : `: ${probe.problem}`}`;
  const hops = probe.hops.map(({ name: hop, delay_ms: delay }, index) =>
    `  ${index === 0 ? 'start' : delay === null ? '?' : `+${delay} ms`}`.padEnd(14) + (isHop(hop) ? HOP_WORDS[hop] : hop));
  const { missing, clock_offset_ms: offset, clock_error_ms: error } = probe;
  const stop = missing === null || !isHop(missing) || probe.problem !== null ? [] : [`  ${'missing'.padEnd(12)}${MISSING_WORDS[missing]}`];
  const clocks = offset === null ? [] : [`  Clock of the machine: ${offset >= 0 ? '+' : ''}${offset} ms (± ${error ?? 0} ms), taken out of the delays`];
  return [verdict, ...hops, ...stop, ...clocks];
}
