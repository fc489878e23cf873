import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCanonicalTimestamp, parseTimestamp, printTimestamp, timestampMs } from '../../shared/timestamp.ts';

const EARLIEST_MS = Date.parse('0000-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');
const anyMs = fc.integer({ min: EARLIEST_MS, max: LATEST_MS });

describe('a canonical timestamp', () => {
  it('survives printing and parsing, over every year that has four digits', () => {
    fc.assert(fc.property(anyMs, (ms) => {
      const printed = printTimestamp(ms);
      expect(isCanonicalTimestamp(printed)).toBe(true);
      expect(parseTimestamp(printed)).toBe(printed);
      expect(timestampMs(printed)).toBe(ms);
    }));
  });

  it('sorts as text the way it sorts as time', () => {
    fc.assert(fc.property(anyMs, anyMs, (a, b) => {
      expect(printTimestamp(a) < printTimestamp(b)).toBe(a < b);
    }));
  });

  it.each([
    '2026-02-30T00:00:00.000Z', '2026-02-29T12:00:00.000Z', '2026-04-31T00:00:00.000Z', '2026-01-01T24:00:00.000Z',
    '2026-13-01T00:00:00.000Z', '2026-00-10T00:00:00.000Z', '2026-01-00T00:00:00.000Z', '2026-01-01T00:60:00.000Z',
    '2026-12-31T23:59:60.000Z',
  ])('names a time that exists: not %s', (text) => {
    expect(isCanonicalTimestamp(text)).toBe(false);
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('knows leap years', () => {
    expect(isCanonicalTimestamp('2028-02-29T00:00:00.000Z')).toBe(true);
    expect(isCanonicalTimestamp('2000-02-29T00:00:00.000Z')).toBe(true);
    expect(isCanonicalTimestamp('1900-02-29T00:00:00.000Z')).toBe(false);
  });

  it.each([
    '2026-01-01T00:00:00Z', '2026-01-01T00:00:00.00Z', '2026-01-01t00:00:00.000z', '2026-01-01 00:00:00.000Z',
    '2026-01-01T00:00:00.000+00:00', ' 2026-01-01T00:00:00.000Z', '+002026-01-01T00:00:00.000Z',
  ])('has no second spelling: %s', (text) => {
    expect(isCanonicalTimestamp(text)).toBe(false);
  });
});

describe('printing a timestamp', () => {
  it.each([EARLIEST_MS - 1, LATEST_MS + 1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d ms', (ms) => {
    expect(() => printTimestamp(ms)).toThrow(RangeError);
  });
});

describe('parsing a timestamp', () => {
  it.each([
    ['2026-01-05T10:00:00Z', '2026-01-05T10:00:00.000Z'],
    ['2026-01-05T10:00:00.1Z', '2026-01-05T10:00:00.100Z'],
    ['2026-01-05T10:00:00.9999999Z', '2026-01-05T10:00:00.999Z'],
    ['2026-01-05T10:00:00.1239+00:00', '2026-01-05T10:00:00.123Z'],
    ['2026-01-05T10:00:00+05:30', '2026-01-05T04:30:00.000Z'],
    ['2026-01-01T00:30:00.250+01:00', '2025-12-31T23:30:00.250Z'],
    ['2026-01-05t10:00:00z', '2026-01-05T10:00:00.000Z'],
    ['2026-01-05 10:00:00.5-08:00', '2026-01-05T18:00:00.500Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.9999Z', '9999-12-31T23:59:59.999Z'],
  ])('prints %s as %s', (text, canonical) => {
    expect(parseTimestamp(text)).toBe(canonical);
  });

  it('truncates fractions and never rounds', () => {
    fc.assert(fc.property(anyMs, fc.integer({ min: 0, max: 999_999 }), (ms, nanos) => {
      const printed = printTimestamp(ms);
      const longer = printed.replace('Z', `${String(nanos).padStart(6, '0')}Z`);
      expect(parseTimestamp(longer)).toBe(printed);
    }));
  });

  it.each([
    '', 'now', '1767607200000', '2026-01-05', '2026-01-05T10:00Z', '2026-01-05T10:00:00', '2026-1-5T10:00:00Z',
    '2026-01-05T10:00:00+0530', '2026-01-05T10:00:00+24:00', '2026-01-05T10:00:00,5Z', '2026-01-05T10:00:00.Z',
    'Mon, 05 Jan 2026 10:00:00 GMT', '0000-01-01T00:00:00+05:00', '9999-12-31T23:59:59-05:00',
    '2026-01-05T10:00:00Z\n', '20260-01-05T10:00:00Z',
  ])('refuses %j', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('answers any text at all without throwing', () => {
    fc.assert(fc.property(fc.string(), (text) => {
      const parsed = parseTimestamp(text);
      expect(parsed === undefined || isCanonicalTimestamp(parsed)).toBe(true);
    }));
  });
});
