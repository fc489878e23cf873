import { describe, expect, it } from 'vitest';
import { createIdleWork } from '../../../collector/writer/idle-work.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function idling(steps: number) {
  const clock = new ManualClock();
  const log: string[] = [];
  let left = steps;
  const idle = createIdleWork({
    deriveTime: () => {
      log.push('derive');
      return (left -= 1) > 0;
    },
    checkpoint: () => log.push('checkpoint'),
    clock,
  });
  return { clock, log, idle };
}

describe('an idle writer', () => {
  it('derives time after 300 ms, step by step until there is none, and moves the WAL behind it', () => {
    const { clock, log, idle } = idling(3);
    idle.rest();
    clock.advance(299);
    expect(log).toEqual([]);
    clock.advance(1);
    expect(log).toEqual(['derive', 'derive', 'derive']);
    clock.advance(1999);
    expect(log).not.toContain('checkpoint');
    clock.advance(1);
    expect(log.at(-1)).toBe('checkpoint');
    expect(clock.pendingTimers).toBe(0);
  });

  it('derives a step between two commits when none ran for 5 s, however much comes', () => {
    const { clock, log, idle } = idling(100);
    for (let frame = 0; frame < 600; frame += 1) {
      idle.stop();
      idle.pass();
      idle.rest();
      clock.advance(20);
    }
    expect(log).toEqual(['derive', 'derive']);
  });

  it('stops between two steps when something comes, and goes on when it is quiet again', () => {
    const { clock, log, idle } = idling(3);
    idle.rest();
    expect(clock.step(300)).toBe(true);
    idle.stop();
    clock.advance(10_000);
    expect(log).toEqual(['derive']);
    idle.rest();
    clock.advance(300);
    expect(log).toEqual(['derive', 'derive', 'derive']);
  });
});
