/**
 * Days, weeks and months as a time zone has them: the only importer of
 * temporal-polyfill. A day starts at its first instant: where midnight does not
 * exist, after the gap; where it comes twice, at the earlier one (tt-behaviour §3).
 * So days have 23, 24 or 25 hours, or as many as the zone says. Pure; epoch ms.
 */
import { Temporal } from 'temporal-polyfill';
import { usageError } from '../shared/cli.ts';
import type { WallClock } from '../shared/status-words.ts';
import { isPrintable } from '../shared/timestamp.ts';

export interface ZonedDay {
  /** `2026-01-31` */
  date: string;
  fromMs: number;
  /** Start of the next one. */
  toMs: number;
}

/** The zone of this computer, else UTC. */
export function systemTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** `name` as it was given, or the zone of this computer. Throws a usage error that names `flag` for what is no zone. */
export function parseTimeZone(name: string | undefined, flag = '--timezone'): string {
  const zone = name ?? systemTimeZone();
  try {
    zonedAt(0, zone);
    return zone;
  } catch {
    throw usageError(`${flag}: ${JSON.stringify(zone)} is no time zone`, 'write its name, e.g. Europe/Berlin, America/New_York or UTC');
  }
}

function zonedAt(atMs: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(atMs)).toZonedDateTimeISO(zone);
}

/** What a clock on a wall in `zone` shows. */
export function wallClockIn(zone: string): WallClock {
  return (atMs) => {
    const at = zonedAt(atMs, zone);
    return [at.toPlainDate().toString(), at.toPlainTime().toString({ smallestUnit: 'second' })];
  };
}

function startOf(date: Temporal.PlainDate, zone: string): number {
  return date.toZonedDateTime(zone).startOfDay().epochMilliseconds;
}

function dateAt(atMs: number, zone: string): Temporal.PlainDate {
  return zonedAt(atMs, zone).toPlainDate();
}

export function startOfDay(atMs: number, zone: string): number {
  return startOf(dateAt(atMs, zone), zone);
}

/** Start of the day `days` after the day of `atMs`; negative: before it. */
export function startOfDayAfter(atMs: number, days: number, zone: string): number {
  return startOf(dateAt(atMs, zone).add({ days }), zone);
}

/** Monday. */
export function startOfWeek(atMs: number, zone: string): number {
  const date = dateAt(atMs, zone);
  return startOf(date.subtract({ days: date.dayOfWeek - 1 }), zone);
}

export function startOfMonth(atMs: number, zone: string): number {
  return startOf(dateAt(atMs, zone).with({ day: 1 }), zone);
}

/** Start of the month `months` after the month of `atMs`; negative: before it. */
export function startOfMonthAfter(atMs: number, months: number, zone: string): number {
  return startOf(dateAt(atMs, zone).with({ day: 1 }).add({ months }), zone);
}

/** `2026-01-31` */
export function dateOf(atMs: number, zone: string): string {
  return dateAt(atMs, zone).toString();
}

/** Start of a date as `dateOf` prints it, within the years 0-9999; undefined for what is no date. */
export function startOfDate(date: string, zone: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return undefined;
  try {
    const startMs = startOf(Temporal.PlainDate.from(date, { overflow: 'reject' }), zone);
    return isPrintable(startMs) ? startMs : undefined;
  } catch {
    return undefined;
  }
}

/** Every day that [`fromMs`, `toMs`) touches, whole and in order. */
export function* daysBetween(fromMs: number, toMs: number, zone: string): Generator<ZonedDay> {
  let date = dateAt(fromMs, zone);
  let start = startOf(date, zone);
  while (start < toMs) {
    const next = date.add({ days: 1 });
    const end = startOf(next, zone);
    // A zone that crossed the date line left a date out: it has no time of its own.
    if (end > start) yield { date: date.toString(), fromMs: start, toMs: end };
    [date, start] = [next, end];
  }
}
