import { describe, expect, it } from 'vitest';
import { createLiveness } from '../../../shared/protocol/liveness.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function watched(): { clock: ManualClock; liveness: ReturnType<typeof createLiveness>; pings: () => number; deaths: () => number } {
  const clock = new ManualClock();
  let pings = 0;
  let deaths = 0;
  const liveness = createLiveness({ clock, ping: () => (pings += 1), onDead: () => (deaths += 1) });
  return { clock, liveness, pings: () => pings, deaths: () => deaths };
}

describe('liveness', () => {
  it('pings every 15 s and gives up after 40 s of silence', () => {
    const { clock, pings, deaths } = watched();
    clock.advance(39_999);
    expect([pings(), deaths()]).toEqual([2, 0]);
    clock.advance(1);
    expect(deaths()).toBe(1);
  });

  it('starts counting anew whenever it hears something', () => {
    const { clock, liveness, deaths } = watched();
    for (let i = 0; i < 10; i++) {
      clock.advance(30_000);
      liveness.heard();
    }
    expect(deaths()).toBe(0);
  });

  it('answers a check with the next sign of life', async () => {
    const { liveness, pings } = watched();
    const check = liveness.check(2000);
    expect(pings()).toBe(1);
    liveness.heard();
    expect(await check).toBe(true);
  });

  it('answers a check with no after 2 s of silence', async () => {
    const { clock, liveness } = watched();
    const check = liveness.check(2000);
    clock.advance(2000);
    expect(await check).toBe(false);
  });

  it('answers every check with no once it is closed, and leaves no timer', async () => {
    const { clock, liveness } = watched();
    const check = liveness.check(2000);
    liveness.close();
    expect(await check).toBe(false);
    expect(await liveness.check(2000)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });
});
