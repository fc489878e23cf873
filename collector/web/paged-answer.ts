/** A long list of the API, by number: its newest rows asked for anew while they change, the others only when they are looked at. */
import { useRef, useState } from 'hono/jsx/dom';
import { askFor, isTimeOut, reasonOf, useAnswer, useLeft } from './answer.ts';
import { retryPause } from './asking.ts';

export interface Page<R> {
  rows: readonly R[];
  /** Number of the first, from 1. */
  first: number;
  /** Of the whole list. */
  count: number;
}

export interface Paged<D, R> {
  /** Answers the newest page. */
  newest: string;
  /** Answers so many rows, the last of those before the row of this number. */
  before(number: number, rows: number): string;
  /** Rows are asked for and drawn by so many. */
  chunkRows: number;
  pageOf(document: D): Page<R>;
  /** The same for a row that has only changed. */
  keyOf(row: R): string;
}

export type Rows<R> = ReadonlyMap<number, R>;

export interface PagedAnswer<D, R> {
  /** What came with the newest page. */
  document: D | undefined;
  /** By number, from 1: as many as are known. */
  rows: Rows<R>;
  count: number;
  /** Why it can not be shown, and the collector's code for it. */
  error: string | undefined;
  code: string | undefined;
  /** Why rows that are looked at could not be told last. */
  problem: string | undefined;
  /** Rows of this chunk are looked at: number 0 holds the rows 1 to `chunkRows`. */
  want(chunk: number): void;
}

/** At most so often. */
const LEAST_MS = 1000;
/** Known at once, beside the newest: who has scrolled through ten thousand does not keep them. */
const KEPT_ROWS = 2000;

/** `stamp`: another one when something may have changed. */
export function usePages<D, R>({ newest, before, chunkRows, pageOf, keyOf }: Paged<D, R>, stamp: string): PagedAnswer<D, R> {
  const { document, error, code } = useAnswer<D>(newest, stamp, LEAST_MS);
  const known = useRef<Known<D, R>>({ address: '', newest: undefined, rows: new Map(), count: 0, asking: new Set(), problem: undefined, timeOuts: 0 });
  const [, setDrawn] = useState(0);
  const state = known.current;
  if (state && document && state.newest !== document) {
    const page = pageOf(document);
    const rows = mergePage(state.address === newest ? state.rows : new Map<number, R>(), page, keyOf);
    Object.assign(state, { address: newest, newest: document, rows, count: page.count, ...(state.address !== newest && { asking: new Set(), problem: undefined }) });
  }
  const left = useLeft();
  const want = (chunk: number): void => {
    if (!state || left.aborted || state.asking.has(chunk)) return;
    const { address, asking, count } = state;
    // The last chunk is not full: what is asked for begins where the chunk begins.
    const rows = Math.min(chunkRows, count - chunk * chunkRows);
    const from = chunk * chunkRows + 1;
    if (!Array.from({ length: rows }, (_, at) => from + at).some((number) => !state.rows.has(number))) return;
    asking.add(chunk);
    const draw = (change: Partial<Known<D, R>>): void => {
      if (state.address !== address || left.aborted) return;
      Object.assign(state, change);
      setDrawn((times) => times + 1);
    };
    askFor<D>(before(from + rows, rows), { signal: left }).then((answer) => {
      asking.delete(chunk);
      state.timeOuts = 0;
      draw({ rows: mergePage(nearTo(chunk * chunkRows, state.rows), pageOf(answer), keyOf), problem: undefined });
    }).catch((error: unknown) => {
      const { error: problem, isPassing } = reasonOf(error);
      draw({ problem });
      state.timeOuts = isTimeOut(error) ? state.timeOuts + 1 : 0;
      // The list wants what it misses when it gets other rows: these are the same, in another map.
      setTimeout(() => {
        asking.delete(chunk);
        if (isPassing) draw({ rows: new Map(state.rows) });
      }, retryPause(state.timeOuts));
    });
  };
  return { document, rows: document && state ? state.rows : new Map(), count: document && state ? state.count : 0, error, code, problem: state?.problem, want };
}

interface Known<D, R> {
  address: string;
  newest: D | undefined;
  rows: Rows<R>;
  count: number;
  /** Chunks that are asked for, or rest after they failed. */
  asking: Set<number>;
  problem: string | undefined;
  /** So often in a row no rows came in time. */
  timeOuts: number;
}

/** What is far from what was asked for goes, where much is known. */
function nearTo<R>(place: number, rows: Rows<R>): Rows<R> {
  return rows.size < KEPT_ROWS ? rows : new Map([...rows].filter(([number]) => Math.abs(number - place) < KEPT_ROWS / 4));
}

/**
 * What was known, with these. A row that did not change stays the same object:
 * it need not be drawn again, nor the list where none did. Where rows have other numbers than before, because
 * one arrived late between them, nothing that was known holds.
 */
export function mergePage<R>(known: Rows<R>, { rows, first }: Pick<Page<R>, 'rows' | 'first'>, keyOf: (row: R) => string): Rows<R> {
  const isShifted = rows.some((row, at) => {
    const before = known.get(first + at);
    return before !== undefined && keyOf(before) !== keyOf(row);
  });
  const held = isShifted ? new Map<number, R>() : known;
  const changed = rows.flatMap((row, at) => (JSON.stringify(held.get(first + at)) === JSON.stringify(row) ? [] : [[first + at, row] as const]));
  return changed.length === 0 && !isShifted ? known : new Map([...held, ...changed]);
}
