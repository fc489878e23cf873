/** What the tailer says about itself. Unknown is null, never zero. */
import type { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { FeedStatus, Slice } from '../feed.ts';
import type { BadLines } from './bad-lines.ts';
import type { DrainedLooks } from './drained-looks.ts';
import type { FileTable } from './file-table.ts';
import type { GapLog } from './gap-log.ts';
import type { Keeping } from './keeping.ts';
import type { KeptFiles } from './kept-files.ts';
import { backlogOf, needsRead } from './tailed-file.ts';
import type { Unreadable } from './unreadable.ts';

export interface TailStatusDeps {
  table: FileTable;
  drained: DrainedLooks;
  badLines: BadLines;
  store: CheckpointStore;
  /** Of discovery. */
  problems(): readonly string[];
  gaps: GapLog;
  kept: KeptFiles;
  keeping: Keeping;
  unreadable: Unreadable;
}

export interface TailStatus {
  read(): FeedStatus;
  countUnknown(type: string): void;
  sliceRead(slice: Slice): void;
  lookEnded(): void;
}

/** What ordinary logs give, until our own say (86,624 events in 516 MB). */
const BYTES_PER_EVENT = 6_000;
const ESTIMATE_AFTER_BYTES = 1024 * 1024;
const SHOWN_PROBLEMS = 20;
/** Types are the log's words: as many as there are lines, in the worst case. */
const UNKNOWN_TYPES = 200;
const OTHER_TYPES = 'other';

export function createTailStatus(deps: TailStatusDeps): TailStatus {
  const unknown = new Map<string, number>();
  let bytesRead = 0;
  let eventsRead = 0;
  let hasLooked = false;

  function countUnknown(type: string): void {
    const key = unknown.has(type) || unknown.size < UNKNOWN_TYPES ? type : OTHER_TYPES;
    unknown.set(key, (unknown.get(key) ?? 0) + 1);
  }

  function read(): FeedStatus {
    let backlogBytes = 0;
    let oldest: number | null = null;
    let fileCount = 0;
    let isWaiting = false;
    let isBlocked = !deps.unreadable.isEmpty;
    // What keeps something from being read comes first: of a long list only the beginning is told.
    const blocking = new Set(deps.unreadable.problems);
    for (const file of deps.table.all()) {
      if (file.presence === 'present') fileCount += 1;
      if (file.problem !== null) {
        isBlocked = true;
        blocking.add(file.problem);
      }
      isWaiting ||= file.positions.hasPending || needsRead(file);
      const backlog = backlogOf(file);
      if (backlog === 0) continue;
      backlogBytes += backlog;
      if (oldest === null || file.mtimeMs < oldest) oldest = Math.floor(file.mtimeMs);
    }
    const others = [deps.badLines.problem, deps.gaps.problem, deps.kept.problem].filter((problem) => problem !== null);
    const problems = new Set([...blocking, ...deps.store.problems, ...deps.problems(), ...others]);
    const bytesPerEvent = bytesRead < ESTIMATE_AFTER_BYTES || eventsRead === 0 ? BYTES_PER_EVENT : bytesRead / eventsRead;
    return {
      backlogBytes: hasLooked ? backlogBytes : null,
      backlogEvents: hasLooked ? Math.ceil(backlogBytes / bytesPerEvent) : null,
      oldestUnackedAt: hasLooked ? oldest : null,
      drainedAt: deps.drained.drainedAt,
      files: fileCount,
      unknownEntries: Object.fromEntries(unknown),
      badLines: deps.badLines.count,
      keptBytes: deps.keeping.status.bytes,
      kept: deps.keeping.status,
      gaps: deps.gaps.gaps,
      problems: shorten([...problems]),
      isBlocked: hasLooked && isBlocked && !isWaiting,
    };
  }

  return {
    read,
    countUnknown,
    sliceRead: (slice) => {
      bytesRead += slice.file.to - slice.file.from;
      eventsRead += slice.printed.length;
    },
    lookEnded: () => {
      hasLooked = true;
    },
  };
}

function shorten(problems: string[]): string[] {
  if (problems.length <= SHOWN_PROBLEMS) return problems;
  const more = problems.length - SHOWN_PROBLEMS;
  return [...problems.slice(0, SHOWN_PROBLEMS), `and ${more} more like these`];
}
