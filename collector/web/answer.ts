/** One document of the API, asked for anew while what it tells of changes; what was answered last stays. */
import { useEffect, useLayoutEffect, useRef, useState } from 'hono/jsx/dom';
import { answered, begun, failed, isSameWish, NEVER_ASKED, pauseBefore, type Asked, type Wish } from './asking.ts';

export interface Answer<T> {
  /** Undefined: not told yet. */
  document: T | undefined;
  /** Why it could not be told last; what is there is older then. */
  error: string | undefined;
  /** The collector's code for that; undefined: it did not say. */
  code: string | undefined;
  /** It failed in a way that may pass: it is asked for again by itself. */
  isPassing: boolean;
}

export interface Asking<T> extends Answer<T> {
  /** At once: something was changed here. What is there stays until the answer. */
  askAgain(): void;
}

const NOTHING = { document: undefined, error: undefined, code: undefined, isPassing: false };

/** `stamp`: another one when something may have changed; asked at most every `leastMs`. Another `address` is asked at once. */
export function useAnswer<T>(address: string, stamp: string, leastMs: number): Asking<T> {
  const [answer, setAnswer] = useState<Answer<T> & { address: string }>({ address, ...NOTHING });
  const asked = useRef<Asked>(NEVER_ASKED);
  const [times, setTimes] = useState(0);
  const [tick, setTick] = useState(0);
  const wanted = useRef<Wish>({ address, stamp, times });
  wanted.current = { address, stamp: stampToAsk({ address, stamp }, wanted.current), times };
  const wish = wanted.current;
  const running = useRef<AbortController | null>(null);
  const left = useLeft();
  useEffect(() => {
    const pauseMs = pauseBefore(wish, asked.current ?? NEVER_ASKED, Date.now());
    if (pauseMs === undefined) return undefined;
    const timer = setTimeout(() => {
      // Effects wait for a frame: one of a drawing that is over is not undone.
      if (left.aborted || !isSameWish(wish, wanted.current) || pauseBefore(wish, asked.current ?? NEVER_ASKED, Date.now()) === undefined) return;
      // What nobody waits for any more lets go of its connection: a browser has few of them.
      running.current?.abort();
      running.current = new AbortController();
      const signal = AbortSignal.any([running.current.signal, left]);
      const mine = (asked.current = begun(wish, Date.now(), asked.current ?? NEVER_ASKED));
      const settle = (next: Answer<T>, isLate = false): void => {
        if (asked.current !== mine || left.aborted) return;
        asked.current = next.isPassing ? failed(mine, Date.now(), isLate) : answered(mine, leastMs, Date.now());
        setAnswer((before) => ({ ...next, address, document: next.document ?? (before.address === address ? before.document : undefined) }));
        setTick((count) => count + 1);
      };
      askFor<T>(address, { signal }).then((document) => settle({ ...NOTHING, document }), (error: unknown) => settle({ document: undefined, ...reasonOf(error) }, isTimeOut(error)));
    }, pauseMs);
    return () => clearTimeout(timer);
  }, [wish.address, wish.stamp, wish.times, tick]);
  const askAgain = (): void => setTimes((count) => count + 1);
  return answer.address === address ? { ...answer, askAgain } : { ...NOTHING, askAgain };
}

/** Aborted when what uses it is taken away: an answer that nobody waits for holds no connection. */
export function useLeft(): AbortSignal {
  const leaving = useRef<AbortController | null>(null);
  const { signal } = (leaving.current ??= new AbortController());
  // Not one that waits for a frame: it may be taken away before there is one.
  useLayoutEffect(() => () => leaving.current?.abort(), []);
  return signal;
}

/** A tab that nobody sees has no frames: what it is to ask would wait for one, closure by closure, and all be run in the first. */
function stampToAsk({ address, stamp }: Omit<Wish, 'times'>, before: Wish | null): string {
  return document.visibilityState === 'hidden' && before?.address === address ? before.stamp : stamp;
}

class Refusal extends Error {
  readonly code: string;
  readonly isPassing: boolean;
  constructor({ code, message, hint }: { code: string; message: string; hint: string }, status: number) {
    super(`${message}: ${hint}`);
    this.code = code;
    this.isPassing = status === NOT_NOW;
  }
}

/** Too many at once, stopping, starting. What broke (500) breaks again: it is asked when something may have changed. */
const NOT_NOW = 503;
/** A browser asks for at most six things of one place at once, and lets the others wait for ever. */
export const LONGEST_MS = 60_000;

/** Served by the same build of the collector as this page. Throws in words. */
export async function askFor<T>(address: string, options: RequestInit = {}, longestMs = LONGEST_MS): Promise<T> {
  const tooLong = AbortSignal.timeout(longestMs);
  try {
    const response = await fetch(address, { ...options, signal: options.signal ? AbortSignal.any([options.signal, tooLong]) : tooLong });
    const body = (await response.json()) as T & { error?: { code: string; message: string; hint: string } };
    if (body.error) throw new Refusal(body.error, response.status);
    return body;
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'TimeoutError') throw error;
    throw new TimeOut(`no answer within ${Math.round(longestMs / 1000)} s: look whether the collector runs (tt status), and close windows of this page that nobody looks at`, { cause: error });
  }
}

class TimeOut extends Error {}

/** Of `askFor`: there was no answer for as long as it was to wait. */
export function isTimeOut(error: unknown): boolean {
  return error instanceof TimeOut;
}

/** Why, and whether it may be another thing the next time. */
export function reasonOf(error: unknown): { error: string; code: string | undefined; isPassing: boolean } {
  return error instanceof Refusal ? { error: error.message, code: error.code, isPassing: error.isPassing } : { error: messageOf(error), code: undefined, isPassing: true };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
