/** When a document is asked for anew. Pure; times are epoch ms. */

export interface Wish {
  address: string;
  /** Another one when something may have changed. */
  stamp: string;
  /** How often somebody wanted it at once. */
  times: number;
}

/** The last time that it was asked for. */
export interface Asked extends Omit<Wish, 'stamp'> {
  /** Of what was answered; undefined: nothing was, and no stamp is the same. */
  stamp: string | undefined;
  startedMs: number;
  isRunning: boolean;
  /** The same address is not asked before. */
  notBeforeMs: number;
  /** So often in a row no answer came in time. */
  timeOuts: number;
}

export const NEVER_ASKED: Asked = { address: '', stamp: undefined, times: 0, startedMs: 0, isRunning: false, notBeforeMs: 0, timeOuts: 0 };

/** Times as long as the answer took: what changes all the time takes a fifth of the collector, ... */
const REST_SHARE = 4;
/** ... or more of it, where an answer is slow. */
const REST_MOST_MS = 5000;
/** After a failure that may pass, as while the collector starts anew. */
export const RETRY_MS = 5000;
const RETRY_MOST_MS = 60_000;

export function isSameWish(one: Wish, other: Wish | null): boolean {
  return one.address === other?.address && one.stamp === other.stamp && one.times === other.times;
}

/** For how long to wait before it is asked for, ms; undefined: there is nothing to ask. */
export function pauseBefore({ address, stamp, times }: Wish, last: Asked, nowMs: number): number | undefined {
  if (last.address !== address || last.times !== times) return 0;
  if (last.isRunning || last.stamp === stamp) return undefined;
  return Math.max(0, last.notBeforeMs - nowMs);
}

export function begun(wish: Wish, nowMs: number, last: Asked = NEVER_ASKED): Asked {
  return { ...wish, startedMs: nowMs, isRunning: true, notBeforeMs: 0, timeOuts: last.address === wish.address ? last.timeOuts : 0 };
}

/** Also by a refusal that will be the same the next time. */
export function answered(asked: Asked, leastMs: number, nowMs: number): Asked {
  return { ...asked, isRunning: false, timeOuts: 0, notBeforeMs: nowMs + Math.max(leastMs, Math.min(REST_MOST_MS, REST_SHARE * (nowMs - asked.startedMs))) };
}

/** In a way that may pass: it is asked for again by itself. */
export function failed(asked: Asked, nowMs: number, isTimeOut = false): Asked {
  const timeOuts = isTimeOut ? asked.timeOuts + 1 : 0;
  return { ...asked, stamp: undefined, isRunning: false, timeOuts, notBeforeMs: nowMs + retryPause(timeOuts) };
}

/** ms. The collector may still be at what was given up: whoever asked again so soon would never let it do anything else. */
export function retryPause(timeOuts: number): number {
  return Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** Math.max(0, timeOuts - 1));
}
