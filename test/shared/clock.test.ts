import { describe, expect, it } from 'vitest';
import { sleepOn, systemClock } from '../../shared/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe('sleeping', () => {
  it('ends when the time has come, and not before', async () => {
    const clock = new ManualClock();
    const order: string[] = [];
    const slept = sleepOn(clock, 100).then(() => order.push('slept'));
    clock.advance(99);
    await Promise.resolve();
    order.push('99 ms');
    clock.advance(1);
    await slept;
    expect(order).toEqual(['99 ms', 'slept']);
  });

  it('ends at an abort, before or during, and leaves no timer behind', async () => {
    const clock = new ManualClock();
    await sleepOn(clock, 100, AbortSignal.abort());
    const stop = new AbortController();
    const slept = sleepOn(clock, 100, stop.signal);
    expect(clock.pendingTimers).toBe(1);
    stop.abort();
    await slept;
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the system clock', () => {
  it('runs tasks unless they are cancelled', async () => {
    const ran: string[] = [];
    systemClock.after(0, () => ran.push('cancelled'))();
    const stop = systemClock.every(1, () => ran.push('every'));
    await new Promise<void>((resolve) => systemClock.after(0, resolve));
    await systemClock.sleep(5);
    stop();
    expect(ran).not.toContain('cancelled');
    expect(ran).toContain('every');
  });

  it('does what is due now behind what is already running', async () => {
    const ran: string[] = [];
    const timer = new Promise<void>((resolve) => systemClock.after(1, () => resolve(void ran.push('1 ms'))));
    const now = new Promise<void>((resolve) => systemClock.after(0, () => resolve(void ran.push('now'))));
    ran.push('running');
    await now;
    expect(ran[0]).toBe('running');
    expect(ran).toContain('now');
    await timer;
  });

  it('draws numbers from 0 up to 1', () => {
    const drawn = Array.from({ length: 100 }, () => systemClock.random());
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(90);
  });
});
