import { toPlainText } from '../../shared/plain-text.ts';

/** How wide a table may be, and which of its columns give way, the first before the next. */
export interface TableFit {
  columns: number;
  shrink: readonly number[];
}

/** A heading of this width stays readable. */
const LEAST_WIDTH = 8;

/**
 * Rows of cells in columns as wide as their widest cell, each on one line of plain
 * text; `right`: columns of numbers. With `fit` the widest texts are cut until it fits.
 */
export function toTextTable(cells: readonly (readonly string[])[], right: ReadonlySet<number> = new Set(), fit?: TableFit): string {
  const rows = cells.map((row) => row.map(toPlainText));
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  if (fit) narrow(widths, fit);
  const toCell = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return right.has(column) ? cell.padStart(width) : cutText(cell, width).padEnd(width);
  };
  return rows.map((row) => `${row.map(toCell).join('  ').trimEnd()}\n`).join('');
}

/** The last characters of a longer text make room for the mark that there was more. */
export function cutText(text: string, width: number): string {
  if (text.length <= width) return text;
  return `${text.slice(0, Math.max(0, width - 1)).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function narrow(widths: number[], { columns, shrink }: TableFit): void {
  let excess = widths.reduce((sum, width) => sum + width + 2, -2) - columns;
  for (const column of shrink) {
    if (excess <= 0) return;
    const width = widths[column] ?? 0;
    const kept = Math.max(Math.min(width, LEAST_WIDTH), width - excess);
    widths[column] = kept;
    excess -= width - kept;
  }
}
