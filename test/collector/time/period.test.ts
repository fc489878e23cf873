import { describe, expect, it } from 'vitest';
import { periodsOf, type PeriodQuery } from '../../../collector/time/period.ts';

const HOUR = 3_600_000;
// A Wednesday.
const NOW = Date.parse('2026-04-01T10:30:00Z');
const BERLIN = 'Europe/Berlin';

function periods(query: PeriodQuery, zone = 'UTC', nowMs = NOW): [string, string, string][] {
  return periodsOf(query, nowMs, zone).map(({ type, fromMs, toMs }) => [type, new Date(fromMs).toISOString(), new Date(toMs).toISOString()]);
}

describe('a period', () => {
  it('is this week from Monday unless another is asked for', () => {
    expect(periods({})).toEqual([['week', '2026-03-30T00:00:00.000Z', '2026-04-06T00:00:00.000Z']]);
    expect(periods({ week: true })).toEqual(periods({}));
    expect(periods({ lastWeek: true })).toEqual([['week', '2026-03-23T00:00:00.000Z', '2026-03-30T00:00:00.000Z']]);
    expect(periods({ day: true })).toEqual([['day', '2026-04-01T00:00:00.000Z', '2026-04-02T00:00:00.000Z']]);
    expect(periods({ lastDay: true })).toEqual([['day', '2026-03-31T00:00:00.000Z', '2026-04-01T00:00:00.000Z']]);
    expect(periods({ month: true })).toEqual([['month', '2026-04-01T00:00:00.000Z', '2026-05-01T00:00:00.000Z']]);
    expect(periods({ lastMonth: true })).toEqual([['month', '2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z']]);
  });

  it('is of the days of its zone, which are not all 24 hours long', () => {
    const [week] = periodsOf({ lastWeek: true }, NOW, BERLIN);
    expect(((week?.toMs ?? 0) - (week?.fromMs ?? 0)) / HOUR).toBe(7 * 24 - 1);
    expect(periods({ day: true }, BERLIN)).toEqual([['day', '2026-03-31T22:00:00.000Z', '2026-04-01T22:00:00.000Z']]);
    const autumn = periodsOf({ start: '2026-10-25', end: '2026-10-26' }, NOW, BERLIN)[0];
    expect(((autumn?.toMs ?? 0) - (autumn?.fromMs ?? 0)) / HOUR).toBe(25);
  });

  it('is several weeks, the newest first, each beginning where the one before it ends', () => {
    const weeks = periodsOf({ weeks: 3 }, NOW, BERLIN);
    expect(weeks.map(({ fromMs }) => fromMs)).toEqual(weeks.map(({ fromMs }) => fromMs).toSorted((a, b) => b - a));
    expect(weeks[1]?.toMs).toBe(weeks[0]?.fromMs);
    expect(weeks).toHaveLength(3);
  });

  it('is from one date to before another; to the end of today where none is given', () => {
    expect(periods({ start: '2026-01-01', end: '2026-02-01' })).toEqual([['custom', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z']]);
    expect(periods({ start: 'yesterday' })).toEqual([['custom', '2026-03-31T00:00:00.000Z', '2026-04-02T00:00:00.000Z']]);
  });

  it.each<[PeriodQuery, RegExp]>([
    [{ day: true, week: true }, /of one period/],
    [{ weeks: 2, start: '2026-01-01' }, /of one period/],
    [{ end: '2026-01-01' }, /--end needs --start/],
    [{ start: '2026-02-30' }, /--start: "2026-02-30" is not a date/],
    [{ start: '2026-02-02', end: '2026-02-02' }, /--end 2026-02-02 is not after --start/],
    [{ weeks: 0 }, /--weeks/],
  ])('refuses %j', (query, words) => {
    expect(() => periodsOf(query, NOW, 'UTC')).toThrow(words);
  });
});
