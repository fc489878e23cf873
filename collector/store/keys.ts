/**
 * Interned texts: text ⇄ small integer, kept in memory while the writer runs.
 * A rolled-back transaction forgets what it interned (`forget`): an integer that
 * is not on disk must never be used again.
 */
import type { MachineRef } from '../writer/messages.ts';
import type { Database } from './database.ts';

export type KindForm = 'fact' | 'id' | 'opaque';

export interface Kind {
  kind: number;
  source: string;
  type: string;
  form: KindForm;
}

/** Enough for every directory and session of a busy year, small enough to forget. */
const CACHE_ENTRIES = 50_000;

export interface Keys {
  /** '' is 0: no machine; the same for a session. */
  machine(machineId: string): number;
  machineId(machine: number): string;
  enrolledAtMs(machine: number): number | null;
  /** Notes when a machine was enrolled. `isChanged`: what it had said about facts before may win or lose by it. */
  enrolled(machine: MachineRef): { machine: number; isChanged: boolean };
  session(sessionId: string): number;
  sessionId(session: number): string;
  cwd(path: string): number;
  path(cwd: number): string;
  kind(source: string, type: string, form: KindForm): Kind;
  kindOf(kind: number): Kind;
  forget(): void;
}

interface Interned {
  toKey(text: string): number;
  toText(key: number): string;
  forget(): void;
}

function internedTexts(database: Database, table: string, key: string, text: string): Interned {
  const find = database.prepare<[string], { key: number }>(`SELECT ${key} AS key FROM ${table} WHERE ${text} = ?`);
  const insert = database.prepare<[string]>(`INSERT INTO ${table} (${text}) VALUES (?)`);
  const print = database.prepare<[number], { text: string | null }>(`SELECT ${text} AS text FROM ${table} WHERE ${key} = ?`);
  const keys = new Map<string, number>();
  const texts = new Map<number, string>();
  return {
    toKey(value) {
      const cached = keys.get(value);
      if (cached !== undefined) return cached;
      const found = find.get(value)?.key ?? Number(insert.run(value).lastInsertRowid);
      if (keys.size >= CACHE_ENTRIES) keys.clear();
      keys.set(value, found);
      return found;
    },
    toText(value) {
      const cached = texts.get(value);
      if (cached !== undefined) return cached;
      const found = print.get(value)?.text ?? '';
      if (texts.size >= CACHE_ENTRIES) texts.clear();
      texts.set(value, found);
      return found;
    },
    forget() {
      keys.clear();
      texts.clear();
    },
  };
}

export function openKeys(database: Database): Keys {
  const machines = internedTexts(database, 'machine_key', 'machine', 'machine_id');
  const sessions = internedTexts(database, 'session_key', 'session', 'session_id');
  const cwds = internedTexts(database, 'cwd_key', 'cwd', 'path');
  const kinds = openKinds(database);
  const enrolment = openEnrolment(database);
  return {
    machine: (machineId) => (machineId === '' ? 0 : machines.toKey(machineId)),
    machineId: machines.toText,
    enrolledAtMs: enrolment.at,
    enrolled(ref) {
      const machine = machines.toKey(ref.machineId);
      return { machine, isChanged: enrolment.note(machine, ref.enrolledAtMs) };
    },
    session: (sessionId) => (sessionId === '' ? 0 : sessions.toKey(sessionId)),
    sessionId: sessions.toText,
    cwd: cwds.toKey,
    path: cwds.toText,
    kind: kinds.toKind,
    kindOf: kinds.of,
    forget() {
      machines.forget();
      sessions.forget();
      cwds.forget();
      kinds.forget();
      enrolment.forget();
    },
  };
}

function openEnrolment(database: Database): {
  at(machine: number): number | null;
  note(machine: number, atMs: number): boolean;
  forget(): void;
} {
  const read = database.prepare<[number], { at: number | null }>(
    'SELECT enrolled_at AS at FROM machine_key WHERE machine = ?',
  );
  const write = database.prepare<[number, number]>('UPDATE machine_key SET enrolled_at = ? WHERE machine = ?');
  const known = new Map<number, number | null>();
  const at = (machine: number): number | null => {
    const cached = known.get(machine);
    if (cached !== undefined) return cached;
    const found = read.get(machine)?.at ?? null;
    known.set(machine, found);
    return found;
  };
  return {
    at,
    note(machine, atMs) {
      if (at(machine) === atMs) return false;
      write.run(atMs, machine);
      known.set(machine, atMs);
      return true;
    },
    forget: () => known.clear(),
  };
}

function openKinds(database: Database): {
  toKind(source: string, type: string, form: KindForm): Kind;
  of(kind: number): Kind;
  forget(): void;
} {
  const find = database.prepare<[string, string, string], { kind: number }>(
    'SELECT kind FROM kind_key WHERE source = ? AND type = ? AND form = ?',
  );
  const insert = database.prepare<[string, string, string]>('INSERT INTO kind_key (source, type, form) VALUES (?, ?, ?)');
  const read = database.prepare<[number], Kind>('SELECT kind, source, type, form FROM kind_key WHERE kind = ?');
  const byName = new Map<string, Kind>();
  const byKey = new Map<number, Kind>();
  return {
    toKind(source, type, form) {
      const name = `${form}:${source}:${type}`;
      const cached = byName.get(name);
      if (cached !== undefined) return cached;
      const kind = find.get(source, type, form)?.kind ?? Number(insert.run(source, type, form).lastInsertRowid);
      const found = { kind, source, type, form };
      if (byName.size >= CACHE_ENTRIES) byName.clear();
      byName.set(name, found);
      return found;
    },
    of(kind) {
      const cached = byKey.get(kind);
      if (cached !== undefined) return cached;
      const found = read.get(kind) ?? { kind, source: '', type: '', form: 'opaque' };
      byKey.set(kind, found);
      return found;
    },
    forget() {
      byName.clear();
      byKey.clear();
    },
  };
}
