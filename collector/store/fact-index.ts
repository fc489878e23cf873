/**
 * Which rows may hold a fact (or an API response): an index by a hash, which is
 * random, so that in a plain index every new row dirties a page of its own.
 * Here the newest entries wait in memory, by ranges of the hash space, and when
 * too many wait, the next range goes into the index's table whole: neighbours
 * share pages, and the work of a commit goes by what it adds.
 *
 * Guarantee: every row is found by its hash, also after a crash: a second table
 * tells through which row each range is in the index, in the same transaction;
 * later rows are read from where they stand when it opens. With hashes spread
 * evenly that reads about twice what may wait. Limit: one writer; another
 * connection sees what waits only in the view `fact_place`.
 */
import type { Database } from './database.ts';

export interface FactIndex {
  /** Rows to be compared in full, in no order; mostly none or one. */
  rows(hash: number): readonly number[];
  add(hash: number, row: number): void;
  remove(hash: number, row: number): void;
  /** All rows are gone. */
  clear(): void;
  /** Moves ranges while too much waits. Call once, before commit. */
  flush(): void;
  /** After a rollback, or when rows changed behind it. */
  forget(): void;
}

/** Names of tables: the rows, with a key `row` that is never used twice, and the two of the index. */
export interface HashedRows {
  rows: string;
  hash: string;
  index: string;
  ranges: string;
}
export const FACTS: HashedRows = { rows: 'event_row', hash: 'fact', index: 'fact', ranges: 'fact_range' };
export const RESPONSES: HashedRows = { rows: 'usage_row', hash: 'hash', index: 'response', ranges: 'response_range' };

/** Entries that wait before the next range is moved; about 100 bytes each. */
const WAITING = 32_768;
/** Stands in the database: another number needs a migration. */
const RANGES = 512;
const HASHES = 2 ** 53;
const NONE: readonly number[] = [];

/** Rows by hash; nearly always one. */
type Waiting = Map<number, number | number[]>;

interface State {
  waiting: Waiting[];
  count: number;
  /** Of each range: the row through which it is in the table. */
  through: number[];
  /** Moved next: the range that was not for the longest time. */
  next: number;
  lastRow: number;
}

function openStatements(database: Database, { rows, hash, index, ranges }: HashedRows) {
  return {
    find: database.prepare<[number]>(`SELECT row FROM ${index} WHERE hash = ?`).pluck(),
    insert: database.prepare<[number, number]>(`INSERT OR IGNORE INTO ${index} (hash, row) VALUES (?, ?)`),
    remove: database.prepare<[number, number]>(`DELETE FROM ${index} WHERE hash = ? AND row = ?`),
    ranges: database.prepare<[], { range: number; through: number }>(`SELECT range, through FROM ${ranges}`),
    note: database.prepare<[number, number]>(`INSERT OR REPLACE INTO ${ranges} (range, through) VALUES (?, ?)`),
    lastRow: database.prepare<[], { row: number }>(`SELECT coalesce(max(row), 0) AS row FROM ${rows}`),
    after: database.prepare<[number], { hash: number; row: number }>(`SELECT ${hash} AS hash, row FROM ${rows} WHERE row > ?`),
    clear: [index, ranges].map((table) => database.prepare<[]>(`DELETE FROM ${table}`)),
  };
}

function put(waiting: Waiting, hash: number, row: number): void {
  const known = waiting.get(hash);
  if (known === undefined) waiting.set(hash, row);
  else if (typeof known === 'number') waiting.set(hash, [known, row]);
  else known.push(row);
}

function rowsOf(known: number | number[] | undefined): readonly number[] {
  if (known === undefined) return NONE;
  return typeof known === 'number' ? [known] : known;
}

/** `limit`: entries that may wait. */
export function openFactIndex(database: Database, of: HashedRows, limit = WAITING): FactIndex {
  const statements = openStatements(database, of);
  const rangeOf = (hash: number): number => Math.floor(hash * (RANGES / HASHES));
  let loaded: State | undefined;

  const load = (): State => {
    const through = Array.from({ length: RANGES }, () => 0);
    for (const { range, through: row } of statements.ranges.all()) through[range] = row;
    const oldest = Math.min(...through);
    const state: State = {
      waiting: through.map(() => new Map()), count: 0, through, next: through.indexOf(oldest),
      lastRow: statements.lastRow.get()?.row ?? 0,
    };
    for (const { hash, row } of statements.after.iterate(oldest)) {
      if (row > (through[rangeOf(hash)] ?? 0)) addTo(state, hash, row);
    }
    return state;
  };
  const addTo = (state: State, hash: number, row: number): void => {
    const waiting = state.waiting[rangeOf(hash)];
    if (waiting === undefined) throw new RangeError(`${hash} is no hash`);
    put(waiting, hash, row);
    state.count += 1;
  };
  const moveNext = (state: State): void => {
    const waiting = state.waiting[state.next] ?? new Map<number, number>();
    for (const hash of [...waiting.keys()].sort((a, b) => a - b)) {
      for (const row of rowsOf(waiting.get(hash))) {
        statements.insert.run(hash, row);
        state.count -= 1;
      }
    }
    waiting.clear();
    statements.note.run(state.next, state.lastRow);
    state.through[state.next] = state.lastRow;
    state.next = (state.next + 1) % RANGES;
  };

  return {
    rows(hash) {
      loaded ??= load();
      const waiting = rowsOf(loaded.waiting[rangeOf(hash)]?.get(hash));
      const found = statements.find.all(hash) as number[]; // the column is an integer
      return found.length === 0 ? waiting : [...waiting, ...found];
    },
    add(hash, row) {
      loaded ??= load();
      // What `load` read in the same transaction may hold it.
      if (row <= loaded.lastRow) return;
      loaded.lastRow = row;
      addTo(loaded, hash, row);
    },
    remove(hash, row) {
      loaded ??= load();
      const waiting = loaded.waiting[rangeOf(hash)];
      const rows = rowsOf(waiting?.get(hash));
      if (!rows.includes(row)) return void statements.remove.run(hash, row);
      const left = rows.filter((other) => other !== row);
      if (left.length === 0) waiting?.delete(hash);
      else waiting?.set(hash, left);
      loaded.count -= 1;
    },
    clear() {
      for (const statement of statements.clear) statement.run();
      loaded = undefined;
    },
    flush() {
      if (loaded === undefined) return;
      while (loaded.count > limit) moveNext(loaded);
    },
    forget() {
      loaded = undefined;
    },
  };
}
