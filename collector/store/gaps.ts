/** Bytes declared lost, with the reason. Reported again and again by agents: the first report stays, until the bytes arrive after all. */
import { createHash } from 'node:crypto';
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { Database } from './database.ts';

export interface StoredGap {
  /** Short, and always the same for the same bytes of the same file. */
  id: string;
  machineId: string;
  gen: string;
  path: string;
  from: number;
  to: number;
  /** Timestamps of the good lines around it; null where there is none. */
  tFrom: string | null;
  tTo: string | null;
  reason: string;
  reportedAtMs: number;
  /** Null: open. */
  acceptedAtMs: number | null;
}

export interface Gaps {
  /** A gap that was accepted stays accepted when it is reported again, unless it has grown. */
  store(machine: number, gaps: readonly GapReport[], nowMs: number): void;
  /** Sets or, with null, takes back the acceptance of exactly what was listed: one that grew meanwhile stays open. */
  accept(gaps: readonly StoredGap[], acceptedAtMs: number | null): number;
  /**
   * These bytes of the generation are stored: a line that was given up without its end has got it. Other reasons stay: bytes
   * that were cut off have their offsets used again.
   */
  arrived(machine: number, gen: string, range: { from: number; to: number }): void;
}

const ID_LENGTH = 8;

function idOf(machineId: string, gen: string, from: number): string {
  return createHash('sha256').update(`${machineId} ${gen} ${from}`).digest('hex').slice(0, ID_LENGTH);
}

/** By machine, path and place. */
export function readGaps(database: Database): StoredGap[] {
  const rows = database.prepare<[], Omit<StoredGap, 'id'>>(`
    SELECT m.machine_id AS machineId, g.gen, g.path, g.from_offset AS "from", g.to_offset AS "to",
      nullif(g.t_from, '') AS tFrom, nullif(g.t_to, '') AS tTo, g.reason,
      g.reported_at AS reportedAtMs, g.accepted_at AS acceptedAtMs
    FROM gap g JOIN machine_key m ON m.machine = g.machine
    ORDER BY m.machine_id, g.path, g.gen, g.from_offset`).all();
  return rows.map((row) => ({ id: idOf(row.machineId, row.gen, row.from), ...row }));
}

export function openGaps(database: Database): Gaps {
  const store = database.prepare<[number, string, number, number, string, string, string, string, number]>(`
    INSERT INTO gap (machine, gen, from_offset, to_offset, path, t_from, t_to, reason, reported_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (machine, gen, from_offset) DO UPDATE SET
      to_offset = excluded.to_offset, t_to = excluded.t_to, accepted_at = NULL
    WHERE excluded.to_offset > to_offset`);
  const accept = database.prepare<[number | null, string, string, number, number]>(`
    UPDATE gap SET accepted_at = ?
    WHERE machine = (SELECT machine FROM machine_key WHERE machine_id = ?) AND gen = ? AND from_offset = ? AND to_offset = ?`);
  const arrived = database.prepare<[number, string, number, number]>(
    "DELETE FROM gap WHERE machine = ? AND gen = ? AND from_offset >= ? AND to_offset <= ? AND reason = 'unterminated'");
  return {
    store(machine, gaps, nowMs) {
      for (const gap of gaps) {
        store.run(machine, gap.gen, gap.from, gap.to, gap.path, gap.t_from, gap.t_to, gap.reason, nowMs);
      }
    },
    accept: (gaps, acceptedAtMs) =>
      gaps.reduce((count, { machineId, gen, from, to }) => count + accept.run(acceptedAtMs, machineId, gen, from, to).changes, 0),
    arrived: (machine, gen, { from, to }) => void arrived.run(machine, gen, from, to),
  };
}
