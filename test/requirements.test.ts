import { describe, expect, it } from 'vitest';
import { namedTestsOf, readRows } from './support/named-tests.ts';

const rows = readRows('docs/requirements.md', /^\| (\d{3}-\d+|[ABC]\d+) \|/);
const SIZES = { '000-': 12, '001-': 7, '002-': 11, '003-': 17, '004-': 9, A: 8, B: 22, C: 28 };

describe('the list of requirements', () => {
  it('has every one, in order', () => {
    const wanted = Object.entries(SIZES).flatMap(([group, size]) => Array.from({ length: size }, (_, at) => `${group}${at + 1}`));
    expect(rows.map((row) => row.split(' ')[1])).toEqual(wanted);
  });

  it.each(rows)('names tests that exist, or says why there is none: %s', (row) => {
    const { count, missing } = namedTestsOf(row);
    expect(missing).toEqual([]);
    expect(count > 0 || /\| (not yet|does not apply( yet)?): /.test(row)).toBe(true);
  });
});
