/** Tokens and money in words, the same in the terminal and on the page. */
import type { Spent } from './session-documents.ts';
import { UNKNOWN } from './status-words.ts';

/** `812`, `12.3k`, `4.5M`, `1.2G`: three digits are enough to compare. */
export function tokensWords(tokens: number): string {
  if (tokens < 1000) return String(tokens);
  for (const [unit, suffix] of [[1e3, 'k'], [1e6, 'M']] as const) {
    if (tokens < unit * 999.5) return `${(tokens / unit).toFixed(tokens < unit * 99.95 ? 1 : 0)}${suffix}`;
  }
  return `${(tokens / 1e9).toFixed(1)}G`;
}

/** `$14.20`. In front of a cost that is certainly more stands `≥`: final output that no log told, or models without a price. */
export function costWords({ cost_usd: cost, unpriced_responses, lower_bound_responses }: Pick<Spent, 'cost_usd' | 'unpriced_responses' | 'lower_bound_responses'>): string {
  if (cost === null) return UNKNOWN;
  const isBound = unpriced_responses > 0 || lower_bound_responses > 0;
  return `${isBound ? '≥ ' : ''}${dollarWords(cost)}`;
}

export function dollarWords(cost: number): string {
  const [whole = '', cents = ''] = cost.toFixed(2).split('.');
  return `$${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${cents}`;
}
