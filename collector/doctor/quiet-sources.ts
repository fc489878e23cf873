/** Sources that fell silent, measured by their own habit: who works on weekdays is not missed on a Sunday. */
import { ok, warn, type Check } from '../../shared/doctor/check.ts';
import type { SourceDays } from '../store/read-doctor.ts';

const DAY_MS = 86_400_000;
/** How far back a habit is looked for. */
export const HABIT_DAYS = 42;
/** Fewer days say nothing of a habit. */
const LEAST_DAYS = 5;
/** Silence that is never remarkable. */
const LEAST_SILENCE_DAYS = 3;

export interface QuietFacts {
  sources: readonly SourceDays[];
  /** Of machines that count; others are not missed. */
  labelOf(machineId: string): string | undefined;
  nowMs: number;
}

/** Silent for more than three days and more than twice its longest pause so far. */
export function isQuiet(days: readonly number[], today: number): boolean {
  const last = days.at(-1);
  if (last === undefined || days.length < LEAST_DAYS) return false;
  const longestPause = Math.max(...days.slice(1).map((day, index) => day - (days[index] ?? day)));
  return today - last > Math.max(LEAST_SILENCE_DAYS, 2 * longestPause);
}

export function judgeQuietSources({ sources, labelOf, nowMs }: QuietFacts): Check[] {
  const today = Math.floor(nowMs / DAY_MS);
  const quiet = sources.flatMap(({ machineId, source, days }): Check[] => {
    const label = labelOf(machineId);
    if (label === undefined || !isQuiet(days, today)) return [];
    return [warn('quiet', `nothing of ${source} for ${today - (days.at(-1) ?? today)} days; it said something on ${days.length} of ${HABIT_DAYS} days`, `look there: tt-agent doctor${source === 'remote.tmux' ? ' (tmux-hooks)' : ''}`, label)];
  });
  return quiet.length > 0 ? quiet : [ok('quiet', 'no source fell silent against its habit')];
}
