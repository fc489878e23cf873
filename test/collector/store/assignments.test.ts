import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAssigning, type NewAssignment } from '../../../collector/store/assigning.ts';
import { ASSIGNERS, openStreamLookup, PLACED_FACT, type Assigner, type PlacedFact } from '../../../collector/store/assignments.ts';
import { findSessions, openFactFinder } from '../../../collector/store/assignable.ts';
import { openWriter } from '../../../collector/store/database.ts';
import { openEventStore } from '../../../collector/store/event-store.ts';
import { factHash } from '../../../collector/store/fact-hash.ts';
import { readStreamActivity } from '../../../collector/store/stream-activity.ts';
import { createCommitter } from '../../../collector/writer/commit.ts';
import type { LineageEdge, TtEvent } from '../../../shared/event.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

const MIGRATIONS = new URL('../../../collector/store/migrations/', import.meta.url);
const MACHINES = [refOf(testMachine(1), START_MS), refOf(testMachine(2), START_MS + 1000)];
const SESSIONS = ['s-one', 's-two', 's-three'];
const DIRECTORIES = ['/home/a/x', '/home/a/x/deep', '/home/b/X', '/srv/100%_done'];
const index = (below: number) => fc.integer({ min: 0, max: below - 1 });
const uuidOf = (entry: number): string => `00000000-0000-4000-8000-${String(entry).padStart(12, '0')}`;

type Said = { machine: number; bornAt: number; event: TtEvent } | { machine: number; edge: LineageEdge };

/** The content goes by the number alone: copies of an entry in other sessions and machines say the same fact. */
function entryOf(entry: number, machine: number, session: number): TtEvent {
  const { machineId } = MACHINES[machine]!;
  const at = START_MS + entry * 60_000;
  const cwd = DIRECTORIES[entry % DIRECTORIES.length]!;
  if (entry % 4 === 0) return testEvent({ machineId, type: 'tmux_pane_focus', discriminator: `%${entry}`, source: 'remote.tmux', at }, { pane_id: `%${entry}`, cwd });
  return testEvent({ machineId, type: entry % 4 === 1 ? 'user_message' : 'assistant_message', discriminator: uuidOf(entry), at }, { session_id: SESSIONS[session]!, cwd, kind: 'prompt', origin: 'human' });
}

const said: fc.Arbitrary<Said> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(index(16), index(2), index(3), index(3)).map(([entry, machine, session, birth]) => ({ machine, bornAt: START_MS - birth * 1000, event: entryOf(entry, machine, session) })) },
  { weight: 1, arbitrary: fc.tuple(index(3), index(3)).map(([child, parent]) => ({ machine: 0, edge: { child: SESSIONS[child]!, parent: SESSIONS[parent]!, via: 'forkedFrom' as const } })) },
);

interface Told {
  by: Assigner;
  stream: string | null;
  scope: 'facts' | 'session' | 'directory' | 'pattern' | 'time';
  pick: number;
  from: number | null;
  to: number | null;
}

const told: fc.Arbitrary<Told> = fc.record({
  by: fc.constantFrom(...ASSIGNERS), stream: fc.constantFrom('A', 'B', 'C', null), scope: fc.constantFrom('facts', 'session', 'directory', 'pattern', 'time'),
  pick: index(16), from: fc.option(index(8), { freq: 2 }), to: fc.option(index(8).map((at) => at + 8), { freq: 2 }),
});

function arrive(fixture: StoreFixture, arrivals: readonly Said[]): void {
  for (const [at, one] of arrivals.entries()) {
    fixture.commit(jobOf(MACHINES[one.machine]!, {
      gen: genOf(at + 100), ...('event' in one ? { bornAt: one.bornAt, events: [one.event] } : { edges: [one.edge] }),
    }));
  }
}

/** As a command would resolve it, in a database where everything has arrived already. */
function tell(fixture: StoreFixture, { by, stream, scope, pick, from, to }: Told): void {
  const { database } = fixture;
  for (const id of ['A', 'B', 'C']) database.prepare("INSERT OR IGNORE INTO streams VALUES (?, ?, '', '')").run(id, id);
  const ms = (minute: number | null): number | null => (minute === null ? null : START_MS + minute * 60_000);
  const [session] = findSessions(database, SESSIONS[pick % 3]!, 4);
  const facts = MACHINES.flatMap((_, machine) => openFactFinder(database)(entryOf(pick, machine, 0).id));
  const coverage: NewAssignment['coverage'] | undefined =
    scope === 'session' ? session && { scope, session: session.session }
    : scope === 'facts' ? (facts.length === 0 ? undefined : { scope, facts })
    : scope === 'directory' ? { scope, path: DIRECTORIES[pick % 4]! }
    : scope === 'pattern' ? { scope, path: ['/home/%/x%', '%deep', '/srv/100%'][pick % 3]! }
    : { scope };
  if (coverage === undefined) return;
  const bounds = scope === 'facts' ? { fromMs: null, toMs: null } : scope === 'time' ? { fromMs: ms(from ?? 0), toMs: ms(to ?? 16) } : { fromMs: ms(from), toMs: ms(to) };
  database.transaction(() => openAssigning(database).add([{ streamId: stream, coverage, ...bounds }], by, printTimestamp(START_MS)))();
}

const BELONGS = 'SELECT id, session_id, stream_id, assignment_source FROM events ORDER BY id, session_id';
const placedFacts = (fixture: StoreFixture): PlacedFact[] => fixture.database.prepare<[], PlacedFact>(`SELECT ${PLACED_FACT} FROM event_row e`).all();

const history = fc.array(said, { minLength: 1, maxLength: 30 }).chain((set) => fc.record({
  set: fc.constant(set), order: fc.shuffledSubarray(set, { minLength: set.length, maxLength: set.length }), assignments: fc.array(told, { maxLength: 8 }),
}));

describe('what belongs to a stream', () => {
  it('is the same whichever order facts, copies and lineage arrive in, after a rebuild, and for SQL as for the lookup', { timeout: 120_000 }, () => {
    fc.assert(fc.property(history, ({ set, order, assignments }) => {
      using first = openStoreFixture();
      using second = openStoreFixture();
      arrive(first, set);
      arrive(second, order);
      for (const assignment of assignments) for (const fixture of [first, second]) tell(fixture, assignment);
      const belongs = first.rows(BELONGS);
      expect(second.rows(BELONGS)).toEqual(belongs);
      second.store.rebuild();
      expect(second.rows(BELONGS)).toEqual(belongs);
      const lookup = openStreamLookup(first.database);
      for (const fact of placedFacts(first)) {
        const { assignment } = first.rows('SELECT assignment FROM event_assignment WHERE row = ?', fact.row)[0] as { assignment: number | null };
        expect(lookup.of(fact)?.assignment ?? null).toBe(assignment);
      }
    }), { numRuns: 30 });
  });

  it('of sessions, directories and times does not depend on whether they were assigned before or after the facts came', { timeout: 120_000 }, () => {
    const wide = told.filter(({ scope }) => scope !== 'facts' && scope !== 'session');
    fc.assert(fc.property(fc.array(said, { minLength: 1, maxLength: 20 }), fc.array(wide, { minLength: 1, maxLength: 4 }), fc.array(fc.tuple(index(3), fc.constantFrom('A', 'B', null)), { maxLength: 3 }), (set, assignments, sessions) => {
      using before = openStoreFixture();
      using after = openStoreFixture();
      const name = (fixture: StoreFixture): void => {
        for (const session of SESSIONS) fixture.commit(jobOf(MACHINES[0]!, { gen: genOf(9), events: [testEvent({ machineId: MACHINES[0]!.machineId, type: 'agent_session', discriminator: `${session}:started` }, { session_id: session })] }));
      };
      const say = (fixture: StoreFixture): void => {
        for (const assignment of assignments) tell(fixture, assignment);
        for (const [pick, stream] of sessions) tell(fixture, { by: 'model', stream, scope: 'session', pick, from: null, to: null });
      };
      name(before);
      say(before);
      arrive(before, set);
      name(after);
      arrive(after, set);
      say(after);
      expect(before.rows(BELONGS)).toEqual(after.rows(BELONGS));
    }), { numRuns: 25 });
  });

  it('has the first and the last time that a look at every event finds', { timeout: 120_000 }, () => {
    fc.assert(fc.property(history, ({ set, assignments }) => {
      using fixture = openStoreFixture();
      arrive(fixture, set);
      for (const assignment of assignments) tell(fixture, assignment);
      const found = [...readStreamActivity(fixture.database)].map(([id, { firstMs, lastMs }]) => ({ id, first: printTimestamp(firstMs), last: printTimestamp(lastMs) })).toSorted((a, b) => a.id.localeCompare(b.id));
      expect(found).toEqual(fixture.rows('SELECT stream_id AS id, min(timestamp) AS first, max(timestamp) AS last FROM events WHERE stream_id IS NOT NULL GROUP BY 1 ORDER BY 1'));
    }), { numRuns: 30 });
  });
});

describe('an assignment of before', () => {
  it('is one of single facts afterwards, by whom and when as before', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tt-schema-4-'));
    try {
      const path = join(directory, 'collector.db');
      const old = openWriter(path);
      const tables = old.prepare<[], { name: string; type: string }>("SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND type IN ('table', 'view')").all();
      old.pragma('foreign_keys = OFF');
      for (const { name, type } of tables) old.exec(`DROP ${type} IF EXISTS "${name}"`);
      for (const file of readdirSync(MIGRATIONS).toSorted().slice(0, 4)) old.exec(readFileSync(new URL(file, MIGRATIONS), 'utf8'));
      old.exec(`INSERT INTO streams VALUES ('st', 'work', '', '');
        INSERT INTO assignment VALUES (${factHash('user_message:u')}, 'user_message:u', 'st', 'user', '2026-05-01T09:00:00.000Z'), (7, 'other:x', 'st', 'auto', '2026-05-02T09:00:00.000Z');`);
      old.pragma('user_version = 4');
      old.close();
      const database = openWriter(path);
      createCommitter(openEventStore(database), { now: () => START_MS }).commit([jobOf(MACHINES[0]!, {
        gen: genOf(1), events: [testEvent({ machineId: MACHINES[0]!.machineId, type: 'user_message', discriminator: 'u' }, { session_id: 's-one' })],
      })]);
      expect(database.prepare('SELECT stream_id, assignment_source FROM events').all()).toEqual([{ stream_id: 'st', assignment_source: 'user' }]);
      expect(database.prepare('SELECT scope, assigned_by, assigned_at, act = assignment AS own FROM assignment ORDER BY assigned_at').all()).toEqual([
        { scope: 'facts', assigned_by: 'user', assigned_at: '2026-05-01T09:00:00.000Z', own: 1 }, { scope: 'facts', assigned_by: 'auto', assigned_at: '2026-05-02T09:00:00.000Z', own: 1 },
      ]);
      database.close();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('an assignment', () => {
  const machine = MACHINES[0]!;
  const prompt = (entry: number, session: string, rest = {}) => testEvent({ machineId: machine.machineId, type: 'user_message', discriminator: uuidOf(entry), at: START_MS + entry * 60_000 }, { session_id: session, kind: 'prompt', origin: 'human', ...rest });
  const session = (by: Assigner, stream: string | null, name: string): Told => ({ by, stream, scope: 'session', pick: SESSIONS.indexOf(name), from: null, to: null });
  const streams = (fixture: StoreFixture) => fixture.rows('SELECT stream_id, assignment_source FROM events ORDER BY timestamp');

  it('of a session holds for what comes later in it, its subagents included', () => {
    using fixture = openStoreFixture();
    fixture.commit(jobOf(machine, { gen: genOf(1), events: [prompt(1, 's-one')] }));
    tell(fixture, session('user', 'A', 's-one'));
    fixture.commit(jobOf(machine, { gen: genOf(2), events: [prompt(2, 's-one'), prompt(3, 's-one', { agent_id: 'side' }), prompt(4, 's-two')] }));
    expect(streams(fixture)).toEqual([...Array.from({ length: 3 }, () => ({ stream_id: 'A', assignment_source: 'user' })), { stream_id: null, assignment_source: null }]);
  });

  it('of a fork keeps its facts when the original arrives and wins them, until the original is assigned itself', () => {
    using fixture = openStoreFixture();
    fixture.commit(jobOf(machine, { gen: genOf(1), bornAt: START_MS + 5, events: [prompt(1, 's-two'), prompt(2, 's-two')] }));
    tell(fixture, session('user', 'A', 's-two'));
    fixture.commit(jobOf(machine, { gen: genOf(2), bornAt: START_MS, events: [prompt(1, 's-one')] }));
    expect(fixture.rows('SELECT session_id, stream_id FROM events ORDER BY timestamp')).toEqual([{ session_id: 's-one', stream_id: 'A' }, { session_id: 's-two', stream_id: 'A' }]);
    tell(fixture, session('user', 'B', 's-one'));
    expect(fixture.rows('SELECT stream_id FROM events ORDER BY timestamp')).toEqual([{ stream_id: 'B' }, { stream_id: 'A' }]);
  });

  it('of a person is overwritten by nobody else, whatever they are about and whenever they say it', () => {
    for (const [mine, theirs] of [['time', 'facts'], ['directory', 'session'], ['session', 'facts']] as const) {
      for (const order of ['first', 'last']) {
        using fixture = openStoreFixture();
        fixture.commit(jobOf(machine, { gen: genOf(1), events: [prompt(1, 's-one', { cwd: '/home/a/x' }), entryOf(4, 0, 0)] }));
        const say = (by: Assigner, stream: string, scope: Told['scope']) => { for (const pick of [0, 1, 4]) tell(fixture, { by, stream, scope, pick, from: null, to: null }); };
        if (order === 'first') say('user', 'A', mine);
        for (const by of ['model', 'rule', 'auto'] as const) say(by, 'B', theirs);
        if (order === 'last') say('user', 'A', mine);
        const expected = fixture.rows('SELECT count(*) AS count FROM events WHERE assignment_source = ?', 'user');
        expect(expected, `${mine} ${theirs} ${order}`).not.toEqual([{ count: 0 }]);
        expect(fixture.rows("SELECT 1 FROM events WHERE stream_id = 'B' AND assignment_source = 'user'")).toEqual([]);
      }
    }
  });

  it('of a time is about focus and presence, never about what agents or prompts say', () => {
    using fixture = openStoreFixture();
    fixture.commit(jobOf(machine, { gen: genOf(1), events: [prompt(1, 's-one'), entryOf(4, 0, 0), entryOf(2, 0, 0)] }));
    tell(fixture, { by: 'user', stream: 'A', scope: 'time', pick: 0, from: null, to: null });
    expect(fixture.rows('SELECT type, stream_id FROM events ORDER BY type')).toEqual([
      { type: 'assistant_message', stream_id: null }, { type: 'tmux_pane_focus', stream_id: 'A' }, { type: 'user_message', stream_id: null },
    ]);
  });

  it('of a directory is about it and what lies below, not about what begins with the same letters', () => {
    using fixture = openStoreFixture();
    fixture.commit(jobOf(machine, { gen: genOf(1), events: ['/w/x', '/w/x/y', '/w/xy', '/w/X'].map((cwd, entry) => prompt(entry, 's-one', { cwd })) }));
    tell(fixture, session('model', 'C', 's-one'));
    fixture.database.transaction(() => openAssigning(fixture.database).add([{ streamId: 'A', coverage: { scope: 'directory', path: '/w/x' }, fromMs: null, toMs: null }], 'user', ''))();
    expect(fixture.rows('SELECT stream_id FROM events ORDER BY timestamp')).toEqual([{ stream_id: 'A' }, { stream_id: 'A' }, { stream_id: 'C' }, { stream_id: 'C' }]);
  });

  it('to no stream holds against a model, too', () => {
    using fixture = openStoreFixture();
    fixture.commit(jobOf(machine, { gen: genOf(1), events: [prompt(1, 's-one')] }));
    tell(fixture, session('user', null, 's-one'));
    tell(fixture, session('model', 'A', 's-one'));
    expect(streams(fixture)).toEqual([{ stream_id: null, assignment_source: 'user' }]);
  });

  it('goes with its session and its directory when they are forgotten', () => {
    using fixture = openStoreFixture();
    fixture.commit(jobOf(machine, { gen: genOf(1), events: [prompt(1, 's-one', { cwd: '/home/a/x' }), prompt(2, 's-two', { cwd: '/elsewhere' })] }));
    for (const one of [session('user', 'A', 's-one'), session('user', 'A', 's-two')]) tell(fixture, one);
    tell(fixture, { by: 'user', stream: 'B', scope: 'directory', pick: 1, from: null, to: null });
    for (let done = false; !done;) ({ done } = fixture.store.forgetting.step({ scope: 'project', value: '/home/a/x' }, START_MS));
    expect(fixture.rows('SELECT scope, path FROM assignment')).toEqual([{ scope: 'session', path: null }]);
    expect(fixture.rows('SELECT session_id, stream_id FROM events')).toEqual([{ session_id: 's-two', stream_id: 'A' }]);
  });
});
