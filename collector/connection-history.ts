/**
 * When each machine was connected, for the strip of its page: two days, kept over
 * restarts. Of the time in which this collector did not run, or its computer
 * slept, nothing is known, and that is what it says.
 *
 * Limit: after a crash up to a minute of the end is not known.
 */
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import type { MachineId } from '../shared/ids.ts';
import type { Log } from '../shared/log.ts';
import type { ConnectionSpan } from '../shared/machine-document.ts';
import { printTimestamp } from '../shared/timestamp.ts';
import type { MachineLinks } from './ingest/machine-links.ts';

const KEPT_MS = 48 * 3_600_000;
const NOTE_MS = 60_000;
/** A look that comes this late: the computer slept in between. */
const SLEPT_MS = 3 * NOTE_MS;
/** Of one machine: one that comes and goes all the time must not fill the disk. */
const MOST_SPANS = 1000;

/** Epoch ms, half-open; the last one may still grow. */
type Span = [from: number, to: number];

const spansSchema = z.array(z.tuple([z.number(), z.number()]));
const fileSchema = z.looseObject({ version: z.literal(1), running: spansSchema, machines: z.record(z.string(), spansSchema) });

export interface ConnectionHistoryDeps {
  clock: Pick<Clock, 'now' | 'every'>;
  links: Pick<MachineLinks, 'get' | 'onChange'>;
  log: Log;
}

export interface ConnectionHistory {
  /** In order and without holes; `fromMs` < `toMs`. Before `enrolledMs` it was not away: it was not there. */
  spans(machineId: MachineId, time: { fromMs: number; toMs: number; enrolledMs: number }): ConnectionSpan[];
  close(): void;
}

export function openConnectionHistory(file: string, { clock, links, log }: ConnectionHistoryDeps): ConnectionHistory {
  const { running, machines } = readHistory(file, log);
  const open = new Set<MachineId>();
  let lookedMs = clock.now();
  const grow = (list: Span[], nowMs: number): void => {
    const last = list.at(-1);
    if (last && nowMs > last[1]) last[1] = nowMs;
  };
  const begin = (list: Span[], nowMs: number): void => {
    list.push([nowMs, nowMs]);
    if (list.length > MOST_SPANS) list.splice(0, list.length - MOST_SPANS);
  };
  const spansOf = (machineId: string): Span[] => {
    const known = machines.get(machineId) ?? [];
    machines.set(machineId, known);
    return known;
  };
  const look = (): void => {
    const nowMs = clock.now();
    const hasSlept = nowMs - lookedMs > SLEPT_MS || nowMs < lookedMs;
    lookedMs = nowMs;
    for (const list of [running, ...[...open].map(spansOf)]) {
      if (hasSlept) begin(list, nowMs);
      else grow(list, nowMs);
    }
  };
  const heard = (machineId: MachineId): void => {
    const isConnected = links.get(machineId)?.connected === true;
    if (isConnected === open.has(machineId)) return;
    look();
    if (isConnected) begin(spansOf(machineId), clock.now());
    if (isConnected) open.add(machineId);
    else open.delete(machineId);
  };
  const note = (): void => {
    look();
    const since = clock.now() - KEPT_MS;
    const kept = (spans: readonly Span[]): Span[] => spans.filter(([, to]) => to >= since);
    const rows = [...machines].map(([id, spans]) => [id, kept(spans)] as const).filter(([, spans]) => spans.length > 0);
    try {
      makePrivateDirectory(dirname(file));
      writeFileAtomic(file, `${JSON.stringify({ version: 1, running: kept(running), machines: Object.fromEntries(rows) })}\n`);
    } catch (error) {
      log.warn({ file, error: messageOf(error) }, 'when machines were connected could not be noted');
    }
  };
  begin(running, lookedMs);
  const stops = [links.onChange(heard), clock.every(NOTE_MS, note)];
  return {
    spans(machineId, { fromMs, toMs, enrolledMs }) {
      look();
      const awaited = running.flatMap(([from, to]): Span[] => (to > enrolledMs ? [[Math.max(from, enrolledMs), to]] : []));
      return toSpans(awaited, machines.get(machineId) ?? [], fromMs, toMs);
    },
    close() {
      for (const stop of stops) stop();
      note();
    },
  };
}

function readHistory(file: string, log: Log): { running: Span[]; machines: Map<string, Span[]> } {
  try {
    const text = readFileIfExists(file);
    if (text !== undefined) {
      const { running, machines } = fileSchema.parse(JSON.parse(text));
      return { running, machines: new Map(Object.entries(machines)) };
    }
  } catch (error) {
    log.warn({ file, error: messageOf(error) }, 'when machines were connected can not be read; it is noted anew from now on');
  }
  return { running: [], machines: new Map() };
}

/** Connected counts above away, and away above what nobody knows. */
function toSpans(awaited: readonly Span[], connected: readonly Span[], fromMs: number, toMs: number): ConnectionSpan[] {
  const within = (spans: readonly Span[], at: number): boolean => spans.some(([from, to]) => from <= at && at < to);
  const edges = [fromMs, toMs, ...[...awaited, ...connected].flat()].filter((at) => at >= fromMs && at <= toMs);
  const cuts = [...new Set(edges)].toSorted((a, b) => a - b);
  const spans: ConnectionSpan[] = [];
  for (const [index, from] of cuts.entries()) {
    const to = cuts[index + 1];
    if (to === undefined) break;
    const state = within(connected, from) ? 'connected' : within(awaited, from) ? 'away' : 'unknown';
    const last = spans.at(-1);
    if (last?.state === state) last.to = printTimestamp(to);
    else spans.push({ from: printTimestamp(from), to: printTimestamp(to), state });
  }
  return spans;
}
