// Tokens and dollars by session or day, and how two tellings of them differ.
import type { Totals } from '../support/usage-model.ts';

export interface Spent extends Totals {
  /** USD; what has no price counts nothing. */
  cost: number;
}

/** ccusage adds up the same prices in another order: less than this is no difference. */
const COST_TOLERANCE = 1e-6;

export function addUpSpent(rows: ReadonlyMap<string, Spent>, groupOf: (key: string) => string): Map<string, Spent> {
  const groups = new Map<string, Spent>();
  for (const [key, row] of rows) {
    const { input, output, cacheCreation, cacheRead, cost } = groups.get(groupOf(key)) ?? { input: 0, output: 0, cacheCreation: 0, cacheRead: 0, cost: 0 };
    groups.set(groupOf(key), {
      input: input + row.input, output: output + row.output, cacheCreation: cacheCreation + row.cacheCreation, cacheRead: cacheRead + row.cacheRead, cost: cost + row.cost,
    });
  }
  return groups;
}

export function spentDifferences(expected: ReadonlyMap<string, Spent>, found: ReadonlyMap<string, Spent>): string {
  const wrong = [...new Set([...expected.keys(), ...found.keys()])].flatMap((key) => {
    const [right, ours] = [expected.get(key), found.get(key)];
    return isSame(right, ours) ? [] : [`${key}: ${print(ours)} instead of ${print(right)}`];
  });
  return wrong.join(', ') || 'agrees';
}

function isSame(a: Spent | undefined, b: Spent | undefined): boolean {
  const none: Spent = { input: 0, output: 0, cacheCreation: 0, cacheRead: 0, cost: 0 };
  const [{ cost: costA, ...tokensA }, { cost: costB, ...tokensB }] = [a ?? none, b ?? none];
  return Object.values(tokensA).join('/') === Object.values(tokensB).join('/') && Math.abs(costA - costB) < COST_TOLERANCE;
}

function print(spent: Spent | undefined): string {
  if (spent === undefined) return 'nothing';
  const { input, output, cacheCreation, cacheRead, cost } = spent;
  return `${[input, output, cacheCreation, cacheRead].join('/')} for $${cost.toFixed(6)}`;
}
