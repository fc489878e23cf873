/** `--start` and `--end` of commands that look at a stretch of time: by default the last 24 hours. */
import { textOption, usageError, type ParsedCommand } from '../../shared/cli.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { Period } from '../store/context-rows.ts';
import { parseTimeArgument } from './time-argument.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Half-open. `defaultMs`: how long it is without `--start`. */
export function parseTimeRange(parsed: ParsedCommand, nowMs: number, defaultMs = DAY_MS): Period {
  const time = (name: 'start' | 'end'): number | undefined => {
    const text = textOption(parsed, name);
    return text === undefined ? undefined : parseTimeArgument(text, nowMs, `--${name}`);
  };
  const toMs = time('end') ?? nowMs;
  const fromMs = time('start') ?? toMs - defaultMs;
  if (fromMs > toMs) {
    throw usageError(`start time (${printTimestamp(fromMs)}) is after end time (${printTimestamp(toMs)})`, 'give the earlier one as --start');
  }
  return { fromMs, toMs };
}

/** Milliseconds of `--gap-threshold`, which is in minutes. */
export function parseGapThreshold(parsed: ParsedCommand): number {
  const text = textOption(parsed, 'gapThreshold') ?? '5';
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text) && Number(text) > 0) return Number(text) * MINUTE_MS;
  throw usageError(`--gap-threshold: ${JSON.stringify(text)} is not a number of minutes`, 'give minutes, e.g. --gap-threshold 10');
}
