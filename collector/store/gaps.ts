/** Bytes declared lost, with the reason. Reported again and again by agents: the first report stays. */
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { Database } from './database.ts';

export interface Gaps {
  store(machine: number, gaps: readonly GapReport[], nowMs: number): void;
}

export function openGaps(database: Database): Gaps {
  const store = database.prepare<[number, string, number, number, string, string, string, string, number]>(`
    INSERT INTO gap (machine, gen, from_offset, to_offset, path, t_from, t_to, reason, reported_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (machine, gen, from_offset) DO UPDATE SET
      to_offset = excluded.to_offset, t_to = excluded.t_to, accepted_at = NULL
    WHERE excluded.to_offset > to_offset`);
  return {
    store(machine, gaps, nowMs) {
      for (const gap of gaps) {
        store.run(machine, gap.gen, gap.from, gap.to, gap.path, gap.t_from, gap.t_to, gap.reason, nowMs);
      }
    },
  };
}
