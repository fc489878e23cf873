/**
 * `GET /api/v1/live`: server-sent events. However fast things change, a viewer
 * hears of it at most four times a second; a slow viewer skips to the newest
 * state instead of growing a queue.
 *
 * The `id` of a message is the newest row it knows of; a viewer that comes back
 * with it (`Last-Event-ID`) gets the events after that row. One that is newer
 * than any here was of a database before it was restored: who brings it begins
 * anew, and is told that something was left out.
 */
import type { Clock } from '../../shared/clock.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import type { Rate } from '../../shared/throughput-document.ts';
import type { EventReader, PlacedEvent } from '../store/read-events.ts';
import type { LiveAnswers, TopicName } from './live-answers.ts';

/** Four a second, with room for what a page asks for itself: it shall draw no more often. */
export const COALESCE_MS = 265;
export const HEARTBEAT_MS = 15_000;
export const VIEWERS = 64;
/** `event` of the message that carries a probe. */
export const PROBE_EVENT = 'probe';
/** That arrived before the viewer came, where it asks for them. */
export const RECENT_EVENTS = 50;
/** Of one message. Who is further behind gets `skipped: true` and the newest. */
const EVENTS_PER_MESSAGE = 100;

export interface LiveDeps {
  clock: Pick<Clock, 'monotonic' | 'after' | 'every'>;
  status(): CollectorStatus;
  events: Pick<EventReader, 'arrivedAfter' | 'newestRow'>;
  /** Sent when they have changed, and all to who comes. */
  answers?: Pick<LiveAnswers, 'topics' | 'refresh' | 'onChange'>;
  /** How often something was archived: sent when that is another. */
  archived?(): number;
  /** Events of each of the last seconds: in every message. */
  rate?(): Rate;
}

export interface ViewOptions {
  /** Send events too, not only the status. */
  events: boolean;
  /** Begin with those that arrived last; not for who comes back. */
  withRecent?: boolean;
  /** Row of the last message that was seen; undefined: from now on. One that was never given is of another database. */
  lastRow?: number | undefined;
}

export interface LiveFeed {
  /** Something that the status or the events show has changed. Cheap; call it for every commit. */
  changed(): void;
  /** A new viewer; undefined when there are too many. Ends with its stream, or at `close`. */
  view(options: ViewOptions): ReadableStream<Uint8Array> | undefined;
  /** Carries this to every viewer with the next message; who is behind does not get it. */
  probe(body: unknown): void;
  readonly viewers: number;
  close(): void;
}

interface Viewer {
  /** Sends the present state, or remembers to when there is room. */
  tell(probes?: string): void;
  end(): void;
  /** Ends it as broken: a browser comes again. */
  fail(error: unknown): void;
}

/** Nobody waits for what a timer does: a database that can not be read now must not end the collector. */
function tellOrFail(viewer: Viewer, probes?: string): void {
  try {
    viewer.tell(probes);
  } catch (error) {
    viewer.fail(error);
  }
}

export function createLiveFeed(deps: LiveDeps): LiveFeed {
  const { clock } = deps;
  const viewers = new Set<Viewer>();
  const status = createPrintedStatus(deps);
  let lastTold = -Infinity;
  let cancelPending: (() => void) | undefined;
  let probes: unknown[] = [];
  const tellAll = (): void => {
    cancelPending = undefined;
    lastTold = clock.monotonic();
    status.forget();
    const carried = probes.map((probe) => `event: ${PROBE_EVENT}\ndata: ${JSON.stringify(probe)}\n\n`).join('');
    probes = [];
    for (const viewer of viewers) tellOrFail(viewer, carried);
  };
  // Also when nothing happens: what is away grows older, a day ends, and a cut is noticed by sending.
  const stopBeating = clock.every(HEARTBEAT_MS, () => {
    if (!cancelPending) tellAll();
    if (viewers.size > 0) deps.answers?.refresh();
  });
  const tellSoon = (): void => {
    if (cancelPending || viewers.size === 0) return;
    cancelPending = clock.after(Math.max(0, lastTold + COALESCE_MS - clock.monotonic()), tellAll);
  };
  deps.answers?.onChange(tellSoon);
  const changed = (): void => {
    status.forget();
    tellSoon();
    if (viewers.size > 0) deps.answers?.refresh();
  };
  return {
    changed,
    probe(body) {
      if (viewers.size === 0) return;
      probes.push(body);
      changed();
    },
    view(options) {
      if (viewers.size >= VIEWERS) return undefined;
      const stream = openStream(options, { deps, status, viewers });
      deps.answers?.refresh();
      return stream;
    },
    get viewers() {
      return viewers.size;
    },
    close() {
      stopBeating();
      cancelPending?.();
      for (const viewer of viewers) viewer.end();
    },
  };
}

/** Printed once for all viewers. */
function createPrintedStatus({ status }: Pick<LiveDeps, 'status'>): { text(): string; forget(): void } {
  let printed: string | undefined;
  return {
    text: () => (printed ??= JSON.stringify(status())),
    forget: () => (printed = undefined),
  };
}

interface StreamDeps {
  deps: LiveDeps;
  status: { text(): string };
  viewers: Set<Viewer>;
}

function openStream(options: ViewOptions, { deps, status, viewers }: StreamDeps): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const start = startOf(options, deps.events.newestRow());
  let { row } = start;
  let isCut = start.isOfAnother;
  let viewer: Viewer | undefined;
  let isBehind = false;
  const seen = new Map<TopicName, number>();
  let archived: number | undefined;
  const news = (): string => (deps.answers?.topics() ?? []).filter(({ name, version }) => seen.get(name) !== version).map(({ name, version, text }) => {
    seen.set(name, version);
    return message(name, row, text);
  }).join('');
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string): void => controller.enqueue(encoder.encode(text));
      const hasRoom = (): boolean => (controller.desiredSize ?? 0) > 0;
      viewer = {
        tell(probes = '') {
          isBehind = !hasRoom();
          if (isBehind) return;
          const arrived = nextEvents(deps.events, row);
          row = arrived.row;
          const events = options.events && (arrived.events.length > 0 || isCut) ? message('events', row, JSON.stringify(eventsBody(arrived, isCut))) : '';
          isCut = false;
          const rate = deps.rate === undefined ? '' : message('rate', row, JSON.stringify(deps.rate()));
          const times = deps.archived?.();
          const files = times === undefined || times === archived ? '' : message('archived', row, JSON.stringify({ schema: 1, times }));
          archived = times;
          send(events + news() + files + rate + message('status', row, status.text()) + probes);
        },
        end() {
          viewers.delete(this);
          controller.close();
        },
        fail(error) {
          viewers.delete(this);
          controller.error(error);
        },
      };
      // Who can not be told anything is no viewer: the request is answered by the error.
      viewer.tell();
      viewers.add(viewer);
    },
    pull() {
      if (isBehind && viewer) tellOrFail(viewer);
    },
    cancel() {
      if (viewer) viewers.delete(viewer);
    },
  });
}

interface Arrived {
  row: number;
  events: PlacedEvent[];
  skipped: boolean;
}

function startOf({ lastRow, withRecent }: ViewOptions, newest: number): { row: number; isOfAnother: boolean } {
  const isOfAnother = lastRow !== undefined && lastRow > newest;
  if (lastRow !== undefined && !isOfAnother) return { row: lastRow, isOfAnother };
  return { row: withRecent === true || isOfAnother ? Math.max(0, newest - RECENT_EVENTS) : newest, isOfAnother };
}

function nextEvents(reader: LiveDeps['events'], row: number): Arrived {
  const newest = reader.newestRow();
  if (newest <= row) return { row, events: [], skipped: false };
  const skipped = newest - row > EVENTS_PER_MESSAGE;
  const events = reader.arrivedAfter(skipped ? newest - EVENTS_PER_MESSAGE : row, EVENTS_PER_MESSAGE);
  return { row: events.at(-1)?.row ?? newest, events, skipped };
}

function eventsBody({ events, skipped }: Arrived, isCut: boolean): unknown {
  return { schema: 1, skipped: skipped || isCut, events: events.map(({ event }) => event) };
}

function message(event: string, id: number, data: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}
