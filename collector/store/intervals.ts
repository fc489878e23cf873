/**
 * Every interval of time that the collector knows, for reports, the page and
 * whoever adds up time. The only reader of `interval` and `attention_row`.
 */
import type { DirectInterval } from '../time/attention.ts';
import { remembered } from '../remembered.ts';
import { openStreamLookup, type PlacedFact, type StreamLookup } from './assignments.ts';
import type { Database } from './database.ts';
import { readDirectIntervals, type StoredSign } from './read-attention.ts';
import { readSessionIntervals, type WorkInterval } from './read-session-time.ts';

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
 * form never do either. In no order across forms and sessions. In a transaction
 * of the caller, where somebody writes meanwhile.
 */
export function* readIntervals(reader: Database, period: Period, streams: StreamLookup = openStreamLookup(reader)): IterableIterator<TimeInterval> {
  for (const page of readIntervalPages(reader, period, streams)) yield* page;
}

/** As `readIntervals`, many at a time: for who reads hundreds of thousands. */
export function* readIntervalPages(reader: Database, period: Period, streams: StreamLookup = openStreamLookup(reader)): Generator<TimeInterval[]> {
  const print = openPrinter(reader, period, streams);
  for (const page of readSessionIntervals(reader, period, streams.needs)) yield print(page);
  const joined = new JoinedScrolls((sign) => streams.of(sign)?.streamId ?? null);
  for (const page of readDirectIntervals(reader, period, streams.needs)) yield print(joined.take(page));
  yield print(joined.end());
}

/** `opener`: the fact whose stream and places it has. */
interface Attended {
  form: 'direct';
  fromMs: number;
  toMs: number;
  opener: StoredSign;
}

/** Scrolls that count, put together with what they extend. */
class JoinedScrolls {
  #open: Attended | undefined;
  readonly #streamOf: (fact: PlacedFact) => string | null;

  constructor(streamOf: (fact: PlacedFact) => string | null) {
    this.#streamOf = streamOf;
  }

  /** What nothing extends any more. */
  take(page: readonly DirectInterval<StoredSign>[]): Attended[] {
    const closed: Attended[] = [];
    for (const { fromMs, toMs, target, given } of page) {
      if (given !== null && !this.#counts(given, target)) continue;
      const open = this.#open;
      if (open !== undefined && given !== null && open.opener === target && fromMs <= open.toMs) {
        open.toMs = Math.max(open.toMs, toMs);
        continue;
      }
      if (open !== undefined) closed.push(open);
      this.#open = { form: 'direct', fromMs, toMs, opener: target };
    }
    return closed;
  }

  end(): Attended[] {
    return this.#open === undefined ? [] : [this.#open];
  }

  #counts(scroll: StoredSign, target: StoredSign): boolean {
    const stream = this.#streamOf(scroll);
    return stream === null || stream === this.#streamOf(target);
  }
}

/** What of it is in the period, with the texts of its places. */
type Printer = (page: readonly (WorkInterval | Attended)[]) => TimeInterval[];

function openPrinter(reader: Database, period: Period, streams: StreamLookup): Printer {
  const textsOf = <Key extends number | string>(sql: string): ((key: Key | null) => string | null) => {
    const find = reader.prepare<[Key], string | null>(sql).pluck();
    return remembered((key) => (key === null ? null : find.get(key) ?? null));
  };
  const machines = textsOf<number>('SELECT machine_id FROM machine_key WHERE machine = ?');
  const sessions = textsOf<number>('SELECT session_id FROM session_key WHERE session = ?');
  const cwds = textsOf<number>('SELECT path FROM cwd_key WHERE cwd = ?');
  const names = textsOf<string>('SELECT name FROM streams WHERE id = ?');
  return (page) => {
    const printed: TimeInterval[] = [];
    for (const interval of page) {
      const fromMs = Math.max(interval.fromMs, period.fromMs);
      const toMs = Math.min(interval.toMs, period.toMs);
      if (fromMs >= toMs) continue;
      const { form, opener } = interval;
      const streamId = streams.of(opener)?.streamId ?? null;
      printed.push({
        form, machineId: machines(opener.machine), sessionId: sessions(opener.session), agentId: '', fromMs, toMs, event: opener.row,
        streamId, streamName: names(streamId), cwd: cwds(opener.cwd),
      });
    }
    return printed;
  };
}
