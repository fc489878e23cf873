import { describe, expect, it } from 'vitest';
import { namedTestsOf, readRows } from './support/named-tests.ts';

const rows = readRows('docs/faults.md', /^\| \d/);

describe('the list of faults', () => {
  it('has forty, of which fifteen matter most', () => {
    expect(rows.map((row) => Number.parseInt(row.slice(2), 10))).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
    expect(rows.filter((row) => /^\| \d+ ★ \|/.test(row))).toHaveLength(15);
  });

  it.each(rows)('names tests that exist: %s', (row) => {
    const { count, missing } = namedTestsOf(row);
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(0);
  });
});
