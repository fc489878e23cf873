/** A document of the API, asked for anew while it changes; the last one stays until the next is there. */
import { useEffect, useRef, useState } from 'hono/jsx/dom';

export interface FetchedDocument<T> {
  document: T | undefined;
  /** Why it can not be shown. */
  error: string | undefined;
  /** At once: something was changed here. */
  fetchAgain(): void;
}

/** At most so often. */
const LEAST_MS = 2000;

interface Asked {
  address: string;
  stamp: string;
  /** How often `fetchAgain` was called. */
  times: number;
  atMs: number;
  isRunning: boolean;
}

/** `stamp`: another one when something may have changed. */
export function useDocument<T>(address: string, stamp: string): FetchedDocument<T> {
  const [shown, setShown] = useState<{ address: string; document: T | undefined; error: string | undefined }>({ address, document: undefined, error: undefined });
  const [times, setTimes] = useState(0);
  const [answers, setAnswers] = useState(0);
  const asked = useRef<Asked>({ address: '', stamp: '', times: -1, atMs: 0, isRunning: false });
  useEffect(() => {
    const last = asked.current;
    const isOther = last?.address !== address || last.times !== times;
    // What came in the meantime is asked for after the answer.
    if (last && !isOther && (last.isRunning || last.stamp === stamp)) return undefined;
    const timer = setTimeout(() => {
      const mine: Asked = { address, stamp, times, atMs: Date.now(), isRunning: true };
      asked.current = mine;
      const settle = (document: T | undefined, error: string | undefined): void => {
        if (asked.current !== mine) return;
        mine.isRunning = false;
        setShown((known) => ({ address, document: document ?? (known.address === address ? known.document : undefined), error }));
        setAnswers((count) => count + 1);
      };
      fetchJson<T>(address).then((document) => settle(document, undefined), (error: unknown) => settle(undefined, messageOf(error)));
    }, isOther || !last ? 0 : Math.max(0, last.atMs + LEAST_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [address, stamp, times, answers]);
  return {
    document: shown.address === address ? shown.document : undefined,
    error: shown.address === address ? shown.error : undefined,
    fetchAgain: () => setTimes((count) => count + 1),
  };
}

/** Throws what the collector says, with the next step. Served by the same build of the collector as this page. */
export async function fetchJson<T>(address: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(address, options);
  const body = (await response.json()) as T & { error?: { message: string; hint: string } };
  if (body.error) throw new Error(`${body.error.message}; ${body.error.hint}`);
  return body;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
