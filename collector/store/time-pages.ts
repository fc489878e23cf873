/**
 * Rows of a stretch of time, many of them as one text a column: a third of the
 * time that rows one by one take, where each value crosses into JavaScript alone.
 */
import type { Database } from './database.ts';

export interface PagedQuery {
  /** The other parts call it `t`. It has an index that begins with `at`. */
  table: string;
  /** Column of `table`, epoch ms. */
  at: string;
  /** Numbers are safe integers. Null: not wanted this time, and empty. */
  columns: readonly (string | null)[];
}

/** Half-open, epoch ms; may be infinite. */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}

/** About 20 kB of text a column: more costs more for each row, in SQLite as in the collection of garbage. */
const PAGE_ROWS = 2000;

/**
 * Page after page in order of time, each in no order; a page is its columns.
 * Rows of one millisecond are never parted.
 */
export function openTimePages<Columns extends unknown[][]>(
  reader: Database, { table, at, columns }: PagedQuery, pageRows = PAGE_ROWS,
): (range: TimeRange) => Generator<Columns> {
  const nth = reader.prepare<[number, number, number], number>(
    `SELECT t.${at} FROM ${table} t WHERE t.${at} >= ? AND t.${at} < ? ORDER BY t.${at} LIMIT 1 OFFSET ?`).pluck();
  const select = columns.map((column) => (column === null ? "'[]'" : `json_group_array(${column})`));
  const page = reader.prepare<[number, number], string[]>(`SELECT ${select.join(', ')} FROM ${table} t WHERE t.${at} >= ? AND t.${at} < ?`).raw();
  return function* pages({ fromMs, toMs }) {
    const to = Math.min(toMs, Number.MAX_SAFE_INTEGER);
    for (let from = Math.max(fromMs, Number.MIN_SAFE_INTEGER); from < to;) {
      const next = nth.get(from, to, pageRows) ?? to;
      const until = next > from ? next : from + 1;
      yield (page.get(from, until) ?? []).map((text): unknown => JSON.parse(text)) as Columns; // printed by SQLite
      from = until;
    }
  };
}
