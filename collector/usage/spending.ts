/** Tokens and what they cost, added up. Pure. */
import type { Spent } from '../../shared/session-documents.ts';
import type { Prices, Rates } from './prices.ts';

export interface TokenKinds {
  input: number;
  output: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  cacheRead: number;
}

/** Responses of one model in one mode. */
export interface SpentTokens {
  model: string | null;
  isFast: boolean;
  responses: number;
  lowerBounds: number;
  tokens: TokenKinds;
  /** The part of `tokens` above 200,000 of a kind in one response. */
  above: TokenKinds;
}

export interface Spending {
  add(spent: SpentTokens): void;
  total(): Spent;
}

const KINDS = ['input', 'output', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'] as const satisfies readonly (keyof TokenKinds & keyof Rates)[];
const PER = 1_000_000;
/** Sums of binary fractions are not decimal: nobody pays a billionth of a dollar. */
const COST_DIGITS = 9;

/** USD; undefined where the model has no price. */
export function costOf({ model, isFast, tokens, above }: SpentTokens, prices: Pick<Prices, 'of'>): number | undefined {
  const price = prices.of(model);
  if (price === undefined) return undefined;
  const sum = KINDS.reduce((total, kind) => total + (tokens[kind] - above[kind]) * price.rates[kind] + above[kind] * price.above[kind], 0);
  return (sum / PER) * (isFast ? price.fast : 1);
}

export function createSpending(prices: Pick<Prices, 'of'>): Spending {
  const total = { responses: 0, unpriced: 0, lowerBounds: 0, input: 0, output: 0, cacheCreation: 0, cacheRead: 0, cost: 0 };
  return {
    add(spent) {
      const { tokens } = spent;
      const cost = costOf(spent, prices);
      total.responses += spent.responses;
      total.lowerBounds += spent.lowerBounds;
      total.input += tokens.input;
      total.output += tokens.output;
      total.cacheCreation += tokens.cacheWrite5m + tokens.cacheWrite1h;
      total.cacheRead += tokens.cacheRead;
      if (cost === undefined) total.unpriced += spent.responses;
      else total.cost += cost;
    },
    total() {
      const { responses, unpriced, lowerBounds, input, output, cacheCreation, cacheRead, cost } = total;
      return {
        responses,
        tokens: { input, output, cache_creation: cacheCreation, cache_read: cacheRead, total: input + output + cacheCreation + cacheRead },
        cost_usd: responses > 0 && unpriced === responses ? null : Number(cost.toFixed(COST_DIGITS)),
        unpriced_responses: unpriced,
        lower_bound_responses: lowerBounds,
      };
    },
  };
}
