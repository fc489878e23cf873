import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWriter, type Database } from '../../../collector/store/database.ts';
import { FACTS, openFactIndex, type FactIndex } from '../../../collector/store/fact-index.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-facts-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Few enough that different facts share them, spread over the ranges and their borders. */
const HASHES = [0, 1, 2, 2 ** 44 - 1, 2 ** 44, 2 ** 44 + 1, 2 ** 52, 2 ** 52 + 7, 2 ** 53 - 2 ** 44, 2 ** 53 - 1];

interface Indexed {
  database: Database;
  facts: FactIndex;
  insert(hash: number): void;
  remove(row: number): void;
  transaction(work: () => void): void;
}

function open(path: string, waiting: number): Indexed {
  const database = openWriter(path);
  database.pragma('synchronous = OFF'); // a power cut is not what is tested here
  const facts = openFactIndex(database, FACTS, waiting);
  const insert = database.prepare<[number]>(`INSERT INTO event_row (machine, at, kind, session, discriminator, fact, schema_version)
    VALUES (0, 0, 0, 0, '', ?, 1)`);
  const find = database.prepare<[number], { hash: number }>('SELECT fact AS hash FROM event_row WHERE row = ?');
  const remove = database.prepare<[number]>('DELETE FROM event_row WHERE row = ?');
  return {
    database, facts,
    insert: (hash) => facts.add(hash, Number(insert.run(hash).lastInsertRowid)),
    remove(row) {
      const found = find.get(row);
      if (found === undefined) return;
      remove.run(row);
      facts.remove(found.hash, row);
    },
    transaction(work) {
      try {
        database.transaction(() => {
          work();
          facts.flush();
        })();
      } catch (error) {
        facts.forget();
        if (!(error instanceof RolledBack)) throw error;
      }
    },
  };
}

class RolledBack extends Error {}

/** Hashes for which the index or its view says something else than a scan of all rows. */
function wrongHashes({ database, facts }: Indexed, hashes: readonly number[] = HASHES): number[] {
  const rows = database.prepare<[number], number>('SELECT row FROM event_row WHERE fact = ? ORDER BY row').pluck();
  const places = database.prepare<[number], number>('SELECT row FROM fact_place WHERE hash = ? ORDER BY row').pluck();
  return hashes.filter((hash) => {
    const expected = rows.all(hash).join();
    return [...facts.rows(hash)].sort((a, b) => a - b).join() !== expected || places.all(hash).join() !== expected;
  });
}

/** The files of a running writer, as a crash leaves them. */
function crash(path: string, copy: string): void {
  for (const suffix of ['', '-wal']) {
    rmSync(copy + suffix, { force: true });
    if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
  }
}

const change = fc.oneof(
  { weight: 5, arbitrary: fc.record({ insert: fc.constantFrom(...HASHES) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.integer({ min: 1, max: 60 }) }) },
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ changes: fc.array(change, { minLength: 1, maxLength: 12 }), isRolledBack: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constantFrom('reopen' as const, 'crash' as const) },
);

describe('the index of facts', () => {
  it('finds what a scan finds: over inserts, removals, rollbacks, restarts and crashes', { timeout: 120_000 }, () => {
    let run = 0;
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 0, max: 20 }), (steps, waiting) => {
      run += 1;
      let path = join(directory, `${run}.db`);
      let indexed = open(path, waiting);
      for (const [at, each] of steps.entries()) {
        if (each === 'reopen' || each === 'crash') {
          const copy = join(directory, `${run}-${at}.db`);
          if (each === 'crash') crash(path, copy);
          indexed.database.close();
          if (each === 'crash') path = copy;
          indexed = open(path, waiting);
        } else {
          indexed.transaction(() => {
            for (const one of each.changes) {
              if ('insert' in one) indexed.insert(one.insert);
              else indexed.remove(one.remove);
            }
            if (each.isRolledBack) throw new RolledBack();
          });
        }
        expect(wrongHashes(indexed)).toEqual([]);
      }
      indexed.database.close();
    }), { numRuns: 60 });
  });

  /** Spread like real hashes: any 53 bits. */
  const spread = (n: number): number => Number((BigInt(n) * 0x9e3779b97f4a7c15n) & ((1n << 53n) - 1n));

  it('keeps no more waiting than it may, and moves no more at once than a commit adds and one range holds', () => {
    const waiting = 2048;
    const indexed = open(join(directory, 'steady.db'), waiting);
    const moved = indexed.database.prepare<[], number>('SELECT count(*) FROM fact').pluck();
    const oldest = indexed.database.prepare<[], number>('SELECT min(through) FROM fact_range HAVING count(*) = 512').pluck();
    let before = 0;
    let most = 0;
    let behind = 0;
    for (let commit = 1; commit <= 300; commit += 1) {
      indexed.transaction(() => {
        for (let i = 0; i < 100; i += 1) indexed.insert(spread(commit * 100 + i));
      });
      const now = moved.get() ?? 0;
      most = Math.max(most, now - before);
      before = now;
      expect(commit * 100 - now).toBeLessThanOrEqual(waiting);
      if (commit > 150) behind = Math.max(behind, commit * 100 - (oldest.get() ?? 0));
    }
    expect(most).toBeLessThanOrEqual(100 + 40);
    // What opening reads: the rows after the range that was moved the longest time ago.
    expect(behind).toBeLessThanOrEqual(2.2 * waiting);
    expect(wrongHashes(indexed, Array.from({ length: 300 }, (_, at) => spread(at * 100 + 100)))).toEqual([]);
    indexed.database.close();
  });
});
