/** Direct time of a period, out of the signs of attention (`attention_row`). */
import { ATTENTION_WINDOW_MS, directIntervals, type AttentionSign, type DirectInterval } from '../time/attention.ts';
import type { PlacedFact } from './assignments.ts';
import type { Database } from './database.ts';
import { openTimePages } from './time-pages.ts';

/** `row` is that of the event. */
export interface StoredSign extends AttentionSign, PlacedFact {
  at: number;
}

/** Signs closer than this to the one before may be a repeat of it: what follows is not read from there. */
const CLEAR_MS = 500;
/** Of signs of the same millisecond: who is shown first, what is done there next, that nobody is there last. */
const RANKS = { window: 0, tab: 1, pane: 2, message: 3, scroll: 4, idle: 5 } as const;

type SignValues = [number, number, StoredSign['sign'], number, number, number, number | null, number, string | null];

function toSign([row, at, sign, machine, session, kind, cwd, fact, detail]: SignValues): StoredSign {
  return { row, at, sign, machine, session, kind, cwd, fact, detail };
}

const COLUMNS = 't.event, t.at, t.sign, t.machine, t.session, t.kind, t.cwd, t.fact, t.detail';
const AFTER_ROWS = 20;

/**
 * Every interval that overlaps the period, whole: the caller clips it, so that
 * parts of a period add up to it. In order of `fromMs`, but for scrolls.
 */
export function readDirectIntervals(reader: Database, { fromMs, toMs }: { fromMs: number; toMs: number }): Iterable<DirectInterval<StoredSign>> {
  const startMs = clearStart(reader, fromMs - ATTENTION_WINDOW_MS);
  const signs = readSigns(reader, startMs, toMs);
  return directIntervals(signs, { tab: tabBefore(reader, startMs) });
}

/** A time before `ms` from which what was focused earlier no longer matters, but for a tab. */
function clearStart(reader: Database, ms: number): number {
  const before = reader.prepare<[number], Pick<StoredSign, 'at' | 'sign'>>('SELECT at, sign FROM attention_row WHERE at < ? ORDER BY at DESC');
  let candidate: number | undefined;
  for (const { at, sign } of before.iterate(ms)) {
    if (candidate !== undefined && candidate - at >= CLEAR_MS) return candidate;
    candidate = sign === 'pane' || sign === 'message' ? at : undefined;
  }
  return candidate ?? -Infinity;
}

function tabBefore(reader: Database, ms: number): StoredSign | null {
  if (ms === -Infinity) return null;
  const tabs = reader.prepare<[number], SignValues>(`
    SELECT ${COLUMNS} FROM attention_row t
    WHERE t.sign = 'tab' AND t.at = (SELECT max(at) FROM attention_row WHERE sign = 'tab' AND at < ?)`).raw().all(ms);
  return inOrder(reader, tabs.map(toSign)).at(-1) ?? null;
}

/** From `startMs` to the first sign at or after `toMs` that is no scroll: it may say that nobody was there before. */
function* readSigns(reader: Database, startMs: number, toMs: number): Generator<StoredSign> {
  const pages = openTimePages<SignValues>(reader, { table: 'attention_row', at: 'at', columns: COLUMNS });
  for (const page of pages({ fromMs: startMs, toMs })) yield* inOrder(reader, page.map(toSign));
  // Few at a time: the one that is looked for is near.
  const after = openTimePages<SignValues>(reader, { table: 'attention_row', at: 'at', columns: COLUMNS }, AFTER_ROWS);
  for (const page of after({ fromMs: toMs, toMs: Infinity })) {
    for (const sign of inOrder(reader, page.map(toSign))) {
      yield sign;
      if (sign.sign !== 'scroll') return;
    }
  }
}

/** By time; signs of one millisecond by what they say, never by the order of arrival. */
function inOrder(reader: Database, signs: StoredSign[]): StoredSign[] {
  signs.sort((a, b) => a.at - b.at);
  let compare: ((a: StoredSign, b: StoredSign) => number) | undefined;
  for (let from = 0; from < signs.length;) {
    let to = from + 1;
    while (to < signs.length && signs[to]?.at === signs[from]?.at) to += 1;
    if (to - from > 1) {
      compare ??= openTieOrder(reader);
      signs.splice(from, to - from, ...signs.slice(from, to).sort(compare));
    }
    from = to;
  }
  return signs;
}

function openTieOrder(reader: Database): (a: StoredSign, b: StoredSign) => number {
  const machineOf = reader.prepare<[number], string | null>('SELECT machine_id FROM machine_key WHERE machine = ?').pluck();
  const textOf = reader.prepare<[number], string>(`
    SELECT json_array(k.source, e.discriminator, s.session_id) FROM event_row e
    JOIN kind_key k ON k.kind = e.kind JOIN session_key s ON s.session = e.session WHERE e.row = ?`).pluck();
  const machines = new Map<number, string>();
  const machineId = (machine: number): string => {
    const known = machines.get(machine) ?? machineOf.get(machine) ?? '';
    machines.set(machine, known);
    return known;
  };
  return (a, b) => {
    if (a.sign !== b.sign) return RANKS[a.sign] - RANKS[b.sign];
    if (a.machine !== b.machine) return machineId(a.machine) < machineId(b.machine) ? -1 : 1;
    return (textOf.get(a.row) ?? '') < (textOf.get(b.row) ?? '') ? -1 : 1;
  };
}
