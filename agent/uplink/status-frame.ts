/** What the agent tells of itself, cut to what one frame may hold. Its gaps are chosen by `gap-telling.ts`. */
import type { Clock } from '../../shared/clock.ts';
import type { ArchiveReport, StatusFrame } from '../../shared/protocol/frames.ts';
import { VERSION } from '../../shared/version.ts';
import type { FeedStatus } from '../feed.ts';

const PROBLEMS = 50;
const PROBLEM_CHARACTERS = 1000;
const UNKNOWN_TYPES = 500;

export function toStatusFrame(status: FeedStatus, clock: Pick<Clock, 'now'>, archive?: ArchiveReport): StatusFrame {
  const unknown = Object.entries(status.unknownEntries).slice(0, UNKNOWN_TYPES);
  return {
    type: 'status',
    backlog_bytes: status.backlogBytes,
    backlog_events: status.backlogEvents,
    oldest_unacked_at: status.oldestUnackedAt,
    drained_at: status.drainedAt,
    files: status.files,
    unknown_entries: Object.fromEntries(unknown.map(([type, count]) => [type.slice(0, 256), count])),
    bad_lines: status.badLines,
    kept_bytes: status.keptBytes,
    gaps: [...status.gaps],
    problems: status.problems.slice(0, PROBLEMS).map((problem) => problem.slice(0, PROBLEM_CHARACTERS)),
    version: VERSION,
    clock: clock.now(),
    ...(archive === undefined ? {} : { archive: { ...archive, problem: archive.problem?.slice(0, PROBLEM_CHARACTERS) ?? null } }),
  };
}
