/** Days, weeks (from Monday) and months as dates. Pure; dates are of a calendar, without a zone. */
import type { ReportPeriodName } from './route.ts';

const DAY_MS = 86_400_000;

/** Half-open: `end` is the first day outside. */
export interface Dates {
  start: string;
  end: string;
}

function toDate(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** A year before 100 or a thirteenth month becomes some other date rather than an error: it came from an address. */
function fromDate(date: string): number {
  const ms = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(ms) ? 0 : ms;
}

function monthAfter(ms: number, months: number): number {
  const at = new Date(ms);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, 1);
}

/** That of `period` in which `date` lies. */
export function datesOf(period: ReportPeriodName, date: string): Dates {
  const ms = fromDate(date);
  if (period === 'day') return { start: toDate(ms), end: toDate(ms + DAY_MS) };
  if (period === 'month') return { start: toDate(monthAfter(ms, 0)), end: toDate(monthAfter(ms, 1)) };
  const monday = ms - ((new Date(ms).getUTCDay() + 6) % 7) * DAY_MS;
  return { start: toDate(monday), end: toDate(monday + 7 * DAY_MS) };
}

/** A date of the period before (−1) or after (1). */
export function stepDate(period: ReportPeriodName, date: string, step: 1 | -1): string {
  const { start, end } = datesOf(period, date);
  return step === 1 ? end : datesOf(period, toDate(fromDate(start) - DAY_MS)).start;
}

/** Of the calendar in a zone; of that on this computer where the zone is undefined, or not known here. */
export function dateIn(zone: string | undefined, ms: number): string {
  try {
    const parts = new Intl.DateTimeFormat('en', { timeZone: zone, calendar: 'gregory', numberingSystem: 'latn', year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(ms);
    const of = (type: Intl.DateTimeFormatPartTypes): string => parts.find((part) => part.type === type)?.value ?? '';
    return `${of('year').padStart(4, '0')}-${of('month')}-${of('day')}`;
  } catch (error) {
    if (zone === undefined) throw error;
    return dateIn(undefined, ms);
  }
}
