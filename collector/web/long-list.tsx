/** A list of any length, of which only what is near the window is drawn; above and below it is room of the height of the rest. */
import { memo, useEffect, useLayoutEffect, useRef, useState, type Child } from 'hono/jsx/dom';
import { toPlainText } from '../../shared/plain-text.ts';
import type { Rows } from './paged-answer.ts';

export interface LongListProps<R> {
  /** Rows of the list, known or not. Their numbers begin at 1. */
  count: number;
  rows: Rows<R>;
  /** Rows are asked for and drawn by so many: chunk 0 holds the rows 1 to `chunkRows`. */
  chunkRows: number;
  /** Of a row, until one was seen. */
  rowPx: number;
  isNewestFirst?: true;
  /** Where to begin: the row of a number, or the end, where it stays while rows are added. */
  beginAt?: number | 'end' | undefined;
  /** Why rows that it wanted are not here. */
  problem: string | undefined;
  want(chunk: number): void;
  rowOf(number: number, row: R): Child;
}

/** Drawn before it comes into the window. */
const NEAR_PX = 2500;
/** So near to its end somebody reads what comes. */
const END_PX = 60;

/** Places of chunks from top to bottom; half-open. */
interface Range {
  from: number;
  to: number;
}

export function LongList<R>({ count, rows, chunkRows, rowPx, isNewestFirst, beginAt, problem, want, rowOf }: LongListProps<R>) {
  const list = useRef<HTMLDivElement>(null);
  const chunks = Math.ceil(count / chunkRows);
  const heights = useRef<Heights | null>(null);
  heights.current ??= createHeights(chunkRows, rowPx);
  const { of: heightOf, measure } = heights.current;
  const chunkAt = (place: number): number => (isNewestFirst ? chunks - 1 - place : place);
  const rowsOf = (chunk: number): number => Math.min(chunkRows, count - chunk * chunkRows);
  const roomOf = (from: number, to: number): number => Array.from({ length: Math.max(0, to - from) }, (_, at) => chunkAt(from + at)).reduce((sum, chunk) => sum + heightOf(chunk, rowsOf(chunk)), 0);

  const [range, setRange] = useState<Range>({ from: 0, to: 1 });
  const begin = useRef<LongListProps<R>['beginAt'] | null>(null);
  const wasAtEnd = useRef(false);
  const look = (): void => {
    const element = list.current;
    if (!element) return;
    measure(element);
    wasAtEnd.current = window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - END_PX;
    const next = typeof begin.current === 'number' ? around(Math.floor((begin.current - 1) / chunkRows), chunks)
      : begin.current === 'end' ? around(chunks - 1, chunks)
        : nearWindow(element.getBoundingClientRect().top, chunks, (place) => heightOf(chunkAt(place), rowsOf(chunkAt(place))));
    setRange((before) => (before.from === next.from && before.to === next.to ? before : next));
  };
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => {
    const moved = (): void => latest.current?.();
    window.addEventListener('scroll', moved, { passive: true });
    window.addEventListener('resize', moved);
    return () => {
      window.removeEventListener('scroll', moved);
      window.removeEventListener('resize', moved);
    };
  }, []);
  useLayoutEffect(() => void (begin.current = beginAt ?? null), [beginAt]);
  useLayoutEffect(() => {
    if (begin.current === null && beginAt === 'end' && wasAtEnd.current) window.scrollTo(0, document.documentElement.scrollHeight);
    if (begin.current !== null && begin.current !== undefined && list.current && hasBegun(list.current, begin.current, count)) begin.current = null;
    look();
  }, [count, rows, range.from, range.to, beginAt]);

  const { from, to } = { from: Math.min(range.from, chunks), to: Math.min(range.to, chunks) };
  const drawn = Array.from({ length: to - from }, (_, at) => chunkAt(from + at));
  const missing = drawn.filter((chunk) => numbersOf(chunk, rowsOf(chunk), chunkRows).some((number) => !rows.has(number)));
  // Also where some of a chunk came, and more was added to it meanwhile.
  useEffect(() => missing.forEach(want), [missing.join(' '), rows]);
  return (
    <div ref={list} class="long-list">
      <div key="above" class="row-room" style={{ height: `${roomOf(0, from)}px` }} />
      {drawn.map((chunk) => {
        const numbers = numbersOf(chunk, rowsOf(chunk), chunkRows);
        const known = numbers.flatMap((number) => rows.get(number) ?? []);
        if (known.length < numbers.length) return <div key={`c${chunk}`} class="row-room" style={{ height: `${heightOf(chunk, numbers.length)}px` }}>{problem !== undefined && <p class="problem">{toPlainText(problem)}</p>}</div>;
        return <Chunk key={`c${chunk}`} chunk={chunk} first={numbers[0] ?? 1} rows={known} isNewestFirst={isNewestFirst === true} draw={() => known.map((row, at) => rowOf((numbers[0] ?? 1) + at, row))} />;
      })}
      <div key="below" class="row-room" style={{ height: `${roomOf(to, chunks)}px` }} />
    </div>
  );
}

interface Heights {
  /** As high as it was drawn, or as so many rows are. */
  of(chunk: number, rows: number): number;
  /** Keeps how high the chunks are that are drawn. */
  measure(list: Element): void;
}

function createHeights(chunkRows: number, rowPx: number): Heights {
  const known = new Map<number, { height: number; rows: number }>();
  return {
    of(chunk, rows) {
      const own = known.get(chunk);
      if (own) return (own.height / own.rows) * rows;
      const all = [...known.values()];
      return rows * (all.length === 0 ? rowPx : all.reduce((sum, { height, rows: each }) => sum + height / each, 0) / all.length);
    },
    measure(list) {
      for (const element of list.children) {
        const [chunk, rows] = [element.getAttribute('data-chunk'), element.querySelectorAll('li[data-row]').length];
        if (chunk !== null && rows > 0) known.set(Number(chunk), { height: element.getBoundingClientRect().height, rows: Math.min(rows, chunkRows) });
      }
    },
  };
}

/** Shown where it was asked to begin? Then that has the focus. */
function hasBegun(list: Element, begin: number | 'end', count: number): boolean {
  const element = list.querySelector<HTMLElement>(`[data-number="${begin === 'end' ? count : begin}"]`);
  if (!element) return false;
  if (begin === 'end') window.scrollTo(0, document.documentElement.scrollHeight);
  else {
    element.scrollIntoView({ block: 'center' });
    element.focus({ preventScroll: true });
  }
  return true;
}

function around(place: number, chunks: number): Range {
  return { from: Math.max(0, place - 1), to: Math.min(chunks, place + 2) };
}

function nearWindow(top: number, chunks: number, heightAt: (place: number) => number): Range {
  const range = { from: 0, to: 0 };
  for (let [place, y] = [0, top]; place < chunks; place += 1) {
    y += heightAt(place);
    if (y < -NEAR_PX) range.from = place + 1;
    range.to = place + 1;
    if (y > window.innerHeight + NEAR_PX) break;
  }
  return range.from < range.to ? range : { from: Math.max(0, chunks - 1), to: chunks };
}

function numbersOf(chunk: number, rows: number, chunkRows: number): number[] {
  return Array.from({ length: rows }, (_, at) => chunk * chunkRows + 1 + at);
}

interface ChunkProps {
  chunk: number;
  /** Number of the first of `rows`. */
  first: number;
  /** Drawn anew when one of these is another. */
  rows: readonly unknown[];
  isNewestFirst: boolean;
  draw(): Child[];
}

const Chunk = memo(function ListChunk({ chunk, first, rows, isNewestFirst, draw }: ChunkProps) {
  const items = draw();
  return (
    <div class="row-chunk" data-chunk={String(chunk)}>
      {isNewestFirst ? <ol class="rows" reversed start={first + rows.length - 1}>{items.toReversed()}</ol> : <ol class="rows" start={first}>{items}</ol>}
    </div>
  );
}, (before, after) => before.first === after.first && before.rows.length === after.rows.length && before.rows.every((row, at) => row === after.rows[at]));
