/** What the store knows of one machine, for its own page. Every list is short: a person reads it. */
import type { Database } from './database.ts';

const FILES = 200;
const LETTERS = 50;
/** So many of its newest events tell what it sends. */
const NEWEST = 2000;

export interface MachineFile {
  path: string;
  gen: string;
  bytes: number;
  bornAtMs: number | null;
  updatedAtMs: number;
}

export interface MachineRefusal {
  code: string;
  subject: string;
  count: number;
  lastAtMs: number;
  bytes: number;
}

export interface StoredMachine {
  sources: { source: string; lastAtMs: number }[];
  /** Latest first. */
  files: MachineFile[];
  filesTotal: number;
  filesBytes: number;
  refused: MachineRefusal[];
  refusedTotal: number;
}

const NOTHING: StoredMachine = { sources: [], files: [], filesTotal: 0, filesBytes: 0, refused: [], refusedTotal: 0 };

/** One that the database does not know has nothing. */
export function readMachine(database: Database, machineId: string): StoredMachine {
  const machine = database.prepare<[string], { machine: number }>('SELECT machine FROM machine_key WHERE machine_id = ?').get(machineId)?.machine;
  if (machine === undefined) return NOTHING;
  const totals = database.prepare<[number], Pick<StoredMachine, 'filesTotal' | 'filesBytes'>>(
    'SELECT count(*) AS filesTotal, coalesce(sum(offset), 0) AS filesBytes FROM file WHERE machine = ?',
  ).get(machine);
  const refused = database.prepare<[number], { count: number }>('SELECT count(*) AS count FROM dead_letter WHERE machine = ?').get(machine);
  return {
    sources: database.prepare<[number, number], StoredMachine['sources'][number]>(`
      SELECT k.source, max(e.at) AS lastAtMs
      FROM (SELECT kind, at FROM event_row WHERE machine = ? ORDER BY at DESC LIMIT ?) e JOIN kind_key k USING (kind)
      GROUP BY k.source ORDER BY k.source`).all(machine, NEWEST),
    files: database.prepare<[number, number], MachineFile>(`
      SELECT path, gen, offset AS bytes, born_at AS bornAtMs, updated_at AS updatedAtMs
      FROM file WHERE machine = ? ORDER BY updated_at DESC, path LIMIT ?`).all(machine, FILES),
    ...(totals ?? { filesTotal: 0, filesBytes: 0 }),
    refused: database.prepare<[number, number], MachineRefusal>(`
      SELECT code, subject, count, received_at AS lastAtMs, body_bytes AS bytes
      FROM dead_letter WHERE machine = ? ORDER BY received_at DESC, row DESC LIMIT ?`).all(machine, LETTERS),
    refusedTotal: refused?.count ?? 0,
  };
}
