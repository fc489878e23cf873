/** Times as a person types them: RFC 3339, `2 hours ago`, `today`, `yesterday`, `now`, or a local date. */
import { usageError } from '../../shared/cli.ts';
import { isPrintable, parseTimestamp, timestampMs } from '../../shared/timestamp.ts';
import { startOfLocalDay } from '../local-day.ts';

const UNIT_MS: Readonly<Record<string, number>> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
const RELATIVE = /^(\d{1,6}) *(second|minute|hour|day|week)s? +ago$/;
const LOCAL_DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Epoch ms within the years 0-9999. Throws a usage error that names `flag` for what is none of these. */
export function parseTimeArgument(text: string, nowMs: number, flag: string): number {
  const atMs = timeOf(text.trim(), nowMs);
  if (atMs !== undefined && isPrintable(atMs)) return atMs;
  throw usageError(`${flag}: ${JSON.stringify(text)} is not a time`, 'write 2026-01-31T14:00:00Z, 2026-01-31, today, yesterday or "2 hours ago"');
}

function timeOf(text: string, nowMs: number): number | undefined {
  const words = text.toLowerCase();
  if (words === 'now') return nowMs;
  if (words === 'today') return startOfLocalDay(nowMs);
  if (words === 'yesterday') return startOfLocalDay(nowMs, -1);
  const relative = RELATIVE.exec(words);
  if (relative) return nowMs - Number(relative[1]) * (UNIT_MS[relative[2] ?? ''] ?? 0);
  const date = LOCAL_DATE.exec(text);
  if (date) {
    const [year, month, day] = [Number(date[1]), Number(date[2]), Number(date[3])];
    const at = new Date(year, month - 1, day);
    // 30 February would be a day of March, and the year 26 that of 1926.
    if (at.getFullYear() === year && at.getMonth() === month - 1 && at.getDate() === day) return at.getTime();
  }
  const timestamp = parseTimestamp(text);
  return timestamp === undefined ? undefined : timestampMs(timestamp);
}
