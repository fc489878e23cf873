/** The periods that a report can be asked for, as days of a time zone. Pure; epoch ms, half-open. */
import { usageError } from '../../shared/cli.ts';
import type { PeriodType } from '../../shared/report-documents.ts';
import { dateOf, startOfDate, startOfDay, startOfDayAfter, startOfMonth, startOfMonthAfter, startOfWeek } from '../zoned-days.ts';

export interface NamedPeriod {
  type: PeriodType;
  fromMs: number;
  toMs: number;
}

/** At most one of them; none: this week. */
export interface PeriodQuery {
  day?: boolean;
  lastDay?: boolean;
  week?: boolean;
  lastWeek?: boolean;
  /** This and the weeks before it, newest first. */
  weeks?: number | undefined;
  month?: boolean;
  lastMonth?: boolean;
  /** Dates; `end` is the first day outside, tomorrow if left out. */
  start?: string | undefined;
  end?: string | undefined;
}

const MOST_WEEKS = 520;

/** Throws a usage error where two are asked for, or what was given is no date or no period. */
export function periodsOf(query: PeriodQuery, nowMs: number, zone: string): NamedPeriod[] {
  const { start, end, weeks } = query;
  const chosen = [query.day, query.lastDay, query.week, query.lastWeek, weeks !== undefined, query.month, query.lastMonth, start !== undefined].filter(Boolean);
  if (chosen.length > 1) throw usageError('a report is of one period', 'give only one of --day, --last-day, --week, --last-week, --weeks, --month, --last-month and --start');
  if (start !== undefined) return [customPeriod(start, end, nowMs, zone)];
  if (end !== undefined) throw usageError('--end needs --start', 'give both: --start 2026-01-01 --end 2026-02-01');
  if (query.day) return [dayPeriod(nowMs, 0, zone)];
  if (query.lastDay) return [dayPeriod(nowMs, -1, zone)];
  if (query.month) return [monthPeriod(nowMs, 0, zone)];
  if (query.lastMonth) return [monthPeriod(nowMs, -1, zone)];
  if (weeks !== undefined) {
    if (!Number.isInteger(weeks) || weeks < 1 || weeks > MOST_WEEKS) throw usageError('--weeks: not a number of weeks', `give 1 to ${MOST_WEEKS}`);
    return Array.from({ length: weeks }, (_, back) => weekPeriod(nowMs, -back, zone));
  }
  return [weekPeriod(nowMs, query.lastWeek ? -1 : 0, zone)];
}

function dayPeriod(nowMs: number, days: number, zone: string): NamedPeriod {
  return { type: 'day', fromMs: startOfDayAfter(nowMs, days, zone), toMs: startOfDayAfter(nowMs, days + 1, zone) };
}

/** One day by its date, `today` or `yesterday`. Throws a usage error for what is no date. */
export function dayOf(date: string, nowMs: number, zone: string): NamedPeriod {
  return dayPeriod(dateArgument(date, nowMs, zone, 'date'), 0, zone);
}

function weekPeriod(nowMs: number, weeks: number, zone: string): NamedPeriod {
  const monday = startOfWeek(nowMs, zone);
  return { type: 'week', fromMs: startOfDayAfter(monday, 7 * weeks, zone), toMs: startOfDayAfter(monday, 7 * (weeks + 1), zone) };
}

function monthPeriod(nowMs: number, months: number, zone: string): NamedPeriod {
  const fromMs = months === 0 ? startOfMonth(nowMs, zone) : startOfMonthAfter(nowMs, months, zone);
  return { type: 'month', fromMs, toMs: startOfMonthAfter(nowMs, months + 1, zone) };
}

function customPeriod(start: string, end: string | undefined, nowMs: number, zone: string): NamedPeriod {
  const fromMs = dateArgument(start, nowMs, zone, '--start');
  const toMs = end === undefined ? startOfDayAfter(nowMs, 1, zone) : dateArgument(end, nowMs, zone, '--end');
  if (toMs <= fromMs) throw usageError(`--end ${end ?? dateOf(nowMs, zone)} is not after --start ${start}`, 'the end is the first day outside: for January, --start 2026-01-01 --end 2026-02-01');
  return { type: 'custom', fromMs, toMs };
}

function dateArgument(text: string, nowMs: number, zone: string, flag: string): number {
  const word = text.trim().toLowerCase();
  if (word === 'today') return startOfDay(nowMs, zone);
  if (word === 'yesterday') return startOfDayAfter(nowMs, -1, zone);
  if (word === 'tomorrow') return startOfDayAfter(nowMs, 1, zone);
  const at = startOfDate(word, zone);
  if (at !== undefined) return at;
  throw usageError(`${flag}: ${JSON.stringify(text)} is not a date`, 'write 2026-01-31, today or yesterday');
}
