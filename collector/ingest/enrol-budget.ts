import type { Clock } from '../../shared/clock.ts';

/** Refused attempts to enrol: 20 at once, then one every 3 s. Only refusals cost, so a fleet can join in a row. */
const BURST = 20;
const REFILL_MS = 3000;

export interface EnrolBudget {
  isSpent(): boolean;
  spend(): void;
}

export function createEnrolBudget(clock: Pick<Clock, 'monotonic'>): EnrolBudget {
  let tokens = BURST;
  let asOf = clock.monotonic();
  const refill = (): void => {
    const now = clock.monotonic();
    tokens = Math.min(BURST, tokens + (now - asOf) / REFILL_MS);
    asOf = now;
  };
  return {
    isSpent() {
      refill();
      return tokens < 1;
    },
    spend() {
      refill();
      tokens -= 1;
    },
  };
}
