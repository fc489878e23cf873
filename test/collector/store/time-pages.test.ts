import { expect, it } from 'vitest';
import { openTimePages } from '../../../collector/store/time-pages.ts';
import { openStoreFixture } from '../../support/store-fixture.ts';

it.each([1, 2, 3, 100])('reads every row of a time once, in order of time, and parts none of the same millisecond (%i rows a page)', (pageRows) => {
  using fixture = openStoreFixture();
  fixture.database.exec(`
    CREATE TABLE sign (at INTEGER NOT NULL, name TEXT, PRIMARY KEY (at, name)) WITHOUT ROWID;
    INSERT INTO sign VALUES (-5, 'a'), (0, 'b'), (7, 'c'), (7, 'd'), (7, 'e'), (8, '"f"'), (9, 'g'), (40, 'h')`);
  const pages = openTimePages<[number, string]>(fixture.database, { table: 'sign', at: 'at', columns: 't.at, t.name' }, pageRows);
  const read = (fromMs: number, toMs: number): string[] => [...pages({ fromMs, toMs })].flatMap((page) => page.toSorted(([a], [b]) => a - b).map(([at, name]) => `${at}${name}`));
  expect(read(-Infinity, Infinity)).toEqual(['-5a', '0b', '7c', '7d', '7e', '8"f"', '9g', '40h']);
  expect(read(0, 9)).toEqual(['0b', '7c', '7d', '7e', '8"f"']);
  expect(read(10, 40)).toEqual([]);
  for (const page of pages({ fromMs: -Infinity, toMs: Infinity })) expect([0, 3]).toContain(page.filter(([at]) => at === 7).length);
});
