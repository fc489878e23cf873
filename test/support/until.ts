/**
 * The one way a test waits for something outside its own process. Only
 * end-to-end and torture tests need it; everything else drives a clock.
 */
export interface UntilOptions {
  timeoutMs?: number;
  everyMs?: number;
}

/** What a probe may answer while it is not there yet. */
type NotYet = undefined | null | false;

/**
 * Asks `probe` until it gives a value, and returns it. Throws after the
 * deadline, naming what was awaited and the probe's last error.
 */
export async function until<T>(
  what: string,
  probe: () => T | NotYet | Promise<T | NotYet>,
  { timeoutMs = 15_000, everyMs = 20 }: UntilOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) throw timedOut(what, timeoutMs, lastError);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function timedOut(what: string, timeoutMs: number, cause: unknown): Error {
  const last = cause instanceof Error ? `; last: ${cause.message}` : '';
  return new Error(`waited ${timeoutMs} ms for ${what}, in vain${last}`, { cause });
}
