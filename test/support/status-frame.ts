import type { StatusFrame } from '../../shared/protocol/frames.ts';

/** What an agent says that has nothing waiting. */
export function statusFrame(clock: number, change: Partial<StatusFrame> = {}): StatusFrame {
  return {
    type: 'status', backlog_bytes: 0, backlog_events: 0, oldest_unacked_at: null, drained_at: clock, files: 3,
    unknown_entries: {}, bad_lines: 0, kept_bytes: 0, gaps: [], problems: [], version: '0.1.0', clock, ...change,
  };
}
