/**
 * Is the peer there? Pings every 15 s; dead after 40 s without any sign of life.
 *
 * Silence is counted in ticks of our own loop, and a late tick counts as one: a
 * program that was blocked, stopped or asleep does not blame its peer for it.
 */
import type { Clock } from '../clock.ts';
import { DEAD_AFTER_MS, PING_INTERVAL_MS } from '../limits.ts';

const TICK_MS = 5000;

export interface Liveness {
  /** Something was heard of the peer. */
  heard(): void;
  /** Pings now; false when nothing is heard within `withinMs`, or the connection is over. */
  check(withinMs: number): Promise<boolean>;
  close(): void;
}

export interface LivenessDeps {
  clock: Pick<Clock, 'after' | 'every'>;
  ping: () => void;
  onDead: () => void;
}

export function createLiveness({ clock, ping, onDead }: LivenessDeps): Liveness {
  let ticks = 0;
  let silentTicks = 0;
  const waiting = new Set<(alive: boolean) => void>();
  const settle = (alive: boolean): void => {
    for (const resolve of waiting) resolve(alive);
    waiting.clear();
  };
  const stopTicks = clock.every(TICK_MS, () => {
    ticks += 1;
    silentTicks += 1;
    if (silentTicks * TICK_MS >= DEAD_AFTER_MS) onDead();
    else if (ticks % (PING_INTERVAL_MS / TICK_MS) === 0) ping();
  });
  let isClosed = false;
  return {
    heard() {
      silentTicks = 0;
      settle(true);
    },
    check(withinMs) {
      if (isClosed) return Promise.resolve(false);
      return new Promise((resolve) => {
        const cancel = clock.after(withinMs, () => answer(false));
        const answer = (alive: boolean): void => {
          cancel();
          waiting.delete(answer);
          resolve(alive);
        };
        waiting.add(answer);
        ping();
      });
    },
    close() {
      isClosed = true;
      stopTicks();
      settle(false);
    },
  };
}
