/** One document of the API, asked for anew while what it tells of changes; what was answered last stays. */
import { useEffect, useRef, useState } from 'hono/jsx/dom';

export interface Answer<T> {
  /** Undefined: not told yet. */
  document: T | undefined;
  /** Why it could not be told last; what is there is older then. */
  error: string | undefined;
  /** The collector's code for that; undefined: it did not say. */
  code: string | undefined;
}

export interface Asking<T> extends Answer<T> {
  /** At once: something was changed here. What is there stays until the answer. */
  askAgain(): void;
}

/** After an answer the collector rests so many times as long as that took, ... */
const SHARE = 4;
/** ... at most so long: one slow answer, as the first, is no reason to leave a person waiting. */
const MOST_MS = 5000;

/** `stamp`: another one when something may have changed; asked at most every `leastMs`. Another `address` is asked at once. */
export function useAnswer<T>(address: string, stamp: string, leastMs: number): Asking<T> {
  const [answer, setAnswer] = useState<Answer<T> & { address: string }>({ address, document: undefined, error: undefined, code: undefined });
  const asked = useRef({ address: '', stamp: '', times: 0, isRunning: false, notBeforeMs: 0 });
  const [times, setTimes] = useState(0);
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const last = asked.current;
    const isSame = last?.address === address && last.times === times;
    if (!last || (isSame && (last.isRunning || last.stamp === stamp))) return undefined;
    const timer = setTimeout(() => {
      const startedMs = Date.now();
      const mine = { address, stamp, times, isRunning: true, notBeforeMs: 0 };
      asked.current = mine;
      const settle = (next: Omit<Answer<T>, 'document'> & { document?: T }): void => {
        if (asked.current !== mine) return;
        const nowMs = Date.now();
        asked.current = { ...mine, isRunning: false, notBeforeMs: nowMs + Math.max(leastMs, Math.min(MOST_MS, SHARE * (nowMs - startedMs))) };
        setAnswer((before) => ({ address, document: next.document ?? (before.address === address ? before.document : undefined), error: next.error, code: next.code }));
        setTick((count) => count + 1);
      };
      askFor<T>(address).then((document) => settle({ document, error: undefined, code: undefined }), (error: unknown) => settle({ error: messageOf(error), code: error instanceof Refusal ? error.code : undefined }));
    }, isSame ? Math.max(0, last.notBeforeMs - Date.now()) : 0);
    return () => clearTimeout(timer);
  }, [address, stamp, times, tick]);
  const askAgain = (): void => setTimes((count) => count + 1);
  return answer.address === address ? { ...answer, askAgain } : { document: undefined, error: undefined, code: undefined, askAgain };
}

class Refusal extends Error {
  readonly code: string;
  constructor({ code, message, hint }: { code: string; message: string; hint: string }) {
    super(`${message}: ${hint}`);
    this.code = code;
  }
}

/** Served by the same build of the collector as this page. Throws in words. */
export async function askFor<T>(address: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(address, options);
  const body = (await response.json()) as T & { error?: { code: string; message: string; hint: string } };
  if (body.error) throw new Refusal(body.error);
  return body;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
