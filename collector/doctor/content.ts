/** Does the data hold what the reports need? */
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import { durationWords, plural } from '../../shared/status-words.ts';
import type { DirectoryCounts } from '../store/read-doctor.ts';

export interface ContentFacts {
  directories: DirectoryCounts;
  /** Streams that have time and no first or last event. */
  streamsWithoutTimes: readonly string[];
  /** Of the last days. */
  unassignedMs: number;
  assignedMs: number;
  streams: number;
}

export const CONTENT_DAYS = 28;
const WITHOUT_SHARE = 0.05;
const UNASSIGNED_SHARE = 0.5;
/** Less tells nothing. */
const UNASSIGNED_MS = 5 * 3_600_000;

export function judgeContent({ directories, streamsWithoutTimes, unassignedMs, assignedMs, streams }: ContentFacts): Check[] {
  return [
    judgeDirectories(directories),
    streamsWithoutTimes.length === 0
      ? ok('streams', `${plural(streams, 'stream')}; each that has time has a first and a last event`)
      : fail('streams', `${streamsWithoutTimes.join(', ')}: time, and no first or last event`, 'tt recompute; if it stays, report it'),
    judgeUnassigned(unassignedMs, assignedMs),
  ];
}

function judgeDirectories({ events, without }: DirectoryCounts): Check {
  const share = events === 0 ? 0 : without / events;
  const what = `${without} of ${plural(events, 'event')} of ${CONTENT_DAYS} days have no directory`;
  return share > WITHOUT_SHARE ? warn('directories', `${what}: their time belongs to no project`, 'which: tt events --json, those without cwd; imported ones stay as they are') : ok('directories', what);
}

function judgeUnassigned(unassignedMs: number, assignedMs: number): Check {
  const all = unassignedMs + assignedMs;
  const what = `${durationWords(unassignedMs)} of ${durationWords(all)} in ${CONTENT_DAYS} days belong to no stream`;
  // Who made no streams does not want them.
  if (assignedMs > 0 && unassignedMs > UNASSIGNED_MS && unassignedMs > all * UNASSIGNED_SHARE) return warn('unassigned', what, 'tt classify prints what a model needs to assign it');
  return ok('unassigned', what);
}
