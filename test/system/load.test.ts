// Work counts of `npm run load`, small: what is promised in milliseconds is measured there.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { IDLE_RSS_MB, measureIdle, measureStorm } from '../load/steady.ts';

beforeAll(ensureExecutables, 120_000);
afterAll(killAll);

it('loses nothing of 200 agents that write while the collector restarts, and they come back spread over time', async () => {
  const { written, missing, unexpected, repeated, worstShare } = await measureStorm({ agents: 200, downMs: 500, rate: 5, idleMs: 0 });
  expect(written).toBeGreaterThan(200);
  expect({ missing, unexpected, repeated }).toEqual({ missing: 0, unexpected: 0, repeated: 0 });
  // Of a first wait of up to half a second, a fifth of them begin within the same 100 ms.
  expect(worstShare).toBeLessThan(0.5);
}, 120_000);

it('holds a thousand idle connections in bounded memory', async () => {
  const { connected, rssMb } = await measureIdle(1000, 1);
  expect(connected).toBe(1000);
  expect(rssMb).toBeLessThan(IDLE_RSS_MB);
}, 120_000);
