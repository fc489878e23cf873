/** What `tt usage`, the API and the page say about tokens and cost: one function over the store. */
import { printTimestamp } from '../../shared/timestamp.ts';
import { USAGE_SCHEMA, type UsageDocument, type UsageGroup, type UsageRow } from '../../shared/usage-documents.ts';
import type { UsageReader } from '../store/read-usage.ts';
import type { UsageKey, UsagePeriod, UsageSums } from '../store/usage-sums.ts';
import { dateOf, startOfDay, startOfDayAfter } from '../zoned-days.ts';
import type { Prices } from './prices.ts';
import { createSpending, type Spending } from './spending.ts';

export interface UsageQuery {
  by: UsageGroup;
  timezone: string;
  /** Epoch ms, half-open; left out: from the first, to the last. */
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
}

export interface UsageDeps {
  reader: UsageReader;
  prices: Prices;
  labelOf(machineId: string): string;
}

interface Keyed {
  key: string | null;
  sums: UsageSums;
}

/** Days in order of time; everything else by cost, then by tokens, greatest first. */
export function usageReport(query: UsageQuery, deps: UsageDeps): UsageDocument {
  const { by, timezone, sinceMs, untilMs } = query;
  const [groups, total, unpriced] = [new Map<string | null, Spending>(), createSpending(deps.prices), new Map<string | null, number>()];
  for (const { key, sums } of keyedSums(query, deps)) {
    const group = groups.get(key) ?? createSpending(deps.prices);
    groups.set(key, group);
    group.add(sums);
    total.add(sums);
    if (deps.prices.of(sums.model) === undefined) unpriced.set(sums.model, (unpriced.get(sums.model) ?? 0) + sums.responses);
  }
  const rows = [...groups].map(([key, spending]): UsageRow => ({ key, ...spending.total() }));
  return {
    schema: USAGE_SCHEMA,
    by,
    timezone,
    since: sinceMs === undefined ? null : printTimestamp(sinceMs),
    until: untilMs === undefined ? null : printTimestamp(untilMs),
    rows: rows.toSorted(by === 'day' ? (a, b) => compareText(a.key, b.key) : byCost),
    total: total.total(),
    unpriced_models: [...unpriced].map(([model, responses]) => ({ model, responses })).toSorted((a, b) => b.responses - a.responses || compareText(a.model, b.model)),
    prices: { as_of: deps.prices.asOf, source: deps.prices.source },
  };
}

function* keyedSums({ by, timezone, sinceMs, untilMs }: UsageQuery, { reader, labelOf }: UsageDeps): Generator<Keyed> {
  const period: UsagePeriod = { fromMs: sinceMs ?? Number.MIN_SAFE_INTEGER, toMs: untilMs ?? Number.MAX_SAFE_INTEGER };
  if (by === 'day') {
    for (const sums of reader.sumsByTime(period, openDays(timezone))) yield { key: sums.key, sums };
    return;
  }
  for (const sums of reader.sums(by, period)) yield { key: keyOf(by, sums, labelOf), sums };
}

/** Date of a time; asks the zone once a day, where times come more or less in order. */
function openDays(timezone: string): (atMs: number) => string {
  let day = { fromMs: 0, toMs: 0, date: '' };
  return (atMs) => {
    if (atMs < day.fromMs || atMs >= day.toMs) {
      day = { fromMs: startOfDay(atMs, timezone), toMs: startOfDayAfter(atMs, 1, timezone), date: dateOf(atMs, timezone) };
    }
    return day.date;
  };
}

function keyOf(by: UsageKey, { key, machineId, model, isFast }: UsageSums, labelOf: (machineId: string) => string): string | null {
  switch (by) {
    case 'model':
      return model === null ? null : `${model}${isFast ? '-fast' : ''}`;
    case 'machine':
      return key === null ? null : labelOf(key);
    case 'session':
      return key === null ? null : sessionName(key, machineId === null ? null : labelOf(machineId));
    case 'project':
    case 'stream':
      return key;
  }
}

/** `session_id@machine`. */
export function sessionName(sessionId: string, machine: string | null): string {
  return machine === null ? sessionId : `${sessionId}@${machine}`;
}

function byCost(a: UsageRow, b: UsageRow): number {
  return (b.cost_usd ?? -1) - (a.cost_usd ?? -1) || b.tokens.total - a.tokens.total || compareText(a.key, b.key);
}

function compareText(a: string | null, b: string | null): number {
  return (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
}
