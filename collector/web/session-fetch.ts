/** One session, asked for anew while it changes; turns that were fetched stay. */
import { useEffect, useRef, useState } from 'hono/jsx/dom';
import type { SessionPageDocument, Turn } from '../../shared/session-documents.ts';

export interface ShownSession {
  detail: SessionPageDocument | undefined;
  /** By number, from 1. */
  turns: ReadonlyMap<number, Turn>;
  /** Of the turns before the first that is shown; null: there are none. */
  older: string | null;
  /** Why it can not be shown. */
  error: string | undefined;
}

const NOTHING: ShownSession = { detail: undefined, turns: new Map(), older: null, error: undefined };
const TURNS = 50;
/** At most so often, and the less often the longer an answer takes, up to a limit. */
const LEAST_MS = 1000;
const SHARE = 2;
const MOST_MS = 5000;

export interface SessionFetch extends ShownSession {
  fetchOlder(): void;
}

/** `stamp`: another one when something may have changed. */
export function useSession(name: string, stamp: string): SessionFetch {
  const [shown, setShown] = useState<ShownSession>(NOTHING);
  const fetched = useRef({ name: '', stamp: '', isRunning: false, atMs: 0, tookMs: 0 });
  const [tick, setTick] = useState(0);

  useEffect(() => {
    const last = fetched.current;
    if (!last || last.isRunning || (last.name === name && last.stamp === stamp)) return undefined;
    const waitMs = last.name === name ? Math.max(0, last.atMs + Math.min(MOST_MS, Math.max(LEAST_MS, SHARE * last.tookMs)) - Date.now()) : 0;
    const timer = setTimeout(() => {
      const startedMs = Date.now();
      fetched.current = { name, stamp, isRunning: true, atMs: startedMs, tookMs: 0 };
      const settle = (next: (before: ShownSession) => ShownSession): void => {
        fetched.current = { name, stamp, isRunning: false, atMs: Date.now(), tookMs: Date.now() - startedMs };
        setShown(next);
        setTick((count) => count + 1);
      };
      fetchPage(name, undefined).then(
        (page) => settle((before) => merge(before.detail?.session === page.session ? before : NOTHING, page, true)),
        (error: unknown) => settle((before) => ({ ...before, error: error instanceof Error ? error.message : String(error) })),
      );
    }, waitMs);
    return () => clearTimeout(timer);
  }, [name, stamp, tick]);

  const fetchOlder = (): void => {
    if (shown.older === null) return;
    fetchPage(name, shown.older).then((page) => setShown((before) => merge(before, page, false)), () => {});
  };
  return { ...shown, fetchOlder };
}

function merge(before: ShownSession, page: SessionPageDocument, isNewest: boolean): ShownSession {
  const turns = new Map(before.turns);
  page.turn_list.forEach((turn, index) => turns.set(page.first_turn + index, turn));
  const isFirst = before.detail === undefined;
  return { detail: isNewest ? page : before.detail, turns, older: isNewest && !isFirst ? before.older : page.cursor, error: undefined };
}

async function fetchPage(name: string, cursor: string | undefined): Promise<SessionPageDocument> {
  const response = await fetch(`/api/v1/sessions/${encodeURIComponent(name)}?turns=${TURNS}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
  const body = (await response.json()) as SessionPageDocument & { error?: { message: string; hint: string } };
  if (body.error) throw new Error(`${body.error.message}: ${body.error.hint}`);
  return body;
}
