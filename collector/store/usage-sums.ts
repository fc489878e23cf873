/**
 * Tokens of a period, added up by model and by whatever is asked. Added up here,
 * not by SQLite: to group, it sorts every row with all its counts first, which
 * takes longer than reading them.
 */
import { remembered } from '../remembered.ts';
import { openStreamLookup } from './assignments.ts';
import type { Database } from './database.ts';
import { openTimePages, type TimeRange } from './time-pages.ts';

export interface TokenCounts {
  input: number;
  output: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  cacheRead: number;
}

export interface UsageSums {
  /** What the sums are by; null: there is none. */
  key: string | null;
  /** Of a session: its machine. */
  machineId: string | null;
  model: string | null;
  isFast: boolean;
  responses: number;
  lowerBounds: number;
  tokens: TokenCounts;
  /** The part above 200,000 of a kind in one response. */
  above: TokenCounts;
}

export type UsageKey = 'machine' | 'project' | 'model' | 'session' | 'stream';

/** Epoch ms, half-open. */
export type UsagePeriod = TimeRange;

export interface UsageSummer {
  by(group: UsageKey, period: UsagePeriod): UsageSums[];
  /** By what `keyOf` calls the time of a response, epoch ms. */
  byTime(period: UsagePeriod, keyOf: (atMs: number) => string): UsageSums[];
}

/** A part of the prices holds from here on, kind by kind and response by response. */
export const TIER_TOKENS = 200_000;

type Place = Pick<UsageSums, 'key' | 'machineId'>;
/** A column of `usage_row` that tells the group, and the group, as the same object every time. */
interface Group {
  column: string;
  placeOf(value: number): Place;
}
type Columns = [
  value: number[], input: number[], output: number[], creation: number[], creation1h: (number | null)[], read: number[], placeholder: number[],
  model: (string | null)[], speed: (string | null)[],
];
const COUNTS = ['input_tokens', 'output_tokens', 'cache_creation_tokens', 'cache_creation_1h', 'cache_read_tokens', 'placeholder', 'model', 'speed'];

export function openUsageSummer(database: Database): UsageSummer {
  const pagesBy = remembered((column: string) => openTimePages<Columns>(database, {
    table: 'usage_row', at: 'at', columns: [column, ...COUNTS].map((name) => `t.${name}`),
  }));
  // One snapshot, whatever is written meanwhile.
  const sum = database.transaction(({ column, placeOf }: Group, period: UsagePeriod): UsageSums[] => {
    const sums = new SumsByPlace();
    for (const page of pagesBy(column)(period)) sums.add(page, placeOf);
    return sums.all();
  });
  return {
    by: (group, period) => sum(GROUPS[group](database), period),
    byTime: (period, keyOf) => {
      const place = remembered((key: string): Place => ({ key, machineId: null }));
      return sum({ column: 'at', placeOf: (at) => place(keyOf(at)) }, period);
    },
  };
}

const GROUPS: Readonly<Record<UsageKey, (database: Database) => Group>> = {
  model() {
    const all: Place = { key: null, machineId: null };
    return { column: 'placeholder', placeOf: () => all };
  },
  machine(database) {
    const id = database.prepare<[number], string | null>('SELECT machine_id FROM machine_key WHERE machine = ?').pluck();
    return { column: 'machine', placeOf: remembered((machine) => ({ key: id.get(machine) ?? null, machineId: null })) };
  },
  session(database) {
    const find = database.prepare<[number], Place>(`
      SELECT k.session_id AS key, m.machine_id AS machineId FROM session_key k
      LEFT JOIN session_row r ON r.session = k.session AND r.agent_id = '' LEFT JOIN machine_key m ON m.machine = r.machine
      WHERE k.session = ?`);
    return { column: 'session', placeOf: remembered((session) => find.get(session) ?? { key: null, machineId: null }) };
  },
  project(database) {
    const path = database.prepare<[number], string>(`
      SELECT c.path FROM session_row r JOIN cwd_key c ON c.cwd = r.cwd WHERE r.session = ? AND r.agent_id = ''`).pluck();
    const place = remembered((key: string | null): Place => ({ key, machineId: null }));
    return { column: 'session', placeOf: remembered((session) => place(path.get(session) ?? null)) };
  },
  stream(database) {
    const streams = openStreamLookup(database);
    const name = database.prepare<[string], string>('SELECT coalesce(name, id) FROM streams WHERE id = ?').pluck();
    const place = remembered((id: string | null): Place => ({ key: id === null ? null : name.get(id) ?? null, machineId: null }));
    return { column: 'event', placeOf: (event) => place(streams.ofRow(event)) };
  },
};

class SumsByPlace {
  readonly #places = new Map<Place, Map<string | null, UsageSums[]>>();

  add([values, inputs, outputs, creations, hours, reads, placeholders, models, speeds]: Columns, placeOf: Group['placeOf']): void {
    for (let at = 0; at < values.length; at += 1) {
      const sums = this.#sumsOf(placeOf(values[at] ?? 0), models[at] ?? null, speeds[at] === 'fast');
      const hour = hours[at] ?? 0;
      addTo(sums, {
        input: inputs[at] ?? 0, output: outputs[at] ?? 0, cacheWrite5m: Math.max((creations[at] ?? 0) - hour, 0), cacheWrite1h: hour, cacheRead: reads[at] ?? 0,
      });
      sums.responses += 1;
      sums.lowerBounds += placeholders[at] ?? 0;
    }
  }

  all(): UsageSums[] {
    return [...this.#places.values()].flatMap((models) => [...models.values()].flat());
  }

  #sumsOf(place: Place, model: string | null, isFast: boolean): UsageSums {
    const models = this.#places.get(place) ?? new Map<string | null, UsageSums[]>();
    if (models.size === 0) this.#places.set(place, models);
    const ofModel = models.get(model) ?? [];
    if (ofModel.length === 0) models.set(model, ofModel);
    const known = ofModel.find((sums) => sums.isFast === isFast);
    if (known !== undefined) return known;
    const sums = { ...place, model, isFast, responses: 0, lowerBounds: 0, tokens: noTokens(), above: noTokens() };
    ofModel.push(sums);
    return sums;
  }
}

function noTokens(): TokenCounts {
  return { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
}

function addTo({ tokens, above }: UsageSums, { input, output, cacheWrite5m: write5m, cacheWrite1h: write1h, cacheRead: read }: TokenCounts): void {
  tokens.input += input;
  tokens.output += output;
  tokens.cacheWrite5m += write5m;
  tokens.cacheWrite1h += write1h;
  tokens.cacheRead += read;
  if (Math.max(input, output, write5m, write1h, read) <= TIER_TOKENS) return;
  above.input += Math.max(input - TIER_TOKENS, 0);
  above.output += Math.max(output - TIER_TOKENS, 0);
  above.cacheWrite5m += Math.max(write5m - TIER_TOKENS, 0);
  above.cacheWrite1h += Math.max(write1h - TIER_TOKENS, 0);
  above.cacheRead += Math.max(read - TIER_TOKENS, 0);
}
