/** Direct time of a period, out of the signs of attention (`attention_row`). */
import { ATTENTION_WINDOW_MS, directIntervals, type AttentionSign, type DirectInterval } from '../time/attention.ts';
import type { FactNeeds, PlacedFact } from './assignments.ts';
import type { Database } from './database.ts';
import { openTimePages, type TimeRange } from './time-pages.ts';

/** `row` is that of the event. */
export interface StoredSign extends AttentionSign, PlacedFact {
  at: number;
}

/** Signs closer than this to the one before may be a repeat of it: what follows is not read from there. */
const CLEAR_MS = 500;
/** Of signs of the same millisecond: who is shown first, what is done there next, that nobody is there last. */
const RANKS = { window: 0, tab: 1, pane: 2, message: 3, scroll: 4, idle: 5 } as const;

type Columns = [
  row: number[], at: number[], sign: number[], machine: number[], session: number[], cwd: (number | null)[], detail: (string | null)[],
  kind: number[], fact: number[],
];

/** Each begins with a letter of its own, which crosses as a number. */
const SIGNS = new Map((Object.keys(RANKS) as StoredSign['sign'][]).map((sign) => [sign.charCodeAt(0), sign])); // its own keys
const AFTER_ROWS = 20;

/**
 * Every interval that overlaps the period, whole: the caller clips it, so that
 * parts of a period add up to it. In order of `fromMs`, but for scrolls.
 */
export function readDirectIntervals(reader: Database, { fromMs, toMs }: TimeRange, needs: FactNeeds): Iterable<DirectInterval<StoredSign>[]> {
  const startMs = clearStart(reader, fromMs - ATTENTION_WINDOW_MS);
  const signs = openSigns(reader, needs);
  return directIntervals(readSigns(signs, startMs, toMs), { tab: tabBefore(reader, signs, startMs) });
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

function tabBefore(reader: Database, signs: SignReader, ms: number): StoredSign | null {
  if (ms === -Infinity) return null;
  const at = reader.prepare<[number], number | null>("SELECT max(at) FROM attention_row WHERE sign = 'tab' AND at < ?").pluck().get(ms) ?? null;
  if (at === null) return null;
  return [...signs({ fromMs: at, toMs: at + 1 })].flat().findLast(({ sign }) => sign === 'tab') ?? null;
}

/**
 * From `startMs` to the first sign at or after `toMs` that ends what went on before: it may say that nobody was there then.
 * No scroll does, nor does a tab that is not shown, nor what repeats a sign of just before.
 */
function* readSigns(signs: SignReader, startMs: number, toMs: number): Generator<StoredSign[]> {
  yield* signs({ fromMs: startMs, toMs });
  // Few at a time: the one that is looked for is near.
  for (const page of signs({ fromMs: toMs, toMs: Infinity }, AFTER_ROWS)) {
    const end = page.findIndex(({ sign, at }) => sign !== 'scroll' && sign !== 'tab' && at >= toMs + CLEAR_MS);
    yield end === -1 ? page : page.slice(0, end + 1);
    if (end !== -1) return;
  }
}

/** In order of time; signs of one millisecond by what they say, never by the order of arrival. */
type SignReader = (range: TimeRange, pageRows?: number) => Generator<StoredSign[]>;

function openSigns(reader: Database, needs: FactNeeds): SignReader {
  const compareTies = openTieOrder(reader);
  const isBefore = (a: StoredSign, b: StoredSign): boolean => a.at < b.at || (a.at === b.at && compareTies(a, b) < 0);
  const query = {
    table: 'attention_row', at: 'at',
    columns: ['t.event', 't.at', 'unicode(t.sign)', 't.machine', 't.session', 't.cwd', 't.detail', needs.kind ? 't.kind' : null, needs.fact ? 't.fact' : null],
  };
  return function* signs(range, pageRows) {
    for (const [rows, ats, letters, machines, sessions, cwds, details, kinds, facts] of openTimePages<Columns>(reader, query, pageRows)(range)) {
      yield putInOrder(rows.map((row, index): StoredSign => ({
        row, at: ats[index] ?? 0, sign: SIGNS.get(letters[index] ?? 0) ?? 'scroll', machine: machines[index] ?? 0, session: sessions[index] ?? 0,
        cwd: cwds[index] ?? null, kind: kinds[index] ?? 0, fact: facts[index] ?? 0, detail: details[index] ?? null,
      })), isBefore);
    }
  };
}

/** Nearly in order they come, as SQLite walks the table: so each is put in its place from the end. */
function putInOrder(signs: StoredSign[], isBefore: (a: StoredSign, b: StoredSign) => boolean): StoredSign[] {
  for (let index = 1; index < signs.length; index += 1) {
    const sign = signs[index];
    let place = index;
    for (let before = signs[place - 1]; sign && before && isBefore(sign, before); before = signs[place - 1]) signs[place--] = before;
    if (sign && place < index) signs[place] = sign;
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
