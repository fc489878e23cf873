/** Times as a person types them: RFC 3339, `2 hours ago`, `today`, `yesterday`, `now`, or a local date. */
import { usageError } from '../../shared/cli.ts';
import { parseTimestamp, timestampMs } from '../../shared/timestamp.ts';

const UNIT_MS: Readonly<Record<string, number>> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };
const RELATIVE = /^(\d{1,6}) *(second|minute|hour|day|week)s? +ago$/;
const LOCAL_DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Epoch ms. `flag` is named when it is none of these. */
export function parseTimeArgument(text: string, nowMs: number, flag: string): number {
  const trimmed = text.trim();
  const words = trimmed.toLowerCase();
  if (words === 'now') return nowMs;
  if (words === 'today') return midnight(nowMs, 0);
  if (words === 'yesterday') return midnight(nowMs, -1);
  const relative = RELATIVE.exec(words);
  if (relative) return nowMs - Number(relative[1]) * (UNIT_MS[relative[2] ?? ''] ?? 0);
  const date = LOCAL_DATE.exec(trimmed);
  if (date) {
    const [year, month, day] = [Number(date[1]), Number(date[2]), Number(date[3])];
    const at = new Date(year, month - 1, day);
    if (at.getMonth() === month - 1 && at.getDate() === day) return at.getTime();
  }
  const timestamp = parseTimestamp(trimmed);
  if (timestamp !== undefined) return timestampMs(timestamp);
  throw usageError(`${flag}: ${JSON.stringify(text)} is not a time`, 'write 2026-01-31T14:00:00Z, 2026-01-31, today, yesterday or "2 hours ago"');
}

function midnight(nowMs: number, days: number): number {
  const at = new Date(nowMs);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + days).getTime();
}
