/** Challenges that are out: each is good once, for 30 s. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { NONCE_LIFETIME_MS, OUTSTANDING_NONCES } from '../../shared/limits.ts';

export interface Nonces {
  issue(): string;
  /** True once for each issued nonce that has not expired. */
  take(nonce: string): boolean;
}

export function createNonces(clock: Pick<Clock, 'monotonic'>, limit = OUTSTANDING_NONCES): Nonces {
  const deadlines = new Map<string, number>();
  return {
    issue() {
      // The oldest goes first: a flood can not lock out an agent that answers at once.
      for (const [nonce, deadline] of deadlines) {
        if (deadlines.size < limit && clock.monotonic() < deadline) break;
        deadlines.delete(nonce);
      }
      const nonce = randomBytes(16).toString('base64url');
      deadlines.set(nonce, clock.monotonic() + NONCE_LIFETIME_MS);
      return nonce;
    },
    take(nonce) {
      const deadline = deadlines.get(nonce);
      deadlines.delete(nonce);
      return deadline !== undefined && clock.monotonic() < deadline;
    },
  };
}
