/** Direct time of a period, out of the signs of attention (`attention_row`). */
import { ATTENTION_WINDOW_MS, directIntervals, type AttentionSign, type DirectInterval } from '../time/attention.ts';
import type { PlacedFact } from './assignments.ts';
import type { Database } from './database.ts';

/** `row` is that of the event. */
export interface StoredSign extends AttentionSign, PlacedFact {
  at: number;
}

/** Signs closer than this to the one before may be a repeat of it: what follows is not read from there. */
const CLEAR_MS = 500;
const PAGE_MS = 7 * 86_400_000;
/** Of signs of the same millisecond: who is shown first, what is done there next, that nobody is there last. */
const RANKS = { window: 0, tab: 1, pane: 2, message: 3, scroll: 4, idle: 5 } as const;

const COLUMNS = 'event AS row, at, sign, machine, session, kind, cwd, fact, detail';

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
  const tabs = reader.prepare<[number], StoredSign>(`
    SELECT ${COLUMNS} FROM attention_row
    WHERE sign = 'tab' AND at = (SELECT max(at) FROM attention_row WHERE sign = 'tab' AND at < ?)`).all(ms);
  return inOrder(reader, tabs).at(-1) ?? null;
}

/** From `startMs` to the first sign at or after `toMs` that is no scroll: it may say that nobody was there before. */
function* readSigns(reader: Database, startMs: number, toMs: number): Generator<StoredSign> {
  const next = reader.prepare<[number], number | null>('SELECT min(at) FROM attention_row WHERE at >= ?').pluck();
  const page = reader.prepare<[number, number], StoredSign>(`SELECT ${COLUMNS} FROM attention_row WHERE at >= ? AND at < ? ORDER BY at`);
  for (let from = startMs === -Infinity ? Number.MIN_SAFE_INTEGER : startMs; ;) {
    const found = next.get(from) as number | null; // the column is an integer
    if (found === null) return;
    const until = found + PAGE_MS;
    for (const sign of inOrder(reader, page.all(found, until))) {
      yield sign;
      if (sign.at >= toMs && sign.sign !== 'scroll') return;
    }
    from = until;
  }
}

/** Signs of one millisecond by what they say, never by the order of arrival. `signs` are in order of `at`. */
function inOrder(reader: Database, signs: StoredSign[]): StoredSign[] {
  const hasTies = signs.some((sign, index) => sign.at === signs[index + 1]?.at);
  if (!hasTies) return signs;
  const textOf = reader.prepare<[number], string>(`
    SELECT json_array(m.machine_id, k.source, e.discriminator, s.session_id) FROM event_row e
    JOIN machine_key m ON m.machine = e.machine JOIN kind_key k ON k.kind = e.kind JOIN session_key s ON s.session = e.session
    WHERE e.row = ?`).pluck();
  const texts = new Map<number, string>();
  const text = ({ row }: StoredSign): string => {
    const known = texts.get(row) ?? String(textOf.get(row));
    texts.set(row, known);
    return known;
  };
  return signs.sort((a, b) => a.at - b.at || RANKS[a.sign] - RANKS[b.sign] || (text(a) < text(b) ? -1 : 1));
}
