/**
 * Really removes what a tombstone names, in steps that are short enough for the
 * batches of agents to pass between them. The tombstone is written first, so
 * nothing of it comes in meanwhile; every step is a transaction.
 *
 * Interrupted, it is taken up again by the same command: what is left still
 * matches. Since nobody knows then which sessions were half done, the derived
 * tables are rebuilt at the end.
 */
import { buildEventId } from '../../shared/event-id.ts';
import { parseMachineId } from '../../shared/ids.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { ForgetProgress } from '../writer/messages.ts';
import type { Claim } from './claim.ts';
import type { Claims, StoredClaim } from './claims.ts';
import type { Database } from './database.ts';
import { bindingsOf, gapsOf, inScope, mentions, resolveScope, sessionIdsOf, type ScopeBindings, type ScopeKeys } from './forget-scope.ts';
import type { Derivation, Removal } from './derivation.ts';
import type { Keys } from './keys.ts';
import type { Sessions } from './sessions.ts';
import { isWithin, namesSession, type ForgetTarget, type Tombstones } from './tombstones.ts';
import type { Usage } from './usage.ts';

/** Claims removed in one transaction, and rows looked at for them. */
const CHUNK_CLAIMS = 100;
const WINDOW_ROWS = 4000;
const CHUNK_LETTERS = 200;
/** Rows looked through at once for the entries that stand for a response now. */
const USAGE_ROWS = 1500;
/** A step ends after this long: with its last transaction it stays below the 50 ms that a batch may wait. */
const STEP_MS = 20;

export interface Forgetting {
  /** Starts, or goes on for about 20 ms. */
  step(target: ForgetTarget, nowMs: number): ForgetProgress;
  undo(target: ForgetTarget): boolean;
}

export interface ForgettingDeps {
  database: Database;
  keys: Keys;
  claims: Pick<Claims, 'remove'>;
  tombstones: Tombstones;
  deadLetters: { forget(): void };
  lineage: { forget(): void };
  derivation: Pick<Derivation, 'removing'>;
  sessions: Pick<Sessions, 'touch'>;
  usage: Pick<Usage, 'findAgain'>;
  transaction<T>(work: () => T): T;
  rebuild(): unknown;
  /** Monotonic ms. */
  elapsed(): number;
}

type Step = Omit<ForgetProgress, 'done'>;

export function openForgetting(deps: ForgettingDeps): Forgetting {
  const jobs = new Map<string, Generator<Step, Step>>();
  return {
    step(target, nowMs) {
      const name = `${target.scope} ${target.value}`;
      const job = jobs.get(name) ?? forget(deps, target, nowMs);
      jobs.set(name, job);
      const startMs = deps.elapsed();
      try {
        for (;;) {
          const { value, done = false } = job.next();
          if (done) jobs.delete(name);
          if (done || deps.elapsed() - startMs >= STEP_MS) return { ...value, done };
        }
      } catch (error) {
        jobs.delete(name); // the next call takes it up from the tombstone
        throw error;
      }
    },
    undo: (target) => deps.transaction(() => deps.tombstones.remove(target)),
  };
}

function* forget(deps: ForgettingDeps, target: ForgetTarget, nowMs: number): Generator<Step, Step> {
  const { tombstones, transaction } = deps;
  const { keys, sessionIds, wasInterrupted } = transaction(() => begin(deps, target, nowMs));
  yield { removed: 0, share: 0 };
  const touched = new Set<number>(keys.sessions);
  const lost = new Set<string>();
  let removed = 0;
  // A removal can move a claim between the tables behind our back: until nothing is left.
  for (let before = -1; before !== removed;) {
    before = removed;
    for (const table of ['copy_row', 'event_row'] as const) {
      for (const step of claimsOf(deps, keys, table)) {
        removed += step.removed;
        for (const session of step.sessions) touched.add(session);
        for (const response of step.responses) lost.add(response);
        yield { removed, share: step.share };
      }
    }
  }
  for (const step of removeLetters(deps, keys, mentions(target, sessionIds))) {
    removed += step.removed;
    yield { removed, share: step.share };
  }
  deps.deadLetters.forget();
  if (wasInterrupted) deps.rebuild();
  else {
    for (const session of touched) {
      transaction(() => deps.sessions.touch(session));
      yield { removed, share: 1 };
    }
    // What comes in meanwhile is compared with what is found.
    for (let from = 1, last = lastRow(deps.database); lost.size > 0 && from <= last; from += USAGE_ROWS) {
      transaction(() => deps.usage.findAgain(lost, { from, to: from + USAGE_ROWS - 1 }));
      yield { removed, share: Math.min(1, from / last) };
    }
  }
  transaction(() => tombstones.finish(target, nowMs));
  return { removed, share: 1 };
}

function lastRow(database: Database): number {
  return database.prepare<[], { row: number }>('SELECT coalesce(max(row), 0) AS row FROM event_row').get()?.row ?? 0;
}

interface Begun {
  keys: ScopeKeys;
  sessionIds: string[];
  wasInterrupted: boolean;
}

/** From here on nothing of it comes in, and its sessions are out of every view. */
function begin({ database, tombstones, lineage }: ForgettingDeps, target: ForgetTarget, nowMs: number): Begun {
  const wasInterrupted = tombstones.add(target, nowMs);
  const keys = resolveScope(database, target);
  const sessionIds = sessionIdsOf(database, keys);
  if (target.scope === 'project') tombstones.addSessions(target.value, sessionIds);
  const bindings = bindingsOf(keys);
  const remove = (sql: string): void => void database.prepare<[ScopeBindings]>(`DELETE FROM ${sql}`).run(bindings);
  const ofSessions = 'session IN (SELECT value FROM json_each($sessions))';
  const ofMachines = 'machine IN (SELECT value FROM json_each($machines))';
  remove(`session_row WHERE ${ofSessions}`);
  remove(`assignment WHERE ${ofSessions}`);
  remove(`session_state_row WHERE ${ofSessions} OR ${ofMachines}`);
  remove(`interval WHERE ${ofSessions} OR ${ofMachines}`);
  remove(`attention_row WHERE ${ofSessions} OR ${ofMachines}`);
  remove(`refused_count WHERE ${ofMachines}`);
  if (target.scope === 'project') removeAssignedPaths(database, target.value);
  removeLineage(database, tombstones);
  lineage.forget();
  removePaths(database, keys, new Set(sessionIds));
  return { keys, sessionIds, wasInterrupted };
}

/** Of a forgotten project: directories and patterns in it. */
function removeAssignedPaths(database: Database, directory: string): void {
  const remove = database.prepare<[number]>('DELETE FROM assignment WHERE assignment = ?');
  const named = database.prepare<[], { assignment: number; path: string }>('SELECT assignment, path FROM assignment WHERE path IS NOT NULL').all();
  for (const { assignment, path } of named) if (isWithin(path.replace(/%.*$/s, '').replace(/\/+$/, ''), directory)) remove.run(assignment);
}

/** Only where both ends are forgotten: others still tell who repeats whom. */
function removeLineage(database: Database, tombstones: Tombstones): void {
  const edges = database.prepare<[], { child: number; parent: number; childId: string; parentId: string }>(`
    SELECT DISTINCT l.child, l.parent, c.session_id AS childId, p.session_id AS parentId
    FROM lineage l JOIN session_key c ON c.session = l.child JOIN session_key p ON p.session = l.parent`).all();
  const remove = database.prepare<[number, number]>('DELETE FROM lineage WHERE child = ? AND parent = ?');
  for (const { child, parent, childId, parentId } of edges) {
    if (tombstones.keepsOutSession(childId) && tombstones.keepsOutSession(parentId)) remove.run(child, parent);
  }
}

/** The ledger stays, so that nothing is sent again for this; the names of its files go. */
function removePaths(database: Database, keys: ScopeKeys, sessionIds: ReadonlySet<string>): void {
  const removeGap = database.prepare<[number, string, number]>('DELETE FROM gap WHERE machine = ? AND gen = ? AND from_offset = ?');
  for (const { machine, gen, from } of gapsOf(database, keys, sessionIds)) removeGap.run(machine, gen, from);
  const blank = database.prepare<[number, string]>("UPDATE file SET path = '' WHERE machine = ? AND gen = ?");
  const files = database.prepare<[], { machine: number; gen: string; path: string }>('SELECT machine, gen, path FROM file').all();
  for (const { machine, gen, path } of files) {
    if (keys.machines.includes(machine) || namesSession(path, sessionIds)) blank.run(machine, gen);
  }
}

interface ClaimStep extends Step, Pick<Removal, 'sessions' | 'responses'> {}

function* claimsOf(deps: ForgettingDeps, keys: ScopeKeys, table: 'copy_row' | 'event_row'): Generator<ClaimStep> {
  const { database } = deps;
  const last = database.prepare<[], { row: number }>(`SELECT coalesce(max(row), 0) AS row FROM ${table}`);
  const find = database.prepare<[ScopeBindings & { after: number; to: number }], Claim & { row: number }>(`
    SELECT e.row, e.machine, e.at, e.kind, e.session, e.discriminator, e.fact, e.cwd, e.born_at AS bornAt,
      e.schema_version AS schemaVersion, e.data
    FROM ${table} e WHERE e.row > $after AND e.row <= $to AND ${inScope('e')} ORDER BY e.row LIMIT ${CHUNK_CLAIMS}`);
  const bindings = bindingsOf(keys);
  const isWinner = table === 'event_row';
  for (let after = 0; after < (last.get()?.row ?? 0);) {
    const to = after + WINDOW_ROWS;
    const step = deps.transaction(() => {
      const found: StoredClaim[] = find.all({ ...bindings, after, to }).map((claim) => ({ ...claim, isWinner }));
      if (found.length === 0) return { found, sessions: new Set<number>(), responses: [] };
      const { facts, ...rest } = deps.derivation.removing(() => deps.claims.remove(found));
      removeAssignments(database, deps.keys, facts);
      return { found, ...rest };
    });
    after = step.found.length === CHUNK_CLAIMS ? (step.found.at(-1)?.row ?? to) : to;
    const { sessions, responses } = step;
    yield { removed: step.found.length, share: Math.min(1, after / (last.get()?.row || 1)), sessions, responses };
  }
}

/** Of facts that nobody claims any more. */
function removeAssignments(database: Database, keys: Keys, facts: readonly Claim[]): void {
  const remove = database.prepare<[number, string]>('DELETE FROM assigned_fact WHERE fact = ? AND fact_key = ?');
  for (const claim of facts) remove.run(claim.fact, factKeyOf(claim, keys));
}

function factKeyOf(claim: Claim, keys: Keys): string {
  const { source, type, form } = keys.kindOf(claim.kind);
  const { discriminator } = claim;
  if (form === 'fact') return `${type}:${discriminator}`;
  const machineId = parseMachineId(keys.machineId(claim.machine));
  if (form === 'opaque' || machineId === undefined) return discriminator;
  return buildEventId({ machineId, source, type, timestamp: printTimestamp(claim.at), discriminator });
}

function* removeLetters(
  { database, transaction }: ForgettingDeps, { machines }: ScopeKeys, isMentioned: (text: string) => boolean,
): Generator<{ removed: number; share: number }> {
  const page = database.prepare<[number], { row: number; machine: number; text: string }>(`
    SELECT row, machine, subject || ' ' || coalesce(body, '') AS text FROM dead_letter WHERE row > ? ORDER BY row LIMIT ${CHUNK_LETTERS}`);
  const remove = database.prepare<[number]>('DELETE FROM dead_letter WHERE row = ?');
  for (let after = 0; ;) {
    const letters = page.all(after);
    const last = letters.at(-1);
    if (last === undefined) return;
    after = last.row;
    const found = letters.filter(({ machine, text }) => machines.includes(machine) || isMentioned(text));
    transaction(() => found.forEach(({ row }) => remove.run(row)));
    yield { removed: found.length, share: 1 };
  }
}
