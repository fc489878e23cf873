import { expect, it } from 'vitest';
import { parseTimeArgument } from '../../../collector/commands/time-argument.ts';

const NOW = new Date(2026, 0, 31, 14, 30).getTime();

it.each<[string, number]>([
  ['now', NOW],
  ['30 minutes ago', NOW - 30 * 60_000],
  ['1 minute ago', NOW - 60_000],
  ['4  hours   ago', NOW - 4 * 3_600_000],
  ['2 Days ago', NOW - 2 * 86_400_000],
  ['1 week ago', NOW - 7 * 86_400_000],
  ['today', new Date(2026, 0, 31).getTime()],
  ['yesterday', new Date(2026, 0, 30).getTime()],
  ['2026-01-05', new Date(2026, 0, 5).getTime()],
  ['2026-01-05T12:00:00Z', Date.UTC(2026, 0, 5, 12)],
  ['2026-01-05T12:00:00.5+01:00', Date.UTC(2026, 0, 5, 11, 0, 0, 500)],
])('%s is a time', (text, ms) => {
  expect(parseTimeArgument(text, NOW, '--since')).toBe(ms);
});

it.each(['', 'ago', 'hours ago', '-1 hours ago', '2 months ago', '2026-02-30', '2026-13-01', '0026-01-31', '5', 'tomorrow', '999999 weeks ago'])('%j is none, and the message says how to write one', (text) => {
  expect(() => parseTimeArgument(text, NOW, '--since')).toThrow(/--since: .* is not a time/);
});
