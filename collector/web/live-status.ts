/** What the collector tells, kept up to date over server-sent events; what was last known stays when it is away. */
import type { NumbersDocument } from '../../shared/numbers-document.ts';
import type { WaitingDocument, WorkingDocument } from '../../shared/session-documents.ts';
import type { TtEvent } from '../../shared/event.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import type { Rate } from '../../shared/throughput-document.ts';

export type LinkState = 'connecting' | 'live' | 'lost' | 'signed_out';

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

/** Kept of what arrived. */
const RECENT = 50;

/** The collector says something every 15 s: what is silent so long is away, or this computer slept. */
const SILENT_MS = 40_000;
const LOOK_MS = 2000;
/** One that was stopped takes a request, and does not answer it. */
const ANSWER_MS = 5000;

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** Calls `onChange` with every new state until the returned function is called. */
export function followStatus(onChange: (live: LiveStatus) => void): () => void {
  let live = INITIAL;
  let source: EventSource | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = FIRST_RETRY_MS;
  let heardMs = Date.now();
  const become = (change: Partial<LiveStatus>): void => onChange((live = { ...live, ...change }));

  const retry = async (): Promise<void> => {
    source?.close();
    become({ link: await whyLost() });
    heardMs = Date.now();
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connect, retryMs);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
  };
  const connect = (): void => {
    source?.close();
    source = new EventSource('/api/v1/live?events=recent');
    // Served by the same build of the collector as this page. What comes in one message is drawn at once: the status is its end.
    for (const name of ['waiting', 'working', 'numbers', 'rate'] as const) {
      source.addEventListener(name, (message: MessageEvent<string>) => {
        live = { ...live, [name]: JSON.parse(message.data) as unknown };
      });
    }
    source.addEventListener('archived', (message: MessageEvent<string>) => {
      live = { ...live, archived: (JSON.parse(message.data) as { times: number }).times };
    });
    source.addEventListener('events', (message: MessageEvent<string>) => {
      const { events } = JSON.parse(message.data) as { events: TtEvent[] };
      // Who comes back is told some of it again.
      const known = new Set((live.recent ?? []).map(({ id }) => id));
      const fresh = events.filter(({ id }) => !known.has(id)).toReversed();
      live = { ...live, recent: [...fresh, ...(live.recent ?? [])].slice(0, RECENT), arrived: live.arrived + fresh.length };
    });
    source.addEventListener('status', (message: MessageEvent<string>) => {
      retryMs = FIRST_RETRY_MS;
      heardMs = Date.now();
      become({ link: 'live', recent: live.recent ?? [], status: JSON.parse(message.data) as CollectorStatus, receivedAtMs: Date.now(), newest: message.lastEventId });
    });
    // A browser gives up after an answer other than 200, and waits long after a cut: both are our decision.
    source.addEventListener('error', () => {
      retry().catch(() => become({ link: 'lost' }));
    }, { once: true });
  };
  connect();
  const lookTimer = setInterval(() => {
    if (Date.now() - heardMs < SILENT_MS) return;
    heardMs = Date.now();
    become({ link: 'lost' });
    retry().catch(() => become({ link: 'lost' }));
  }, LOOK_MS);
  return () => {
    clearInterval(lookTimer);
    source?.close();
    clearTimeout(retryTimer);
  };
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
