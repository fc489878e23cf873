/** Which rows a thing that shall be forgotten has, as keys; and how many, for a person to look at first. */
import type { Database } from './database.ts';
import { isWithin, namesSession, type ForgetTarget } from './tombstones.ts';

/** A claim belongs to the scope if any of its three keys does. */
export interface ScopeKeys {
  sessions: number[];
  cwds: number[];
  machines: number[];
}

/** Is row `alias` of the scope? Never null; `$sessions`, `$cwds` and `$machines` are JSON lists. */
export function inScope(alias: string): string {
  const has = (key: string): string => `${alias}.${key} IN (SELECT value FROM json_each($${key}s))`;
  return `(${has('session')} OR coalesce(${has('cwd')}, 0) OR ${has('machine')})`;
}

export interface ScopeBindings {
  sessions: string;
  cwds: string;
  machines: string;
}

export function bindingsOf({ sessions, cwds, machines }: ScopeKeys): ScopeBindings {
  return { sessions: JSON.stringify(sessions), cwds: JSON.stringify(cwds), machines: JSON.stringify(machines) };
}

export function resolveScope(database: Database, { scope, value }: ForgetTarget): ScopeKeys {
  switch (scope) {
    case 'session': return { sessions: keysWhere(database, 'SELECT session AS key FROM session_key WHERE session_id = ?', value), cwds: [], machines: [] };
    case 'machine': return { sessions: [], cwds: [], machines: keysWhere(database, 'SELECT machine AS key FROM machine_key WHERE machine_id = ?', value) };
    case 'project': return resolveProject(database, value);
  }
}

/** Its directories, and the sessions that began there: what those said elsewhere goes, too. */
function resolveProject(database: Database, directory: string): ScopeKeys {
  const cwds = database.prepare<[], { cwd: number; path: string }>('SELECT cwd, path FROM cwd_key').all()
    .filter(({ path }) => isWithin(path, directory)).map(({ cwd }) => cwd);
  const began = database.prepare<[string], { key: number }>(
    "SELECT session AS key FROM session_row WHERE agent_id = '' AND cwd IN (SELECT value FROM json_each(?))",
  ).all(JSON.stringify(cwds));
  const noted = keysWhere(database, `SELECT k.session AS key FROM forgotten_session f
    JOIN session_key k ON k.session_id = f.session_id WHERE f.project = ?`, directory);
  return { sessions: [...new Set([...began.map(({ key }) => key), ...noted])], cwds, machines: [] };
}

function keysWhere(database: Database, sql: string, value: string): number[] {
  return database.prepare<[string], { key: number }>(sql).all(value).map(({ key }) => key);
}

/** Does a text (a dead letter) speak of it? Words that merely resemble it do not count. */
export function mentions(target: ForgetTarget, sessionIds: readonly string[]): (text: string) => boolean {
  if (target.scope === 'machine') return () => false; // dead letters have their machine
  const needle = target.scope === 'session' ? target.value : JSON.stringify(target.value).slice(1, -1);
  return (text) => sessionIds.some((id) => text.includes(id)) || hasWhole(text, needle);
}

/** Followed by nothing that would make it another name. */
function hasWhole(text: string, needle: string): boolean {
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
    if (!/[\w.-]/.test(text.charAt(at + needle.length))) return true;
  }
  return false;
}

export function sessionIdsOf(database: Database, { sessions }: Pick<ScopeKeys, 'sessions'>): string[] {
  return database.prepare<[string], { id: string }>(
    "SELECT session_id AS id FROM session_key WHERE session <> 0 AND session_id <> '' AND session IN (SELECT value FROM json_each(?))",
  ).all(JSON.stringify(sessions)).map(({ id }) => id);
}

/** IDs of the sessions that go whole. */
export function sessionsOfTarget(database: Database, target: ForgetTarget): string[] {
  return target.scope === 'session' ? [target.value] : sessionIdsOf(database, resolveScope(database, target));
}

export interface ForgetPlan {
  events: number;
  /** Of these: also said by somebody who is not forgotten, so that they stay as theirs. */
  kept: number;
  copies: number;
  sessions: number;
  responses: number;
  states: number;
  assignments: number;
  dead_letters: number;
  gaps: number;
}

/** Counts; reads everything once, so it may take seconds on a large database. */
export function planForget(database: Database, target: ForgetTarget): ForgetPlan {
  const keys = resolveScope(database, target);
  const bindings = bindingsOf(keys);
  const count = (sql: string): number => database.prepare<[ScopeBindings], { count: number }>(`SELECT count(*) AS count FROM ${sql}`).get(bindings)?.count ?? 0;
  const sessionIds = sessionIdsOf(database, keys);
  return {
    events: count(`event_row e WHERE ${inScope('e')}`),
    kept: count(`event_row e WHERE ${inScope('e')} AND EXISTS (SELECT 1 FROM copy_row c WHERE c.fact = e.fact AND c.event = e.row AND NOT ${inScope('c')})`),
    copies: count(`copy_row c WHERE ${inScope('c')}`),
    sessions: count(`(SELECT DISTINCT e.session FROM event_row e WHERE e.session <> 0 AND ${inScope('e')})`),
    responses: count(`usage_row u JOIN event_row e ON e.row = u.event WHERE ${inScope('e')}`),
    states: count(`session_state_row t WHERE t.session IN (SELECT value FROM json_each($sessions)) OR t.machine IN (SELECT value FROM json_each($machines))`),
    assignments: count(`(SELECT DISTINCT a.fact, a.fact_key FROM event_row e CROSS JOIN assigned_fact a WHERE a.fact = e.fact AND ${inScope('e')})`)
      + count('assignment a WHERE a.session IN (SELECT value FROM json_each($sessions))'),
    dead_letters: lettersOf(database, target, keys, sessionIds).length,
    gaps: gapsOf(database, keys, new Set(sessionIds)).length,
  };
}

/** Rows of dead letters that speak of it. */
function lettersOf(database: Database, target: ForgetTarget, { machines }: ScopeKeys, sessionIds: readonly string[]): number[] {
  const isMentioned = mentions(target, sessionIds);
  const found: number[] = [];
  for (const { row, machine, text } of readLetters(database)) if (machines.includes(machine) || isMentioned(text)) found.push(row);
  return found;
}

function readLetters(database: Database): Iterable<{ row: number; machine: number; text: string }> {
  return database.prepare<[], { row: number; machine: number; text: string }>(
    "SELECT row, machine, subject || ' ' || coalesce(body, '') AS text FROM dead_letter ORDER BY row",
  ).iterate();
}

export function gapsOf(database: Database, { machines }: ScopeKeys, sessionIds: ReadonlySet<string>): { machine: number; gen: string; from: number }[] {
  return database.prepare<[], { machine: number; gen: string; from: number; path: string }>(
    'SELECT machine, gen, from_offset AS "from", path FROM gap',
  ).all().filter(({ machine, path }) => machines.includes(machine) || namesSession(path, sessionIds));
}

/** At most 100 IDs of sessions that begin so. */
export function knownSessions(database: Database, prefix: string): string[] {
  return database.prepare<[string, string], { id: string }>(
    "SELECT session_id AS id FROM session_key WHERE session_id <> '' AND substr(session_id, 1, length(?)) = ? ORDER BY session_id LIMIT 100",
  ).all(prefix, prefix).map(({ id }) => id);
}

/** A machine need not be enrolled: imported events name some that never were. */
export function knownMachine(database: Database, machineId: string): string | undefined {
  return database.prepare<[string], { id: string }>("SELECT machine_id AS id FROM machine_key WHERE machine_id = ? AND machine_id <> ''").get(machineId)?.id;
}
