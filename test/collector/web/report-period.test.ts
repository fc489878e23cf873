import { describe, expect, it } from 'vitest';
import { dateIn, datesOf, stepDate } from '../../../collector/web/report-period.ts';
import { reportAddress, routeOf } from '../../../collector/web/route.ts';

describe('the period of a report', () => {
  it.each([
    ['day', '2026-02-28', '2026-02-28', '2026-03-01'],
    ['week', '2026-03-01', '2026-02-23', '2026-03-02'],
    ['week', '2026-03-02', '2026-03-02', '2026-03-09'],
    ['month', '2026-12-31', '2026-12-01', '2027-01-01'],
    ['day', '2024-02-29', '2024-02-29', '2024-03-01'],
  ] as const)('%s of %s', (period, date, start, end) => {
    expect(datesOf(period, date)).toEqual({ start, end });
  });

  it.each(['day', 'week', 'month'] as const)('the %s after the one before is the same', (period) => {
    for (const date of ['2026-01-01', '2026-03-29', '2026-10-25', '2024-03-01']) {
      expect(datesOf(period, stepDate(period, stepDate(period, date, -1), 1))).toEqual(datesOf(period, date));
      expect(datesOf(period, stepDate(period, date, 1)).start).toBe(datesOf(period, date).end);
    }
  });

  it('of a date that is none is some period, not an error', () => {
    expect(datesOf('week', '2026-99-99').start).toBe('1969-12-29');
  });
});

describe('the present date', () => {
  const ms = Date.parse('2026-03-01T23:30:00Z');

  it.each([['UTC', '2026-03-01'], ['Asia/Tokyo', '2026-03-02'], ['Etc/GMT+12', '2026-03-01']])('in %s', (zone, date) => {
    expect(dateIn(zone, ms)).toBe(date);
  });

  it('in a zone that is not known here is that of this computer', () => {
    expect(dateIn('Nowhere/Never', ms)).toBe(dateIn(undefined, ms));
  });
});

describe('an address', () => {
  it.each([
    ['/', { page: 'home' }], ['/nowhere', { page: 'home' }], ['/sessions/', { page: 'home' }],
    ['/sessions/a%2Fb@devbox', { page: 'session', name: 'a/b@devbox' }], ['/sessions/%zz', { page: 'session', name: '%zz' }],
    ['/machines/gpu-box', { page: 'machine', name: 'gpu-box' }], ['/add', { page: 'add', name: '' }], ['/add/old-one', { page: 'add', name: 'old-one' }],
    ['/reports', { page: 'reports', period: 'week', date: null, by: 'stream' }],
    ['/reports/day/2026-01-31/project', { page: 'reports', period: 'day', date: '2026-01-31', by: 'project' }],
    ['/reports/year/soon/colour', { page: 'reports', period: 'week', date: null, by: 'stream' }],
  ])('%s', (address, route) => {
    expect(routeOf(address)).toEqual(route);
  });

  it('of a report leads to it', () => {
    expect(routeOf(reportAddress({ period: 'month', date: '2026-05-01', by: 'tag' }))).toEqual({ page: 'reports', period: 'month', date: '2026-05-01', by: 'tag' });
  });
});
