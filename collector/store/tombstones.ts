/**
 * What was forgotten on purpose, and stays out: looked up before anything of an
 * event is interned, so that not even its directory comes back.
 *
 * A tombstone names what it keeps out: the ID of a session or a machine, or the
 * path of a project's directory, and of sessions that began there their IDs.
 */
import type { Database } from './database.ts';

export const FORGET_SCOPES = ['session', 'project', 'machine'] as const;
export type ForgetScope = (typeof FORGET_SCOPES)[number];

/** `value`: ID of the session, path of the directory without a slash at its end, or ID of the machine. */
export interface ForgetTarget {
  scope: ForgetScope;
  value: string;
}

export interface Tombstone extends ForgetTarget {
  atMs: number;
  /** Null: the removal was interrupted. */
  finishedAtMs: number | null;
}

/** What an event says of where it belongs. */
export interface Place {
  machineId: unknown;
  sessionId: unknown;
  cwd: unknown;
}

export interface Tombstones {
  keepsOut(place: Place): boolean;
  /** Of what names a session alone: its states and lineage. */
  keepsOutSession(sessionId: string): boolean;
  keepsOutMachine(machineId: string): boolean;
  /** Is a forgotten session's ID part of this path of a log? */
  keepsOutFile(path: string): boolean;
  /** True when there was one already whose removal did not finish. */
  add(target: ForgetTarget, nowMs: number): boolean;
  /** Sessions that began in a forgotten project. */
  addSessions(project: string, sessionIds: readonly string[]): void;
  finish(target: ForgetTarget, nowMs: number): void;
  remove(target: ForgetTarget): boolean;
  /** After a rollback. */
  forget(): void;
}

export function readTombstones(database: Database): Tombstone[] {
  return database.prepare<[], Tombstone>(
    'SELECT scope, value, at AS atMs, finished_at AS finishedAtMs FROM tombstone ORDER BY at, scope, value',
  ).all();
}

/** Path by path: `/home/a/x` holds `/home/a/x/y`, not `/home/a/xy`. */
export function isWithin(path: string, directory: string): boolean {
  return path.startsWith(directory) && (path.length === directory.length || path.charCodeAt(directory.length) === 47);
}

/** Is the ID of one of them a part of this path of a log? */
export function namesSession(path: string, sessionIds: ReadonlySet<string>): boolean {
  return sessionIds.size > 0 && path.split('/').some((part) => sessionIds.has(part.replace(/\.jsonl$/, '')));
}

interface Known {
  sessions: Set<string>;
  projects: string[];
  machines: Set<string>;
}

export function openTombstones(database: Database): Tombstones {
  const add = database.prepare<[string, string, number]>(`
    INSERT INTO tombstone (scope, value, at) VALUES (?, ?, ?) ON CONFLICT (scope, value) DO UPDATE SET finished_at = NULL`);
  const isUnfinished = database.prepare<[string, string]>('SELECT 1 FROM tombstone WHERE scope = ? AND value = ? AND finished_at IS NULL');
  const finish = database.prepare<[number, string, string]>('UPDATE tombstone SET finished_at = ? WHERE scope = ? AND value = ?');
  const remove = database.prepare<[string, string]>('DELETE FROM tombstone WHERE scope = ? AND value = ?');
  const addSession = database.prepare<[string, string]>('INSERT OR IGNORE INTO forgotten_session (session_id, project) VALUES (?, ?)');
  const removeSessions = database.prepare<[string]>('DELETE FROM forgotten_session WHERE project = ?');
  const sessions = database.prepare<[], { sessionId: string }>('SELECT session_id AS sessionId FROM forgotten_session');
  const hasEvents = database.prepare<[string]>(
    'SELECT 1 FROM event_row WHERE session = (SELECT session FROM session_key WHERE session_id = ?) AND session <> 0 LIMIT 1',
  );
  const removeStates = database.prepare<[string]>(
    'DELETE FROM session_state_row WHERE session = (SELECT session FROM session_key WHERE session_id = ?)',
  );
  let known: Known | undefined;

  const load = (): Known => {
    const loaded: Known = { sessions: new Set(sessions.all().map(({ sessionId }) => sessionId)), projects: [], machines: new Set() };
    for (const { scope, value } of readTombstones(database)) {
      if (scope === 'session') loaded.sessions.add(value);
      else if (scope === 'machine') loaded.machines.add(value);
      else loaded.projects.push(value);
    }
    return loaded;
  };
  const now = (): Known => (known ??= load());
  const addSessions = (project: string, sessionIds: readonly string[]): void => {
    for (const sessionId of sessionIds) {
      addSession.run(sessionId, project);
      now().sessions.add(sessionId);
    }
  };
  /** A session of which nothing is known but that it goes on in a forgotten project belongs to it. */
  const noteSession = (sessionId: unknown, project: string): void => {
    if (typeof sessionId !== 'string' || sessionId === '' || hasEvents.get(sessionId) !== undefined) return;
    addSessions(project, [sessionId]);
    removeStates.run(sessionId);
  };

  return {
    keepsOut({ machineId, sessionId, cwd }) {
      const { sessions: ids, projects, machines } = now();
      if (machines.size > 0 && typeof machineId === 'string' && machines.has(machineId)) return true;
      if (ids.size > 0 && typeof sessionId === 'string' && ids.has(sessionId)) return true;
      if (projects.length === 0 || typeof cwd !== 'string') return false;
      const project = projects.find((directory) => isWithin(cwd, directory));
      if (project === undefined) return false;
      noteSession(sessionId, project);
      return true;
    },
    keepsOutSession: (sessionId) => now().sessions.has(sessionId),
    keepsOutMachine: (machineId) => now().machines.has(machineId),
    keepsOutFile: (path) => namesSession(path, now().sessions),
    add(target, nowMs) {
      const wasUnfinished = isUnfinished.get(target.scope, target.value) !== undefined;
      add.run(target.scope, target.value, nowMs);
      known = undefined;
      return wasUnfinished;
    },
    addSessions,
    finish: (target, nowMs) => void finish.run(nowMs, target.scope, target.value),
    remove(target) {
      if (target.scope === 'project') removeSessions.run(target.value);
      known = undefined;
      return remove.run(target.scope, target.value).changes > 0;
    },
    forget() {
      known = undefined;
    },
  };
}
