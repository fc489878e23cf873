import { expect, it } from 'vitest';
import { watchForWake } from '../../../agent/uplink/wake-watch.ts';
import { ManualClock } from '../../support/manual-clock.ts';

it('notices a jump of the wall clock within 5 s, once, and no ordinary passing of time', () => {
  const clock = new ManualClock();
  let wakes = 0;
  const stop = watchForWake(clock, () => {
    wakes += 1;
  });
  clock.advance(600_000);
  expect(wakes).toBe(0);
  clock.jump(3600_000);
  clock.advance(5000);
  expect(wakes).toBe(1);
  clock.jump(-3600_000);
  clock.advance(600_000);
  expect(wakes).toBe(2);
  clock.jump(2000);
  clock.advance(60_000);
  expect(wakes).toBe(2);
  stop();
  clock.jump(3600_000);
  clock.advance(60_000);
  expect(wakes).toBe(2);
});
