/**
 * What models cost. The table in prices.json says from when it is; prices of the
 * configuration go before it. A model that neither knows has no price: null, not zero.
 */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { modelPriceSchema, type ModelPrice } from '../../shared/model-price.ts';

const tableSchema = z.strictObject({
  as_of: z.string(),
  source: z.string(),
  models: z.record(z.string(), modelPriceSchema),
  aliases: z.record(z.string(), z.string()),
});

/** In USD per million tokens, none left out. */
export interface Rates {
  input: number;
  output: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  cacheRead: number;
}

export interface Price {
  rates: Rates;
  /** For tokens above 200,000 of a kind in one response. */
  above: Rates;
  fast: number;
}

export interface Prices {
  asOf: string;
  source: string;
  of(model: string | null): Price | undefined;
}

/** The marks of a snapshot, an alias or a longer context window change no price. */
const SUFFIX = /(?:[-@]\d{8})?(?:-latest)?(?:\[1m\])?$/;
const PREFIX = /^anthropic\//;

/** A log can call its model anything, `constructor` too: names are looked up in maps. */
const mapOf = <T>(record: Readonly<Record<string, T>>): ReadonlyMap<string, T> => new Map(Object.entries(record));

const table = tableSchema.parse(JSON.parse(readFileSync(new URL('./prices.json', import.meta.url), 'utf8')));

/** `overrides`: by the name of the model as the log has it, or without its date. */
export function openPrices(overrides: Readonly<Record<string, ModelPrice>> = {}): Prices {
  const known = new Map<string, Price | undefined>();
  const [given, listed, aliases] = [mapOf(overrides), mapOf(table.models), mapOf(table.aliases)];
  const find = (model: string): Price | undefined => {
    const plain = model.replace(PREFIX, '').replace(SUFFIX, '');
    const price = given.get(model) ?? given.get(plain) ?? listed.get(aliases.get(plain) ?? plain);
    return price && toPrice(price);
  };
  return {
    asOf: table.as_of,
    source: Object.keys(overrides).length === 0 ? table.source : `${table.source}; ${Object.keys(overrides).toSorted().join(', ')} from the configuration`,
    of(model) {
      if (model === null) return undefined;
      if (!known.has(model)) known.set(model, find(model));
      return known.get(model);
    },
  };
}

function toPrice({ above_200k: above, fast = 1, ...rates }: ModelPrice): Price {
  const base = toRates(rates);
  return { rates: base, above: above ? toRates(above) : base, fast };
}

/** The vendor's multiples of the input price, where a price is left out. */
function toRates({ input, output, cache_write_5m, cache_write_1h, cache_read }: Omit<ModelPrice, 'above_200k' | 'fast'>): Rates {
  return { input, output, cacheWrite5m: cache_write_5m ?? input * 1.25, cacheWrite1h: cache_write_1h ?? input * 2, cacheRead: cache_read ?? input / 10 };
}
