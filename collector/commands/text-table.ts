import { toPlainText } from '../../shared/plain-text.ts';

/** Rows of cells in columns as wide as their widest cell, each on one line of plain text; `right`: columns of numbers. */
export function toTextTable(cells: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string {
  const rows = cells.map((row) => row.map(toPlainText));
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const toLine = (row: readonly string[]): string => row
    .map((cell, column) => (right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
    .join('  ').trimEnd();
  return rows.map((row) => `${toLine(row)}\n`).join('');
}
