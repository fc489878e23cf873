import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../shared/backoff.ts';

describe('backoff', () => {
  it('stays within zero and the lower of its own limit and the ceiling', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(fc.property(fc.nat(10_000), random, (attempt, chance) => {
      const ms = backoffMs(attempt, chance, 100, 10_000);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThan(Math.min(10_000, 100 * 2 ** attempt));
      expect(Number.isInteger(ms)).toBe(true);
    }));
  });

  it('doubles until the ceiling and stays there', () => {
    const nearlyOne = 0.999999;
    expect([0, 1, 2, 3, 40].map((attempt) => backoffMs(attempt, nearlyOne, 100, 500))).toEqual([99, 199, 399, 499, 499]);
  });

  it('spreads: chance decides everything below the limit', () => {
    expect(backoffMs(3, 0, 100, 10_000)).toBe(0);
    expect(backoffMs(3, 0.5, 100, 10_000)).toBe(400);
  });
});
