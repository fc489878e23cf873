import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LATE_LINE_MS, machineCompleteUntil, periodCompleteness, type CountedGap, type CountedMachine } from '../../collector/completeness.ts';
import { HEALTHY_SLACK_MS } from '../../shared/limits.ts';

const NOW = 1_000_000_000;
const HOUR = 3_600_000;
const PERIOD = { fromMs: NOW - 5 * HOUR, toMs: NOW - HOUR };
const TODAY = { fromMs: NOW - 5 * HOUR, toMs: NOW + 5 * HOUR };

const machine = (change: Partial<CountedMachine> = {}): CountedMachine => ({ label: 'a', enrolledAtMs: 0, endedAtMs: null, completeUntilMs: NOW - LATE_LINE_MS, ...change });
const gap = (change: Partial<CountedGap> = {}): CountedGap => ({ label: 'a', fromMs: NOW - 3 * HOUR, toMs: NOW - 2 * HOUR, isAccepted: false, ...change });

it('a machine is complete to two minutes before its last full look, and unknown before its first', () => {
  expect(machineCompleteUntil(NOW)).toBe(NOW - 120_000);
  expect(machineCompleteUntil(null)).toBeNull();
});

describe('a period', () => {
  it('is complete when every machine is, and tells how far', () => {
    expect(periodCompleteness([machine()], [], PERIOD, NOW)).toEqual({ complete: true, until: PERIOD.toMs, missing: [], gaps: [] });
    expect(periodCompleteness([machine()], [], TODAY, NOW)).toEqual({ complete: true, until: NOW - HEALTHY_SLACK_MS, missing: [], gaps: [] });
  });

  it('needs no more than a healthy machine can be', () => {
    const needs = (untilMs: number) => periodCompleteness([machine({ completeUntilMs: untilMs })], [], TODAY, NOW).complete;
    expect([needs(NOW - HEALTHY_SLACK_MS), needs(NOW - HEALTHY_SLACK_MS - 1)]).toEqual([true, false]);
  });

  it('names who is missing and since when', () => {
    const late = machine({ label: 'late', completeUntilMs: NOW - 2 * HOUR });
    expect(periodCompleteness([machine(), late], [], PERIOD, NOW)).toMatchObject({ complete: false, until: NOW - 2 * HOUR, missing: [{ label: 'late', since: NOW - 2 * HOUR }] });
  });

  it('is unknown, not zero, where one machine is', () => {
    expect(periodCompleteness([machine(), machine({ label: 'new', completeUntilMs: null })], [], PERIOD, NOW)).toMatchObject({ complete: false, until: null, missing: [{ label: 'new', since: null }] });
  });

  it('does not wait for machines that were enrolled after it or ended before it', () => {
    const others = [machine({ enrolledAtMs: PERIOD.toMs, completeUntilMs: null }), machine({ endedAtMs: PERIOD.fromMs, completeUntilMs: null })];
    expect(periodCompleteness([machine(), ...others], [], PERIOD, NOW).complete).toBe(true);
  });

  it('counts one that ended in it up to then, and no further', () => {
    const endedAtMs = NOW - 2 * HOUR;
    const of = (completeUntilMs: number | null, period = PERIOD) => periodCompleteness([machine({ endedAtMs, completeUntilMs })], [], period, NOW);
    expect(of(endedAtMs - HEALTHY_SLACK_MS)).toMatchObject({ complete: true, until: PERIOD.toMs });
    expect(of(endedAtMs - HOUR)).toMatchObject({ complete: false, missing: [{ since: endedAtMs - HOUR }] });
    expect(of(endedAtMs - HOUR, { fromMs: endedAtMs, toMs: NOW }).complete).toBe(true);
    expect(of(null).until).toBeNull();
  });

  it('is broken by an open gap that overlaps it, not by an accepted or a distant one', () => {
    const broken = gap();
    const found = periodCompleteness([machine()], [gap({ isAccepted: true }), gap({ fromMs: 1, toMs: 2 }), gap({ fromMs: NOW, toMs: NOW }), broken], PERIOD, NOW);
    expect(found).toEqual({ complete: false, until: broken.fromMs, missing: [], gaps: [broken] });
  });

  it('is overlapped by a gap without good lines on a side, whatever it is', () => {
    expect(periodCompleteness([], [gap({ fromMs: null, toMs: null })], PERIOD, NOW)).toMatchObject({ complete: false, until: PERIOD.fromMs });
    expect(periodCompleteness([], [gap({ fromMs: NOW - 2 * HOUR, toMs: null })], PERIOD, NOW)).toMatchObject({ complete: false, until: NOW - 2 * HOUR });
  });

  it('that lies ahead is neither complete nor incomplete: nothing is missing yet', () => {
    expect(periodCompleteness([machine()], [], { fromMs: NOW + HOUR, toMs: NOW + 2 * HOUR }, NOW)).toMatchObject({ complete: true, until: NOW + HOUR });
  });

  it('that is complete is so in every part, and never ends before it starts', () => {
    const time = fc.integer({ min: 0, max: 1000 }).map((steps) => NOW - 1000 * 60_000 + steps * 60_000);
    const machines = fc.array(fc.record({ label: fc.constant('m'), enrolledAtMs: time, endedAtMs: fc.option(time), completeUntilMs: fc.option(time) }), { maxLength: 4 });
    const gaps = fc.array(fc.record({ label: fc.constant('m'), fromMs: fc.option(time), toMs: fc.option(time), isAccepted: fc.boolean() })
      .filter(({ fromMs, toMs }) => fromMs === null || toMs === null || fromMs <= toMs), { maxLength: 3 });
    fc.assert(fc.property(machines, gaps, fc.uniqueArray(time, { minLength: 3, maxLength: 3 }), (some, holes, times) => {
      const [fromMs = 0, middle = 0, toMs = 0] = times.toSorted((a, b) => a - b);
      const whole = periodCompleteness(some, holes, { fromMs, toMs }, NOW);
      const first = periodCompleteness(some, holes, { fromMs, toMs: middle }, NOW);
      const second = periodCompleteness(some, holes, { fromMs: middle, toMs }, NOW);
      // The converse does not hold: a machine that ended is asked up to three minutes before its end, which may lie in the other half.
      expect(!whole.complete || (first.complete && second.complete)).toBe(true);
      expect(!(first.complete && second.complete) || whole.gaps.length === 0).toBe(true);
      expect(whole.until ?? fromMs).toBeGreaterThanOrEqual(fromMs);
      expect(whole.complete).toBe(whole.missing.length === 0 && whole.gaps.length === 0);
    }));
  });
});
