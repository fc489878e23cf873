/** What the collector tells, kept up to date over server-sent events; what was last known stays when it is away. */
import type { NumbersDocument } from '../../shared/numbers-document.ts';
import type { WaitingDocument, WorkingDocument } from '../../shared/session-documents.ts';
import type { TtEvent } from '../../shared/event.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import type { Rate } from '../../shared/throughput-document.ts';
import { restUnseen } from './tab-rest.ts';

/** `resting`: nobody sees this tab, and it only looks now and then. */
export type LinkState = 'connecting' | 'live' | 'resting' | 'lost' | 'signed_out';

export interface LiveStatus {
  link: LinkState;
  status: CollectorStatus | undefined;
  /** When `status` came, epoch ms; undefined before the first. */
  receivedAtMs: number | undefined;
  /** Newest event that the collector knew of; '' before the first message. */
  newest: string;
  /** How often something was archived since the collector started. */
  archived: number;
  /** Undefined until the collector has told. */
  waiting: WaitingDocument | undefined;
  working: WorkingDocument | undefined;
  numbers: NumbersDocument | undefined;
  /** Events of each of the last seconds. */
  rate: Rate | undefined;
  /** What arrived last, newest first; undefined until the collector has told. */
  recent: readonly TtEvent[] | undefined;
  /** How many have arrived since the page is open. */
  arrived: number;
}

export const INITIAL: LiveStatus = {
  link: 'connecting', status: undefined, receivedAtMs: undefined, newest: '', archived: 0, waiting: undefined, working: undefined, numbers: undefined,
  rate: undefined, recent: undefined, arrived: 0,
};

const MINUTE_MS = 60_000;

/** Another one when something may have changed that is no event, too: who is away, what waits, which day it is. */
export function stampOf({ newest }: Pick<LiveStatus, 'newest'>, nowMs: number): string {
  return `${newest} ${Math.floor(nowMs / MINUTE_MS)}`;
}

/** Kept of what arrived. */
const RECENT = 50;

/** The collector says something every 15 s: what is silent so long is away, or this computer slept. */
const SILENT_MS = 40_000;
const LOOK_MS = 2000;
/** One that was stopped takes a request, and does not answer it. */
const ANSWER_MS = 5000;

/** Between two looks of a tab that nobody sees. */
const GLANCE_MS = 60_000;

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** Calls `onChange` with every new state until the returned function is called. */
export function followStatus(onChange: (live: LiveStatus) => void): () => void {
  let live = INITIAL;
  let source: EventSource | undefined;
  let isResting = false;
  let connectTimer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = FIRST_RETRY_MS;
  let heardMs = Date.now();
  const become = (change: Partial<LiveStatus>): void => onChange((live = { ...live, ...change }));

  const connectIn = (ms: number): void => {
    source?.close();
    clearTimeout(connectTimer);
    connectTimer = setTimeout(connect, ms);
  };
  const retry = async (): Promise<void> => {
    const lost = source;
    lost?.close();
    const link = await whyLost();
    if (source !== lost) return;
    become({ link });
    heardMs = Date.now();
    connectIn(retryMs);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
  };
  const connect = (): void => {
    clearTimeout(connectTimer);
    source?.close();
    source = new EventSource('/api/v1/live?events=recent');
    listen(source, {
      keep: (change) => void (live = { ...live, ...change(live) }),
      onStatus(status, newest) {
        retryMs = FIRST_RETRY_MS;
        heardMs = Date.now();
        become({ link: isResting ? 'resting' : 'live', recent: live.recent ?? [], status, receivedAtMs: Date.now(), newest });
        if (isResting) connectIn(GLANCE_MS);
      },
    });
    // A browser gives up after an answer other than 200, and waits long after a cut: both are our decision.
    source.addEventListener('error', () => {
      retry().catch(() => become({ link: 'lost' }));
    }, { once: true });
  };
  connect();
  const stopResting = restUnseen({
    onRest() {
      isResting = true;
      // What is away or only begins is waited for, as by a tab that is seen.
      if (live.link !== 'live') return;
      become({ link: 'resting' });
      connectIn(GLANCE_MS);
    },
    onWake() {
      isResting = false;
      retryMs = FIRST_RETRY_MS;
      // Silent for as long as it rested is nobody's fault.
      heardMs = Date.now();
      connect();
    },
  });
  const lookTimer = setInterval(() => {
    if (Date.now() - heardMs < SILENT_MS + (isResting ? GLANCE_MS : 0)) return;
    heardMs = Date.now();
    become({ link: 'lost' });
    retry().catch(() => become({ link: 'lost' }));
  }, LOOK_MS);
  return () => {
    clearInterval(lookTimer);
    stopResting();
    source?.close();
    clearTimeout(connectTimer);
  };
}

interface Listener {
  keep(change: (live: LiveStatus) => Partial<LiveStatus>): void;
  onStatus(status: CollectorStatus, newest: string): void;
}

/** Served by the same build of the collector as this page. What comes in one message is drawn at once: the status is its end. */
function listen(source: EventSource, { keep, onStatus }: Listener): void {
  for (const name of ['waiting', 'working', 'numbers', 'rate'] as const) {
    source.addEventListener(name, ({ data }: MessageEvent<string>) => keep(() => ({ [name]: JSON.parse(data) as unknown })));
  }
  source.addEventListener('archived', ({ data }: MessageEvent<string>) => keep(() => ({ archived: (JSON.parse(data) as { times: number }).times })));
  source.addEventListener('events', ({ data }: MessageEvent<string>) => keep(({ recent = [], arrived }) => {
    const { events } = JSON.parse(data) as { events: TtEvent[] };
    // Who comes back is told some of it again.
    const known = new Set(recent.map(({ id }) => id));
    const fresh = events.filter(({ id }) => !known.has(id)).toReversed();
    return { recent: [...fresh, ...recent].slice(0, RECENT), arrived: arrived + fresh.length };
  }));
  source.addEventListener('status', ({ data, lastEventId }: MessageEvent<string>) => onStatus(JSON.parse(data) as CollectorStatus, lastEventId));
}

/** An EventSource does not tell why it failed. */
async function whyLost(): Promise<LinkState> {
  try {
    const response = await fetch('/api/v1/status', { signal: AbortSignal.timeout(ANSWER_MS) });
    return response.status === 401 ? 'signed_out' : 'lost';
  } catch {
    return 'lost';
  }
}
