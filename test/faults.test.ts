import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const rows = readFileSync(join(root, 'docs/faults.md'), 'utf8').split('\n').filter((line) => /^\| \d/.test(line));

describe('the list of faults', () => {
  it('has forty, of which fifteen matter most', () => {
    expect(rows.map((row) => Number.parseInt(row.slice(2), 10))).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
    expect(rows.filter((row) => /^\| \d+ ★ \|/.test(row))).toHaveLength(15);
  });

  it.each(rows)('names tests that exist: %s', (row) => {
    const named = [...row.matchAll(/`(test\/[^`]+)` “([^”]+)”/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, file = '', title = ''] of named) {
      const source = readFileSync(join(root, file), 'utf8');
      // A title is a whole literal behind its opening bracket, not a part of one.
      expect(['\'', '`'].some((quote) => source.includes(`(${quote}${title}${quote}`)), `${file}: ${title}`).toBe(true);
    }
    for (const [, file = ''] of row.matchAll(/`(test\/[^`]+)`(?! “)/g)) expect(existsSync(join(root, file)), `${file} is there`).toBe(true);
  });
});
