/** Today beside yesterday, by the report and the usage that the command line prints. */
import { NUMBERS_SCHEMA, type DayNumbers, type NumbersDocument } from '../../shared/numbers-document.ts';
import type { UsageReader } from '../store/read-usage.ts';
import { periodsOf, type NamedPeriod } from '../time/period.ts';
import { reportOf, type ReportDeps } from '../time/report.ts';
import { spentBy } from '../sessions/session-list.ts';
import type { Prices } from '../usage/prices.ts';
import { dateOf } from '../zoned-days.ts';

export interface NumbersDeps extends ReportDeps {
  usage: UsageReader;
  prices: Prices;
}

export function numbersOf(timezone: string, deps: NumbersDeps): NumbersDocument {
  const of = (period: NamedPeriod | undefined): DayNumbers => dayNumbers(period ?? { type: 'day', fromMs: deps.nowMs, toMs: deps.nowMs }, timezone, deps);
  const [today] = periodsOf({ day: true }, deps.nowMs, timezone);
  const [yesterday] = periodsOf({ lastDay: true }, deps.nowMs, timezone);
  return { schema: NUMBERS_SCHEMA, timezone, today: of(today), yesterday: of(yesterday) };
}

function dayNumbers(period: NamedPeriod, timezone: string, deps: NumbersDeps): DayNumbers {
  const { totals, completeness } = reportOf({ period, by: 'day', timezone }, deps);
  return { date: dateOf(period.fromMs, timezone), totals, completeness, spent: spentBy(deps.usage.sums('model', period), deps.prices) };
}
