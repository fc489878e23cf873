/** What the agent tells of itself, cut to what one frame may hold. */
import type { Clock } from '../../shared/clock.ts';
import type { ArchiveReport, GapReport, StatusFrame } from '../../shared/protocol/frames.ts';
import { VERSION } from '../../shared/version.ts';
import type { FeedStatus } from '../feed.ts';

const GAPS = 1000;
const GAPS_BYTES = 256 * 1024;
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
    gaps: newestGaps(status.gaps),
    problems: status.problems.slice(0, PROBLEMS).map((problem) => problem.slice(0, PROBLEM_CHARACTERS)),
    version: VERSION,
    clock: clock.now(),
    ...(archive === undefined ? {} : { archive: { ...archive, problem: archive.problem?.slice(0, PROBLEM_CHARACTERS) ?? null } }),
  };
}

/** The collector keeps every gap it was told of, so the newest are the ones it may lack. */
function newestGaps(gaps: readonly GapReport[]): GapReport[] {
  const taken: GapReport[] = [];
  let bytes = 0;
  for (const gap of gaps.slice(-GAPS).reverse()) {
    bytes += Buffer.byteLength(JSON.stringify(gap));
    if (bytes > GAPS_BYTES) break;
    taken.push(gap);
  }
  return taken.reverse();
}
