/**
 * The ledger: contiguous stored offset per machine and generation, moved in the
 * transaction that stores the events of the range. It is the authority on what
 * has arrived (design §6).
 */
import type { BatchFile, Position } from '../../shared/protocol/frames.ts';
import type { Database } from './database.ts';

/** What the ledger says to a range. `take` moves it; the others take nothing. */
export type LedgerDecision =
  | { take: true }
  | { take: false; to: number }
  | { take: false; reset: true };

/**
 * Pure. `from` beyond the ledger would leave a hole: go back. `from` or `to` at
 * the ledger over other bytes: another life of the file, which could not be told
 * from the first by its offset once a backup is put back. Before it: a resend.
 */
export function decideRange(file: Pick<BatchFile, 'from' | 'to' | 'prev' | 'tail'>, stored: { offset: number; tail: string } | undefined): LedgerDecision {
  const offset = stored?.offset ?? 0;
  if (file.from > offset) return { take: false, to: offset };
  if (stored === undefined || offset === 0) return { take: true };
  const isOther = file.from === offset ? file.prev !== stored.tail : file.to === offset && file.tail !== stored.tail;
  if (isOther) return { take: false, reset: true };
  return { take: true };
}

export interface Ledger {
  find(machine: number, gen: string): { offset: number; tail: string } | undefined;
  /** The ledger becomes the greater of itself and `to`. */
  advance(machine: number, file: BatchFile, nowMs: number): void;
  positions(machine: number): Position[];
  close(machine: number, gens: readonly string[]): void;
}

export function openLedger(database: Database): Ledger {
  const find = database.prepare<[number, string], { offset: number; tail: string }>(
    'SELECT offset, tail FROM file WHERE machine = ? AND gen = ?',
  );
  const advance = database.prepare<[number, string, string, number | null, number, string, number]>(`
    INSERT INTO file (machine, gen, path, born_at, offset, tail, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (machine, gen) DO UPDATE SET
      path = excluded.path, born_at = excluded.born_at, updated_at = excluded.updated_at,
      tail = CASE WHEN excluded.offset > offset THEN excluded.tail ELSE tail END,
      offset = max(offset, excluded.offset)`);
  const all = database.prepare<[number], { gen: string; offset: number; tail: string }>(
    'SELECT gen, offset, tail FROM file WHERE machine = ? ORDER BY gen',
  );
  const remove = database.prepare<[number, string]>('DELETE FROM file WHERE machine = ? AND gen = ?');
  return {
    find: (machine, gen) => find.get(machine, gen),
    advance(machine, file, nowMs) {
      advance.run(machine, file.gen, file.path, file.born_at, file.to, file.tail, nowMs);
    },
    positions: (machine) => all.all(machine).map(({ gen, offset, tail }) => [gen, offset, tail] as const),
    close(machine, gens) {
      for (const gen of gens) remove.run(machine, gen);
    },
  };
}
