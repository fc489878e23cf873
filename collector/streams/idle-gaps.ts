/** When a person was quiet: nothing typed, focused, scrolled or looked at for a while. */
import { printTimestamp } from '../../shared/timestamp.ts';
import { readUserSigns, type Period } from '../store/context-rows.ts';
import type { Database } from '../store/database.ts';

export interface IdleGap {
  start: string;
  end: string;
  /** Rounded down. */
  duration_minutes: number;
  before_event_type: string;
  after_event_type: string;
}

/** Between consecutive signs of the period that lie at least `thresholdMs` apart. */
export function* readIdleGaps(reader: Database, period: Period, thresholdMs: number): Generator<IdleGap> {
  let last: { at: number; type: string } | undefined;
  for (const sign of readUserSigns(reader, period)) {
    if (last !== undefined && sign.at - last.at >= thresholdMs) {
      yield {
        start: printTimestamp(last.at), end: printTimestamp(sign.at), duration_minutes: Math.floor((sign.at - last.at) / 60_000),
        before_event_type: last.type, after_event_type: sign.type,
      };
    }
    last = sign;
  }
}
