import { ok, warn, type Check } from '../../shared/doctor/check.ts';
import { durationWords } from '../../shared/status-words.ts';

const OLD_MS = 14 * 86_400_000;

export interface BackupFacts {
  /** Of the last one that this collector wrote; null: none is known of. */
  last: { file: string; atMs: number; isThere: boolean } | null;
  nowMs: number;
}

export function judgeBackup({ last, nowMs }: BackupFacts): Check[] {
  const fix = 'tt collector backup FILE, on another disk; a line in your crontab does it every week';
  if (last === null) return [warn('backup', 'no backup was ever made: without one a lost disk loses every machine’s enrolment, and what they no longer keep', fix)];
  const age = durationWords(nowMs - last.atMs);
  if (nowMs - last.atMs > OLD_MS) return [warn('backup', `the last backup is ${age} old`, fix)];
  return [ok('backup', `${last.file}, ${age} ago${last.isThere ? '' : ' (not there any more: moved?)'}`)];
}
