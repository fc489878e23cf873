/**
 * Every interval of time that the collector knows, for reports, the page and
 * whoever adds up time. The only reader of `interval` and `attention_row`.
 */
import type { DirectInterval } from '../time/attention.ts';
import { remembered } from '../remembered.ts';
import { openStreamLookup, type PlacedFact, type StreamLookup } from './assignments.ts';
import type { Database } from './database.ts';
import { readDirectIntervals, type StoredSign } from './read-attention.ts';
import { readSessionIntervals } from './read-session-time.ts';

/** What a person attended to, what agents did for them, and what waited for them. */
export type IntervalForm = 'direct' | 'delegated' | 'waiting';

export interface TimeInterval {
  form: IntervalForm;
  /** UUID; null: an imported event that names none. */
  machineId: string | null;
  /** Null: attention to something that is no session. */
  sessionId: string | null;
  /** Always '': a session's subagents are part of its time. */
  agentId: string;
  /** Epoch ms, half-open. */
  fromMs: number;
  toMs: number;
  /** `row` in `events` of the fact whose assignment gives the stream. */
  event: number;
  streamId: string | null;
  streamName: string | null;
  cwd: string | null;
}

export interface Period {
  /** Epoch ms, half-open. */
  fromMs: number;
  /** Not after now: a focus reaches up to five minutes past its sign, a wait as far as nothing ends it. */
  toMs: number;
}

/**
 * Everything of the period, clipped to it: parts of a period add up to the
 * whole. Direct intervals never overlap each other; those of one session and
 * form never do either. In no order across forms and sessions.
 */
export function* readIntervals(reader: Database, period: Period, streams: StreamLookup = openStreamLookup(reader)): IterableIterator<TimeInterval> {
  const print = openPrinter(reader, period, streams);
  for (const { form, fromMs, toMs, opener } of readSessionIntervals(reader, period)) {
    const interval = print(form, fromMs, toMs, opener);
    if (interval !== undefined) yield interval;
  }
  for (const { fromMs, toMs, target } of joined(readDirectIntervals(reader, period), (sign) => streams.of(sign)?.streamId ?? null)) {
    const interval = print('direct', fromMs, toMs, target);
    if (interval !== undefined) yield interval;
  }
}

/** Scrolls that count, put together with what they extend. */
function* joined(
  intervals: Iterable<DirectInterval<StoredSign>>, streamOf: (fact: PlacedFact) => string | null,
): Generator<{ fromMs: number; toMs: number; target: StoredSign }> {
  let open: { fromMs: number; toMs: number; target: StoredSign } | undefined;
  for (const { fromMs, toMs, target, given } of intervals) {
    if (given !== null) {
      const stream = streamOf(given);
      if (stream !== null && stream !== streamOf(target)) continue;
    }
    if (open !== undefined && given !== null && open.target === target && fromMs <= open.toMs) {
      open.toMs = Math.max(open.toMs, toMs);
      continue;
    }
    if (open !== undefined) yield open;
    open = { fromMs, toMs, target };
  }
  if (open !== undefined) yield open;
}

/** Clipped, and with the texts of its places; undefined: nothing of it is in the period. */
type Printer = (form: IntervalForm, fromMs: number, toMs: number, fact: PlacedFact & { machine: number }) => TimeInterval | undefined;

function openPrinter(reader: Database, period: Period, streams: StreamLookup): Printer {
  const textsOf = <Key extends number | string>(sql: string): ((key: Key | null) => string | null) => {
    const find = reader.prepare<[Key], string | null>(sql).pluck();
    return remembered((key) => (key === null ? null : find.get(key) ?? null));
  };
  const machines = textsOf<number>('SELECT machine_id FROM machine_key WHERE machine = ?');
  const sessions = textsOf<number>('SELECT session_id FROM session_key WHERE session = ?');
  const cwds = textsOf<number>('SELECT path FROM cwd_key WHERE cwd = ?');
  const names = textsOf<string>('SELECT name FROM streams WHERE id = ?');
  return (form, from, to, fact) => {
    const fromMs = Math.max(from, period.fromMs);
    const toMs = Math.min(to, period.toMs);
    if (fromMs >= toMs) return undefined;
    const streamId = streams.of(fact)?.streamId ?? null;
    return {
      form, machineId: machines(fact.machine), sessionId: sessions(fact.session), agentId: '', fromMs, toMs, event: fact.row,
      streamId, streamName: names(streamId), cwd: cwds(fact.cwd),
    };
  };
}
