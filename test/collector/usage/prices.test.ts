import { describe, expect, it } from 'vitest';
import { openPrices } from '../../../collector/usage/prices.ts';
import { costOf, createSpending, type SpentTokens } from '../../../collector/usage/spending.ts';

const none = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
const spent = (model: string | null, tokens: Partial<SpentTokens['tokens']>, rest: Partial<SpentTokens> = {}): SpentTokens => ({
  model, isFast: false, responses: 1, lowerBounds: 0, tokens: { ...none, ...tokens }, above: none, ...rest,
});
const MILLION = 1_000_000;

describe('the price table', () => {
  it('says from when it is, and where it comes from', () => {
    const prices = openPrices();
    expect(prices.asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(prices.source).toContain('price list');
  });

  it.each([
    'claude-opus-4-5', 'claude-opus-4-5-20251101', 'claude-opus-4-5@20251101', 'claude-opus-4-5-latest', 'claude-opus-4-5[1m]', 'claude-opus-4-5-20251101[1m]', 'anthropic/claude-opus-4-5',
  ])('knows %s', (model) => expect(openPrices().of(model)?.rates).toEqual({ input: 5, output: 25, cacheWrite5m: 6.25, cacheWrite1h: 10, cacheRead: 0.5 }));

  it.each([null, '', '<synthetic>', 'claude-opus-4-55', 'gpt-9', 'constructor', 'my-claude-opus-4-5', 'claude-opus-4-5-fast'])('has no price for %s', (model) => {
    expect(openPrices().of(model)).toBeUndefined();
  });

  it('gives way to the configuration, which may name a model with or without its date', () => {
    const prices = openPrices({ 'claude-opus-4-5': { input: 1, output: 2 }, 'my-model-20260101': { input: 3, output: 4, cache_read: 0 } });
    expect(prices.of('claude-opus-4-5-20251101')?.rates).toEqual({ input: 1, output: 2, cacheWrite5m: 1.25, cacheWrite1h: 2, cacheRead: 0.1 });
    expect(prices.of('my-model-20260101')?.rates.cacheRead).toBe(0);
    expect(prices.of('my-model')).toBeUndefined();
    expect(prices.source).toContain('claude-opus-4-5, my-model-20260101 from the configuration');
  });
});

describe('a cost', () => {
  const prices = openPrices();

  it.each([
    ['input', { input: MILLION }, 5], ['output', { output: MILLION }, 25], ['a cache write for five minutes', { cacheWrite5m: MILLION }, 6.25],
    ['a cache write for an hour', { cacheWrite1h: MILLION }, 10], ['a cache read', { cacheRead: MILLION }, 0.5],
  ])('has a price of its own for %s', (_, tokens, dollars) => {
    expect(costOf(spent('claude-opus-4-6', tokens), prices)).toBeCloseTo(dollars, 9);
    expect(costOf(spent('claude-opus-4-6', tokens, { isFast: true }), prices)).toBeCloseTo(6 * dollars, 9);
  });

  it('is another above 200,000 tokens of a kind in one response, for models that have such a price', () => {
    const long = { tokens: { ...none, input: MILLION, cacheRead: 100_000 }, above: { ...none, input: 800_000 } };
    expect(costOf(spent('claude-sonnet-4-5', {}, long), prices)).toBeCloseTo(0.2 * 3 + 0.8 * 6 + 0.1 * 0.3, 9);
    expect(costOf(spent('claude-sonnet-4-6', {}, long), prices)).toBeCloseTo(3 + 0.1 * 0.3, 9);
  });

  it('is not zero but unknown where nothing has a price, and counts apart what has none', () => {
    const unknown = createSpending(prices);
    unknown.add(spent('nobody', { input: 7 }));
    expect(unknown.total()).toMatchObject({ cost_usd: null, unpriced_responses: 1, responses: 1, tokens: { total: 7 } });
    unknown.add(spent('claude-opus-4-5', { input: MILLION }, { lowerBounds: 1 }));
    expect(unknown.total()).toMatchObject({ cost_usd: 5, unpriced_responses: 1, responses: 2, lower_bound_responses: 1 });
    expect(createSpending(prices).total()).toMatchObject({ cost_usd: 0, responses: 0 });
  });
});
