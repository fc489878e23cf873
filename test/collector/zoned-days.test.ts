import { describe, expect, it } from 'vitest';
import {
  dateOf, daysBetween, parseTimeZone, startOfDate, startOfDay, startOfDayAfter, startOfMonth, startOfMonthAfter, startOfWeek,
} from '../../collector/zoned-days.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const print = (ms: number | undefined): string => (ms === undefined ? 'none' : new Date(ms).toISOString());

describe('a day', () => {
  it.each([
    ['Europe/Berlin', '2026-01-15T12:00:00Z', '2026-01-14T23:00:00.000Z'],
    ['Europe/Berlin', '2026-07-15T22:00:00Z', '2026-07-15T22:00:00.000Z'],
    ['Asia/Kathmandu', '2026-01-15T18:20:00Z', '2026-01-15T18:15:00.000Z'],
    ['UTC', '2026-01-15T23:59:59.999Z', '2026-01-15T00:00:00.000Z'],
    // Clocks go from 00:00 to 01:00: there is no midnight.
    ['Africa/Cairo', '2024-04-26T12:00:00Z', '2024-04-25T22:00:00.000Z'],
    // Clocks go from 24:00 back to 23:00; midnight of the next day comes once, the hour before it twice.
    ['Africa/Cairo', '2024-10-31T21:30:00Z', '2024-10-30T21:00:00.000Z'],
    // Midnight comes twice: from 01:00 back to 00:00.
    ['America/Havana', '2024-11-03T12:00:00Z', '2024-11-03T04:00:00.000Z'],
    ['UTC', '1969-12-31T23:00:00Z', '1969-12-31T00:00:00.000Z'],
  ])('in %s that %s lies in starts at %s', (zone, within, start) => {
    expect(print(startOfDay(at(within), zone))).toBe(start);
  });

  it('has 23 or 25 hours where clocks change', () => {
    const lengths = (zone: string, from: string, to: string): number[] => [...daysBetween(at(from), at(to), zone)].map((day) => (day.toMs - day.fromMs) / HOUR);
    expect(lengths('Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([24, 23, 24]);
    expect(lengths('Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toEqual([24, 25, 24]);
    expect(lengths('Africa/Cairo', '2024-04-25T12:00:00Z', '2024-04-27T12:00:00Z')).toEqual([24, 23, 24]);
  });

  it('follows the one before it without gap or overlap, and is left out where the date was', () => {
    const days = [...daysBetween(at('2011-12-28T12:00:00Z'), at('2012-01-02T12:00:00Z'), 'Pacific/Apia')];
    expect(days.map(({ date }) => date)).toEqual(['2011-12-28', '2011-12-29', '2011-12-31', '2012-01-01', '2012-01-02', '2012-01-03']);
    days.slice(1).forEach((day, index) => expect(day.fromMs).toBe(days[index]?.toMs));
  });

  it('is touched by what ends within it, and not by what ends where it starts', () => {
    const dates = (from: string, to: string): string[] => [...daysBetween(at(from), at(to), 'UTC')].map(({ date }) => date);
    expect(dates('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')).toEqual(['2026-01-01']);
    expect(dates('2026-01-01T00:00:00Z', '2026-01-02T00:00:00.001Z')).toEqual(['2026-01-01', '2026-01-02']);
    expect(dates('2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')).toEqual([]);
  });
});

describe('weeks and months', () => {
  it.each(['2026-01-05', '2026-01-07', '2026-01-11'])('%s is in the week that starts on Monday the 5th', (date) => {
    expect(dateOf(startOfWeek(startOfDate(date, 'Europe/Berlin') ?? 0, 'Europe/Berlin'), 'Europe/Berlin')).toBe('2026-01-05');
  });

  it('start at the first day, over a change of clocks too', () => {
    const zone = 'America/New_York';
    expect(print(startOfMonth(at('2026-03-31T12:00:00Z'), zone))).toBe('2026-03-01T05:00:00.000Z');
    expect(print(startOfMonthAfter(at('2026-03-31T12:00:00Z'), 1, zone))).toBe('2026-04-01T04:00:00.000Z');
    expect(print(startOfMonthAfter(at('2026-03-31T12:00:00Z'), -1, zone))).toBe('2026-02-01T05:00:00.000Z');
    expect(print(startOfDayAfter(at('2026-03-08T03:00:00Z'), 2, zone))).toBe('2026-03-09T04:00:00.000Z');
  });
});

describe('names', () => {
  it.each(['2026-02-29', '2026-1-1', 'today', '2026-01-01T00:00:00Z'])('%s is no date', (date) => expect(startOfDate(date, 'UTC')).toBeUndefined());
  it('of dates come back', () => expect(dateOf(startOfDate('2024-02-29', 'Asia/Tokyo') ?? 0, 'Asia/Tokyo')).toBe('2024-02-29'));
  it('of zones are checked', () => {
    expect(parseTimeZone('Europe/Berlin')).toBe('Europe/Berlin');
    expect(() => parseTimeZone('Mars/Olympus')).toThrow('is no time zone');
  });
});
