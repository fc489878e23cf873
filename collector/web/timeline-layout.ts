/** Where everything of a day's timeline is drawn. Pure; in pixels from the upper left corner of the chart. */
import type { TimelineDocument } from '../../shared/timeline-document.ts';

export const ATTENTION_PX = 22;
export const AXIS_PX = 18;
export const MACHINE_PX = 22;
export const LANE_PX = 20;
const BAR_PX = 12;
const WAIT_PX = 6;
/** What is shorter can still be seen, and hit. */
const LEAST_PX = 2;
/** Time in which nothing happened on any machine is folded into so much, where it is longer than this. */
const FOLD_PX = 28;
const FOLD_MS = 45 * 60_000;
/** Left on both sides of a fold. */
const MARGIN_MS = 4 * 60_000;
const TICK_PX = 64;
/** Of a time of day. */
const LABEL_PX = 40;
const MINUTE = 60_000;
const STEPS = [5, 10, 15, 30, 60, 120, 180, 360].map((minutes) => minutes * MINUTE);
/** A page is no place for hundreds of lanes: the table has them all. */
export const MOST_LANES = 40;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Block extends Box {
  form: 'direct' | 'delegated' | 'waiting';
  fromMs: number;
  toMs: number;
}

export interface Lane {
  /** Undefined: it was no session. */
  session: string | undefined;
  title: string | null;
  project: string | null;
  machine: string | null;
  y: number;
  blocks: Block[];
}

export interface Layout {
  width: number;
  height: number;
  folds: (Box & { ms: number })[];
  ticks: { x: number; atMs: number }[];
  /** One for each thing that had attention, all at the same height. */
  attention: Lane[];
  machines: { machine: string | null; y: number }[];
  lanes: Lane[];
  hatches: (Box & { reason: string; fromMs: number; toMs: number })[];
  /** Sessions that are only in the table. */
  hidden: number;
}

interface Span {
  fromMs: number;
  toMs: number;
}

interface Piece extends Span {
  x: number;
  width: number;
  isFold: boolean;
}

const spanOf = ({ from, to }: { from: string; to: string }): Span => ({ fromMs: Date.parse(from), toMs: Date.parse(to) });

export function layoutOf(document: TimelineDocument, width: number, isFolded: boolean): Layout {
  const day = spanOf(document);
  const shown = { fromMs: day.fromMs, toMs: Math.max(day.fromMs + MINUTE, Math.min(day.toMs, Date.parse(document.as_of))) };
  const pieces = piecesOf(isFolded ? idleOf(document, shown) : [], shown, width);
  const xOf = (ms: number): number => placeOf(ms, pieces);
  const blockOf = (form: Block['form'], span: { from: string; to: string }, y: number): Block => {
    const { fromMs, toMs } = spanOf(span);
    const [left, right] = [xOf(fromMs), xOf(toMs)];
    const height = form === 'waiting' ? WAIT_PX : BAR_PX;
    return { form, fromMs, toMs, x: left, width: Math.max(LEAST_PX, right - left), y: y + (LANE_PX - height) / 2, height };
  };
  const attention = document.attention.map((each): Lane => ({
    session: each.session ?? undefined, title: each.title, project: each.project, machine: each.machine, y: 0, blocks: [blockOf('direct', each, (ATTENTION_PX - LANE_PX) / 2)],
  }));
  const layout: Layout = { width, height: ATTENTION_PX + AXIS_PX, folds: [], ticks: ticksOf(pieces, day.fromMs), attention, machines: [], lanes: [], hatches: [], hidden: 0 };
  for (const { machine, sessions, not_captured: missing } of document.machines) {
    const top = layout.height;
    layout.machines.push({ machine, y: top });
    layout.height += MACHINE_PX;
    for (const { blocks, session, title, project } of sessions) {
      if (layout.lanes.length >= MOST_LANES) {
        layout.hidden += 1;
        continue;
      }
      const y = layout.height;
      layout.lanes.push({ session, title, project, machine, y, blocks: blocks.map((block) => blockOf(block.form, block, y)) });
      layout.height += LANE_PX;
    }
    for (const hole of missing) {
      const { fromMs, toMs } = spanOf(hole);
      const [left, right] = [xOf(fromMs), xOf(toMs)];
      layout.hatches.push({ reason: hole.reason, fromMs, toMs, x: left, width: Math.max(LEAST_PX, right - left), y: top, height: layout.height - top });
    }
  }
  layout.folds = pieces.filter(({ isFold }) => isFold).map(({ x, width: wide, fromMs, toMs }) => ({ x, width: wide, y: 0, height: layout.height, ms: toMs - fromMs }));
  return layout;
}

/** Long spans within `shown` in which nothing is drawn but what was not captured. */
function idleOf(document: TimelineDocument, shown: Span): Span[] {
  const busy = [...document.attention, ...document.machines.flatMap(({ sessions }) => sessions.flatMap(({ blocks }) => blocks))]
    .map(spanOf).sort((a, b) => a.fromMs - b.fromMs);
  const idle: Span[] = [];
  let end = shown.fromMs;
  let margin = 0;
  for (const { fromMs, toMs } of [...busy, { fromMs: shown.toMs + MARGIN_MS, toMs: shown.toMs }]) {
    if (fromMs - end > FOLD_MS) idle.push({ fromMs: end + margin, toMs: Math.min(shown.toMs, fromMs - MARGIN_MS) });
    if (toMs > end) end = toMs;
    margin = MARGIN_MS;
  }
  // A day without anything is shown as it is.
  return busy.length === 0 ? [] : idle;
}

function piecesOf(folds: readonly Span[], shown: Span, width: number): Piece[] {
  const spans: (Span & { isFold: boolean })[] = [];
  let from = shown.fromMs;
  for (const fold of folds) {
    if (fold.fromMs > from) spans.push({ fromMs: from, toMs: fold.fromMs, isFold: false });
    spans.push({ ...fold, isFold: true });
    from = fold.toMs;
  }
  if (shown.toMs > from) spans.push({ fromMs: from, toMs: shown.toMs, isFold: false });
  const open = spans.filter(({ isFold }) => !isFold).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const perMs = Math.max(0, width - folds.length * FOLD_PX) / Math.max(1, open);
  let x = 0;
  return spans.map((span) => {
    const wide = span.isFold ? FOLD_PX : (span.toMs - span.fromMs) * perMs;
    const piece = { ...span, x, width: wide };
    x += wide;
    return piece;
  });
}

function placeOf(ms: number, pieces: readonly Piece[]): number {
  const piece = pieces.find(({ toMs }) => ms < toMs) ?? pieces.at(-1);
  if (!piece) return 0;
  const share = (Math.min(Math.max(ms, piece.fromMs), piece.toMs) - piece.fromMs) / (piece.toMs - piece.fromMs);
  return piece.x + share * piece.width;
}

/** Round times, far enough from each other to be read; none in a fold. */
function ticksOf(pieces: readonly Piece[], dayFromMs: number): { x: number; atMs: number }[] {
  const open = pieces.filter(({ isFold }) => !isFold);
  const [first] = open;
  if (!first || first.width === 0) return [];
  const perMs = Math.max(...open.map(({ width, fromMs, toMs }) => width / (toMs - fromMs)));
  const step = STEPS.find((each) => each * perMs >= TICK_PX) ?? STEPS.at(-1) ?? MINUTE;
  const ticks: { x: number; atMs: number }[] = [];
  for (const piece of open) {
    for (let at = dayFromMs + Math.ceil((piece.fromMs - dayFromMs) / step) * step; at < piece.toMs; at += step) {
      const x = placeOf(at, pieces);
      const hasRoom = x - (ticks.at(-1)?.x ?? -Infinity) >= LABEL_PX && (piece === pieces.at(-1) || piece.x + piece.width - x >= LABEL_PX);
      if (hasRoom) ticks.push({ x, atMs: at });
    }
  }
  return ticks;
}
