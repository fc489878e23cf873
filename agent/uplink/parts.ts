/**
 * A slice that is too large for one batch. One line can give any number of
 * events, and a range can not be cut inside a line; so the first parts carry
 * events over an empty range, and only the last one carries the range itself.
 * The receipt goes with the last part: the checkpoint can not move without it.
 */
import type { LineageEdge, SessionState } from '../../shared/event.ts';
import type { BatchFile, WireLimits } from '../../shared/protocol/frames.ts';
import type { Slice, SliceReceipt } from '../feed.ts';

export interface Part {
  file: BatchFile;
  printed: readonly string[];
  states: readonly SessionState[];
  edges: readonly LineageEdge[];
  entries?: readonly string[];
  receipt?: SliceReceipt;
  /** Estimate from above of what it adds to a frame. */
  bytes: number;
}

/** Numbers, hashes, keys and punctuation of one entry of `files`. */
const FILE_BYTES = 260;
const EDGE_BYTES = 180;
const ENTRY_BYTES = 40;

type Item =
  | { kind: 'event'; value: string; bytes: number }
  | { kind: 'state'; value: SessionState; bytes: number }
  | { kind: 'edge'; value: LineageEdge; bytes: number }
  | { kind: 'entry'; value: string; bytes: number };

/** At least one part. Only the last has a receipt. */
export function toParts(slice: Slice, limits: Pick<WireLimits, 'batchBytes' | 'batchEvents'>): Part[] {
  const whole = wholePart(slice);
  if (whole.bytes <= limits.batchBytes && whole.printed.length <= limits.batchEvents) return [whole];
  const head = fileBytes(slice.file);
  const groups: Item[][] = [[]];
  let bytes = head;
  for (const item of itemsOf(slice)) {
    const group = groups.at(-1) ?? [];
    if (group.length > 0 && (bytes + item.bytes > limits.batchBytes || group.length >= limits.batchEvents)) {
      groups.push([item]);
      bytes = head + item.bytes;
    } else {
      group.push(item);
      bytes += item.bytes;
    }
  }
  return groups.map((group, index) => toPart(slice, group, index === groups.length - 1));
}

function wholePart(slice: Slice): Part {
  const { file, printed, printedBytes, states, edges, entries, receipt } = slice;
  const stateBytes = states.reduce((sum, state) => sum + Buffer.byteLength(JSON.stringify(state)) + 1, 0);
  const rest = edges.length * EDGE_BYTES + (entries?.length ?? 0) * ENTRY_BYTES;
  const bytes = fileBytes(file) + printedBytes + printed.length + stateBytes + rest;
  return { file, printed, states, edges, ...(entries === undefined ? {} : { entries }), receipt, bytes };
}

function fileBytes(file: BatchFile): number {
  return FILE_BYTES + Buffer.byteLength(JSON.stringify(file.path));
}

function itemsOf({ printed, states, edges, entries }: Slice): Item[] {
  return [
    ...printed.map((value): Item => ({ kind: 'event', value, bytes: Buffer.byteLength(value) + 1 })),
    ...states.map((value): Item => ({ kind: 'state', value, bytes: Buffer.byteLength(JSON.stringify(value)) + 1 })),
    ...edges.map((value): Item => ({ kind: 'edge', value, bytes: EDGE_BYTES })),
    ...(entries ?? []).map((value): Item => ({ kind: 'entry', value, bytes: ENTRY_BYTES })),
  ];
}

function toPart(slice: Slice, items: readonly Item[], isLast: boolean): Part {
  const printed = items.flatMap((item) => (item.kind === 'event' ? [item.value] : []));
  const entries = items.flatMap((item) => (item.kind === 'entry' ? [item.value] : []));
  const { file } = slice;
  const range = isLast ? {} : { to: file.from, tail: file.prev };
  return {
    file: { ...file, ...range, events: printed.length },
    printed,
    states: items.flatMap((item) => (item.kind === 'state' ? [item.value] : [])),
    edges: items.flatMap((item) => (item.kind === 'edge' ? [item.value] : [])),
    ...(slice.entries === undefined ? {} : { entries }),
    ...(isLast ? { receipt: slice.receipt } : {}),
    bytes: fileBytes(file) + items.reduce((sum, item) => sum + item.bytes, 0),
  };
}
