/**
 * Whether this tab may keep the collector's stream. A browser has six connections to one place,
 * for all its tabs together, and a stream holds one for ever: with a seventh nothing would load.
 * So of the tabs that nobody sees one keeps it, to tell at once who waits; the others rest.
 */

/** Who only looks elsewhere for a moment finds it as it was. */
const REST_AFTER_MS = 30_000;
const LOCK = 'tt-hidden';

interface Resting {
  /** Nobody looks on, and another tab tells already: let go of the stream. */
  onRest(): void;
  /** After `onRest`: take it again. */
  onWake(): void;
}

/** Calls these until the returned function is called. Where a browser has no locks, every tab that nobody sees rests. */
export function restUnseen({ onRest, onWake }: Resting): () => void {
  let isResting = false;
  let restTimer: ReturnType<typeof setTimeout> | undefined;
  let seen: AbortController | undefined;
  const wake = (): void => {
    clearTimeout(restTimer);
    if (!isResting) return;
    isResting = false;
    onWake();
  };
  const changed = (): void => {
    seen?.abort();
    clearTimeout(restTimer);
    if (document.visibilityState !== 'hidden') return wake();
    restTimer = setTimeout(() => {
      isResting = true;
      onRest();
    }, REST_AFTER_MS);
    const { signal } = (seen = new AbortController());
    keepUntil(signal, wake);
  };
  document.addEventListener('visibilitychange', changed);
  changed();
  return () => {
    document.removeEventListener('visibilitychange', changed);
    seen?.abort();
    clearTimeout(restTimer);
  };
}

/** Waits to be the one that keeps it, and is that until `signal`. */
function keepUntil(signal: AbortSignal, onKept: () => void): void {
  // Only of addresses that a browser trusts, as those of this computer.
  if (!('locks' in navigator)) return;
  navigator.locks.request(LOCK, { signal }, () => new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
    onKept();
  })).catch(() => {
    // It was seen before its turn came.
  });
}
