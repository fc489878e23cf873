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
  joins?: string;
  /** Of one row, in the order of its values. Numbers are safe integers. */
  columns: string;
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
export function openTimePages<Values extends unknown[]>(reader: Database, { columns, ...of }: PagedQuery, pageRows = PAGE_ROWS): (range: TimeRange) => Generator<Values[]> {
  const pages = openTexts(reader, of, `json_group_array(json_array(${columns}))`, pageRows);
  return function* rows(range) {
    for (const [text = '[]'] of pages(range)) yield JSON.parse(text) as Values[]; // printed by SQLite
  };
}

/** As `openTimePages`, column by column: faster still where most values are numbers. */
export function openTimeColumns<Columns extends unknown[][]>(reader: Database, { columns, ...of }: Omit<PagedQuery, 'columns'> & { columns: readonly string[] }): (range: TimeRange) => Generator<Columns> {
  const pages = openTexts(reader, of, columns.map((column) => `json_group_array(${column})`).join(', '), PAGE_ROWS);
  return function* parts(range) {
    for (const texts of pages(range)) yield texts.map((text): unknown => JSON.parse(text)) as Columns; // printed by SQLite
  };
}

function openTexts(reader: Database, { table, at, joins = '' }: Omit<PagedQuery, 'columns'>, select: string, pageRows: number): (range: TimeRange) => Generator<string[]> {
  const nth = reader.prepare<[number, number, number], number>(
    `SELECT t.${at} FROM ${table} t WHERE t.${at} >= ? AND t.${at} < ? ORDER BY t.${at} LIMIT 1 OFFSET ?`).pluck();
  const page = reader.prepare<[number, number], string[]>(`SELECT ${select} FROM ${table} t ${joins} WHERE t.${at} >= ? AND t.${at} < ?`).raw();
  return function* texts({ fromMs, toMs }) {
    const to = Math.min(toMs, Number.MAX_SAFE_INTEGER);
    for (let from = Math.max(fromMs, Number.MIN_SAFE_INTEGER); from < to;) {
      const next = nth.get(from, to, pageRows) ?? to;
      const until = next > from ? next : from + 1;
      yield page.get(from, until) ?? [];
      from = until;
    }
  };
}
