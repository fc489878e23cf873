import { describe, expect, it } from 'vitest';
import { actionsOf, simulate } from './simulate.ts';

/** `npm run simulate` runs thousands, in every check as well. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? '100');

describe('machines, ways and a collector that fail at random', () => {
  it('lose nothing, count nothing twice and come to rest, whatever the seed', { timeout: 600_000 }, async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { problem } = await simulate(seed);
      expect(problem, `npm run simulate -- --seed ${seed}`).toBeUndefined();
    }
  });

  it('do the same again out of the same seed', { timeout: 120_000 }, async () => {
    for (const seed of [7, 8, 9]) {
      const [once, again] = [await simulate(seed), await simulate(seed)];
      expect(again.digest).toBe(once.digest);
    }
    expect((await simulate(8)).digest).not.toBe((await simulate(8, actionsOf(9))).digest);
  });
});
