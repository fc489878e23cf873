/** Streams with their times, for lists: the same for the terminal, the API and the page. */
import { printTimestamp } from '../../shared/timestamp.ts';
import { openStreamLookup } from '../store/assignments.ts';
import type { Database } from '../store/database.ts';
import { readIntervals } from '../store/intervals.ts';
import { readStreamActivity } from '../store/stream-activity.ts';
import { readStreams } from '../store/streams.ts';
import { shortIdsOf } from './names.ts';

/** Epoch ms, half-open. */
export interface Period {
  fromMs: number;
  toMs: number;
}

export interface StreamTime {
  time_direct_ms: number;
  /** Sum over sessions: agents that work side by side add up. */
  time_delegated_ms: number;
}

export interface ListedStream extends StreamTime {
  id: string;
  /** Resolves wherever a stream is asked for. */
  id_short: string;
  name: string | null;
  tags: string[];
  /** Of all its events, whatever the period; null: it has none. */
  first_event_at: string | null;
  last_event_at: string | null;
  created_at: string;
}

export interface StreamList {
  streams: ListedStream[];
  /** What belongs to no stream. */
  unassigned: StreamTime;
}

export interface StreamsDocument extends StreamList {
  schema: 1;
  period: { start: string; end: string };
}

/** How many days a list looks back, today included, where not everything is asked for. */
export const LISTED_DAYS = 7;

/** What `tt streams --json` prints, and how many older ones it leaves out. */
export function listStreamsOf(reader: Database, { isAll, nowMs }: { isAll: boolean; nowMs: number }): { document: StreamsDocument; hidden: number } {
  const period: Period = { fromMs: isAll ? 0 : localMidnight(nowMs, 1 - LISTED_DAYS), toMs: nowMs };
  const { streams, unassigned } = listStreams(reader, period);
  const shown = isAll ? streams : streams.filter((stream) => isRecent(stream, period.fromMs));
  const document = { schema: 1 as const, period: { start: printTimestamp(period.fromMs), end: printTimestamp(period.toMs) }, streams: shown, unassigned };
  return { document, hidden: streams.length - shown.length };
}

function localMidnight(nowMs: number, days: number): number {
  const at = new Date(nowMs);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + days).getTime();
}

/** A stream that was just made has no event yet, and is shown all the same. */
function isRecent({ last_event_at, created_at }: ListedStream, sinceMs: number): boolean {
  return Date.parse(last_event_at ?? created_at) >= sinceMs;
}

/** Times of the period, most first; then those without, latest first. */
export function listStreams(reader: Database, period: Period): StreamList {
  const streams = readStreams(reader);
  const short = shortIdsOf(streams);
  const activity = readStreamActivity(reader, openStreamLookup(reader));
  const times = readStreamTimes(reader, period);
  const listed = streams.map(({ id, name, tags, createdAt }): ListedStream => {
    const active = activity.get(id);
    return {
      id, id_short: short.get(id) ?? id, name, tags, ...(times.get(id) ?? NO_TIME),
      first_event_at: active === undefined ? null : printTimestamp(active.firstMs),
      last_event_at: active === undefined ? null : printTimestamp(active.lastMs),
      created_at: createdAt,
    };
  });
  return { streams: listed.sort(byTime), unassigned: times.get(null) ?? NO_TIME };
}

const NO_TIME: StreamTime = { time_direct_ms: 0, time_delegated_ms: 0 };

function byTime(a: ListedStream, b: ListedStream): number {
  const sum = (stream: StreamTime): number => stream.time_direct_ms + stream.time_delegated_ms;
  const latest = (b.last_event_at ?? b.created_at).localeCompare(a.last_event_at ?? a.created_at);
  return sum(b) - sum(a) || latest || a.id.localeCompare(b.id);
}

/** By stream ID; null: unassigned. Of one moment. */
export function readStreamTimes(reader: Database, period: Period): Map<string | null, StreamTime> {
  return reader.transaction(() => sumTimes(reader, period))();
}

function sumTimes(reader: Database, period: Period): Map<string | null, StreamTime> {
  const times = new Map<string | null, StreamTime>();
  for (const { form, streamId, fromMs, toMs } of readIntervals(reader, period)) {
    if (form === 'waiting') continue;
    const time = times.get(streamId) ?? { ...NO_TIME };
    if (form === 'direct') time.time_direct_ms += toMs - fromMs;
    else time.time_delegated_ms += toMs - fromMs;
    times.set(streamId, time);
  }
  return times;
}
