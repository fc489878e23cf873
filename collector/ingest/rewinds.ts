/**
 * Asks an agent for many files again, at a pace: it makes each request durable
 * before it looks at what comes behind it, acks included, and 40,000 at once
 * would be more than it may leave unread.
 */
import type { Clock } from '../../shared/clock.ts';
import type { RewindFrame } from '../../shared/protocol/frames.ts';

const AT_ONCE = 100;
const PAUSE_MS = 250;

export interface Rewinds {
  /** Each file is asked for once, as the latest call says, from its `from`. */
  send(files: readonly { gen: string; from: number }[], options: { replace: boolean }): void;
  /** What was not sent is not. */
  close(): void;
}

export function createRewinds(deps: { clock: Pick<Clock, 'after'>; send: (frame: RewindFrame) => void }): Rewinds {
  const waiting = new Map<string, RewindFrame>();
  let cancel: (() => void) | undefined;
  let isClosed = false;

  const sendSome = (): void => {
    cancel = undefined;
    for (const [gen, frame] of [...waiting.entries()].slice(0, AT_ONCE)) {
      waiting.delete(gen);
      deps.send(frame);
    }
    if (waiting.size > 0 && !isClosed) cancel = deps.clock.after(PAUSE_MS, sendSome);
  };

  return {
    send(files, { replace }) {
      for (const { gen, from } of files) {
        waiting.set(gen, { type: 'rewind', seq: null, gen, to: from, ...(replace ? { replace: true as const } : {}) });
      }
      if (cancel === undefined && waiting.size > 0 && !isClosed) sendSome();
    },
    close() {
      isClosed = true;
      cancel?.();
      waiting.clear();
    },
  };
}
