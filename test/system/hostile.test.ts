// One small round of `npm run load -- --hostile`, which has the numbers and the times.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { FRESH_MS, measureHostile, wrongEnds } from '../load/hostile.ts';

/** For a machine that is busy with other things; without turns at the writer it would be a minute. */
const PATIENCE = 10;
const BOUNDED_MB = 400;

beforeAll(ensureExecutables, 120_000);
afterAll(killAll);

it('refuses each bad client with its code, in bounded memory, and lets another machine in while one holds all it can', async () => {
  const result = await measureHostile({ rounds: 1, share: 0.1, withExpiry: false, quietMs: 0 });
  expect(wrongEnds(result)).toEqual([]);
  expect(result.rssMb.end).toBeLessThan(BOUNDED_MB);
  expect(Math.max(...result.fresh.whileHeld)).toBeLessThan(PATIENCE * FRESH_MS);
}, 120_000);
