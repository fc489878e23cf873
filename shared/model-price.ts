/** What a model costs, in USD per million tokens: in the price table and in the configuration. */
import * as z from 'zod';

const price = z.number().min(0);

const rates = {
  input: price,
  output: price,
  /** Left out: 1.25 times the input. */
  cache_write_5m: price.optional(),
  /** Left out: twice the input. */
  cache_write_1h: price.optional(),
  /** Left out: a tenth of the input. */
  cache_read: price.optional(),
};

export const modelPriceSchema = z.strictObject({
  ...rates,
  /** For what a response uses above 200,000 tokens, each kind of token by itself. Left out: the same. */
  above_200k: z.strictObject(rates).optional(),
  /** What fast mode multiplies everything by. Left out: 1. */
  fast: price.optional(),
});
export type ModelPrice = z.infer<typeof modelPriceSchema>;
