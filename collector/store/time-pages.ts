/**
 * Rows of a stretch of time, many of them as one JSON text: half the time that
 * rows one by one take, where each value crosses into JavaScript alone.
 */
import type { Database } from './database.ts';

export interface PagedQuery {
  /** The other parts call it `t`. It has an index that begins with `at`. */
  table: string;
  /** Column of `table`, epoch ms. */
  at: string;
  /** Of one row, in the order of its values. Numbers are safe integers. */
  columns: string;
  joins?: string;
}

/** Half-open, epoch ms; may be infinite. */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}

/** About a megabyte of text. */
const PAGE_ROWS = 10_000;

/**
 * Page after page in order of time, each in no order. Rows of one millisecond
 * are never parted. `Values`: as `columns` say.
 */
export function openTimePages<Values extends unknown[]>(
  reader: Database, { table, at, columns, joins = '' }: PagedQuery, pageRows = PAGE_ROWS,
): (range: TimeRange) => Generator<Values[]> {
  const nth = reader.prepare<[number, number, number], number>(
    `SELECT t.${at} FROM ${table} t WHERE t.${at} >= ? AND t.${at} < ? ORDER BY t.${at} LIMIT 1 OFFSET ?`).pluck();
  const page = reader.prepare<[number, number], string>(
    `SELECT json_group_array(json_array(${columns})) FROM ${table} t ${joins} WHERE t.${at} >= ? AND t.${at} < ?`).pluck();
  return function* pages({ fromMs, toMs }) {
    const to = Math.min(toMs, Number.MAX_SAFE_INTEGER);
    for (let from = Math.max(fromMs, Number.MIN_SAFE_INTEGER); from < to;) {
      const next = nth.get(from, to, pageRows) ?? to;
      const until = next > from ? next : from + 1;
      yield JSON.parse(page.get(from, until) ?? '[]') as Values[]; // printed by SQLite
      from = until;
    }
  };
}
