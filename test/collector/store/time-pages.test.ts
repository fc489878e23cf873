import { expect, it } from 'vitest';
import { openTimePages } from '../../../collector/store/time-pages.ts';
import { openStoreFixture } from '../../support/store-fixture.ts';

it.each([1, 2, 3, 100])('reads every row of a time once, in order of time, and parts none of the same millisecond (%i rows a page)', (pageRows) => {
  using fixture = openStoreFixture();
  fixture.database.exec(`
    CREATE TABLE sign (at INTEGER NOT NULL, name TEXT, size INTEGER, PRIMARY KEY (at, name)) WITHOUT ROWID;
    INSERT INTO sign VALUES (-5, 'a', 0), (0, 'b', NULL), (7, 'c', 1), (7, 'd', 9007199254740991), (7, 'e', NULL), (8, '"f"', -9007199254740991), (9, 'g', 2), (40, 'h', 3)`);
  const pages = openTimePages<[at: number[], size: (number | null)[], name: string[]]>(fixture.database, { table: 'sign', at: 'at', columns: ['t.at', 't.size', 't.name'] }, pageRows);
  const read = (fromMs: number, toMs: number): string[] => [...pages({ fromMs, toMs })].flatMap(([ats, sizes, names]) => ats.map((at, index) => `${at}${names[index]} ${sizes[index]}`).sort((a, b) => parseInt(a, 10) - parseInt(b, 10)));
  expect(read(-Infinity, Infinity)).toEqual(['-5a 0', '0b null', '7c 1', '7d 9007199254740991', '7e null', '8"f" -9007199254740991', '9g 2', '40h 3']);
  expect(read(0, 9)).toEqual(['0b null', '7c 1', '7d 9007199254740991', '7e null', '8"f" -9007199254740991']);
  expect(read(10, 40)).toEqual([]);
  for (const [ats] of pages({ fromMs: -Infinity, toMs: Infinity })) expect([0, 3]).toContain(ats.filter((at) => at === 7).length);
});
