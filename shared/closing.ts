/** What was opened, to be closed again in the opposite order: all of it, whatever of it fails. */
export interface Closing {
  readonly add: (close: () => void | Promise<void>) => void;
  /** Idempotent. Rejects with what failed first, once everything else is closed, too. */
  readonly close: () => Promise<void>;
}

export function createClosing(): Closing {
  const parts: (() => void | Promise<void>)[] = [];
  let closed: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of parts.toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) return Promise.reject(failures[0]);
  }

  return {
    add: (close) => void parts.push(close),
    close: () => (closed ??= closeAll()),
  };
}
