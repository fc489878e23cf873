/** Signals of a foreground program: the first asks it to drain, the second ends it now. */
import type { Clock } from './clock.ts';
import { EXIT_CODES } from './errors.ts';

export interface Lifecycle {
  /** Aborts at the first SIGTERM or SIGINT: finish what is in flight, then stop. */
  readonly stop: AbortSignal;
  /** Aborts at the second: stop without waiting for anyone. */
  readonly abandon: AbortSignal;
  [Symbol.dispose](): void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export function listenForSignals(): Lifecycle {
  const stop = new AbortController();
  const abandon = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) abandon.abort();
    else stop.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** A command that drains has this long to say so itself. */
const LEAVE_MS = 2000;

/** Ends the program soon after the second signal, also where its command looks at none. */
export function leaveAfter(abandon: AbortSignal, { clock, exit }: { clock: Pick<Clock, 'after'>; exit: (code: number) => void }): void {
  abandon.addEventListener('abort', () => clock.after(LEAVE_MS, () => exit(EXIT_CODES.interrupted)), { once: true });
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
