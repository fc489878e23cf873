/** Tables and cut lines in a terminal: measured in its columns, of which an ideograph or an emoji takes two. The only importer of string-width. */
import stringWidth from 'string-width';
import { toPlainText } from '../../shared/plain-text.ts';

/** How wide a table may be, and what of it gives way. Columns by number, the first before the next. */
export interface TableFit {
  columns: number;
  /** Are cut. */
  shrink: readonly number[];
  /** Are left out, before others are cut to less than is comfortable. */
  drop?: readonly number[];
  /** Are cut at their start: of a path the end tells more. */
  tails?: ReadonlySet<number>;
}

/** A heading of this width stays readable. */
const LEAST_WIDTH = 8;
const COMFORTABLE_WIDTH = 18;
const GAP = 2;

/**
 * Rows of cells in columns as wide as their widest cell, each on one line of plain
 * text; `right`: columns of numbers. With `fit` it gives way until it fits, as far as it may.
 */
export function toTextTable(cells: readonly (readonly string[])[], right: ReadonlySet<number> = new Set(), fit?: TableFit): string {
  const rows = cells.map((row) => row.map(toPlainText));
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => stringWidth(row[column] ?? '')))) ?? [];
  const left = fit ? withoutDropped(widths, fit) : new Set<number>();
  if (fit) narrow(widths, left, fit);
  const toCell = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    const text = right.has(column) ? cell : fit?.tails?.has(column) === true ? cutStart(cell, width) : cutText(cell, width);
    const padding = ' '.repeat(Math.max(0, width - stringWidth(text)));
    return right.has(column) ? padding + text : text + padding;
  };
  const toLine = (row: readonly string[]): string => row
    .flatMap((cell, column) => (left.has(column) ? [] : [toCell(cell, column)]))
    .join(' '.repeat(GAP)).trimEnd();
  return rows.map((row) => `${toLine(row)}\n`).join('');
}

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The last columns of a wider text make room for the mark that there was more. */
export function cutText(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return `${firstOf(charactersOf(text), width - 1).join('')}…`;
}

function cutStart(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return `…${firstOf(charactersOf(text).reverse(), width - 1).reverse().join('')}`;
}

/** As a person sees them. */
function charactersOf(text: string): string[] {
  return Array.from(characters.segment(text), ({ segment }) => segment);
}

/** As many as have room. */
function firstOf(list: readonly string[], width: number): string[] {
  let left = width;
  const over = list.findIndex((character) => (left -= stringWidth(character)) < 0);
  return over < 0 ? [...list] : list.slice(0, over);
}

function widthOf(widths: readonly number[], left: ReadonlySet<number>): number {
  return widths.reduce((sum, width, column) => (left.has(column) ? sum : sum + width + GAP), -GAP);
}

/** The columns that are left out. */
function withoutDropped(widths: readonly number[], { columns, shrink, drop = [] }: TableFit): Set<number> {
  const comfortable = widths.map((width, column) => (shrink.includes(column) ? Math.min(width, COMFORTABLE_WIDTH) : width));
  const left = new Set<number>();
  for (const column of drop) {
    if (widthOf(comfortable, left) <= columns) break;
    left.add(column);
  }
  return left;
}

/** Down to what is comfortable first, each in turn; only then to the least. */
function narrow(widths: number[], left: ReadonlySet<number>, { columns, shrink }: TableFit): void {
  for (const least of [COMFORTABLE_WIDTH, LEAST_WIDTH]) {
    for (const column of shrink) {
      if (left.has(column)) continue;
      const excess = widthOf(widths, left) - columns;
      const width = widths[column] ?? 0;
      if (excess > 0) widths[column] = Math.max(Math.min(width, least), width - excess);
    }
  }
}
