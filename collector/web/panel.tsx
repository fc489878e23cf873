import type { Child } from 'hono/jsx/dom';
import { UNKNOWN } from '../../shared/status-words.ts';

/** A part of the page: a landmark with a heading that keys lead to. */
export function Panel({ id, title, note, children }: { id: string; title: string; note?: string; children: Child }) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`} tabindex={-1}>{title}{note === undefined || note === '' ? null : <span class="quiet"> {note}</span>}</h2>
      {children}
    </section>
  );
}

export interface Column {
  title: string;
  isNumber?: true;
  /** Of a table that can be sorted by it. */
  sorted?: 'ascending' | 'descending' | 'none';
  onSort?(): void;
}

const SORT_SHAPES = { ascending: ' ↑', descending: ' ↓', none: '' } as const;

/** Roles are written out: on a phone the rows become cards, and CSS that does this would take the table's meaning away. */
export function Table({ label, columns, children }: { label: string; columns: readonly Column[]; children: Child }) {
  return (
    <div class="scroll" tabindex={0} role="group" aria-label={label}>
      <table role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ title, isNumber, sorted, onSort }) => (
              <th key={title} role="columnheader" scope="col" class={isNumber ? 'number' : ''} aria-sort={sorted}>
                {onSort ? <button type="button" class="sort" onClick={onSort}>{title}<span aria-hidden="true">{SORT_SHAPES[sorted ?? 'none']}</span></button> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">{children}</tbody>
      </table>
    </div>
  );
}

export function Cell({ title, isNumber, children }: Column & { children?: Child }) {
  return <td role="cell" data-title={title} class={isNumber ? 'number' : ''}>{children}</td>;
}

/** Instead of an empty table. `count`: of all there are; undefined: not told yet. */
export function Empty({ count, shown, words }: { count: number | undefined; shown: number; words: string }) {
  if (shown > 0) return null;
  return <p class="empty">{count === undefined ? UNKNOWN : count === 0 ? words : `None of ${count} matches the filter; Esc shows all.`}</p>;
}
