import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compact } from '../../../collector/store/compaction.ts';
import { openEventStore } from '../../../collector/store/event-store.ts';
import { planForget } from '../../../collector/store/forget-scope.ts';
import { readTombstones, isWithin, type ForgetTarget } from '../../../collector/store/tombstones.ts';
import { createCommitter } from '../../../collector/writer/commit.ts';
import type { JsonValue, TtEvent } from '../../../shared/event.ts';
import { assignFact, genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type BatchParts, type StoreFixture } from '../../support/store-fixture.ts';

const [devbox, gpu] = [refOf(testMachine(1)), refOf(testMachine(2), START_MS + 1)];
const SECRET = 'quetzalcoatl';
const UNIT = 3000; // long enough for pages of their own

interface Said {
  session: string;
  name: string;
  cwd?: string;
  machine?: typeof devbox;
  type?: string;
  second?: number;
  rest?: { [key: string]: JsonValue };
}

function said({ session, name, cwd = '/home/a/x', machine = devbox, type = 'user_message', second = 0, rest = {} }: Said): TtEvent {
  return testEvent({ machineId: machine.machineId, type, discriminator: name, at: START_MS + second * 1000 }, { session_id: session, cwd, text: `${session} ${name}`, ...rest });
}

const answered = (session: string, name: string, output: number, more: Partial<Said> = {}): TtEvent => said({
  session, name, type: 'assistant_message', ...more,
  rest: { message_id: `msg_${name.split('.')[0]}`, usage: { input_tokens: 1, output_tokens: output, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }, ...more.rest },
});

let gens = 0;
function store(fixture: StoreFixture, events: readonly unknown[], more: Partial<BatchParts> = {}, machine = devbox): unknown {
  return fixture.answer(machine, { gen: genOf(++gens), to: 10, events, ...more });
}

function forget(fixture: StoreFixture, target: ForgetTarget): number {
  for (;;) {
    const { done, removed } = fixture.store.forgetting.step(target, START_MS);
    if (done) return removed;
  }
}

function derived(fixture: StoreFixture): unknown {
  return [
    fixture.rows('SELECT id, session_id, cwd, text FROM (SELECT *, json_extract(data, \'$.text\') AS text FROM events) ORDER BY id'),
    fixture.rows('SELECT id, session_id FROM event_copies ORDER BY id, session_id'),
    fixture.rows('SELECT * FROM sessions ORDER BY session_id, agent_id'),
    fixture.rows('SELECT message_id, session_id, output_tokens FROM message_usage ORDER BY message_id'),
  ];
}

function isInFile(fixture: StoreFixture, text: string): boolean {
  return ['', '-wal', '-shm'].some((suffix) => readFileSync(fixture.path + suffix).includes(text));
}

describe('a forgotten session', () => {
  it('is gone with all that names it, and nothing else is', () => {
    using fixture = openStoreFixture();
    store(fixture, [said({ session: 'stays', name: 'a' }), answered('stays', 'm1', 5)]);
    const before = derived(fixture);
    store(fixture, [said({ session: 'goes', name: 'b', cwd: '/only/here' }), answered('goes', 'm2', 5)], {
      states: [{ gen: genOf(99), offset: 1, after: '', session_id: 'goes', key: 'ai-title', value: 'a title' }],
      edges: [{ child: 'goes', parent: 'goes-too', via: 'forkedFrom' }],
    });
    store(fixture, [{ id: 'bad', session_id: 'goes' }]);
    for (const name of ['a', 'b']) assignFact(fixture, 's', `user_message:${name}`);
    fixture.database.exec(`INSERT INTO interval (from_at, session, form, to_at, event, event_at, machine, kind, fact)
      SELECT 1, session, 'delegated', 2, 1, 1, 1, 1, 1 FROM session_key WHERE session_id = 'goes'`);
    fixture.store.transaction(() => fixture.store.gaps.store(1, [{ gen: genOf(1), path: '/p/goes.jsonl', from: 0, to: 1, t_from: '', t_to: '', reason: 'released' }], START_MS));
    const target: ForgetTarget = { scope: 'session', value: 'goes' };
    expect(planForget(fixture.database, target)).toEqual({ events: 2, kept: 0, copies: 0, sessions: 1, responses: 1, states: 1, assignments: 1, dead_letters: 1, gaps: 1 });
    expect(forget(fixture, target)).toBe(3);
    expect(derived(fixture)).toEqual(before);
    expect(planForget(fixture.database, target)).toMatchObject({ events: 0, copies: 0, states: 0, assignments: 0, dead_letters: 0, gaps: 0 });
    expect(fixture.rows('SELECT fact_key FROM assigned_fact')).toEqual([{ fact_key: 'user_message:a' }]);
    expect(fixture.rows('SELECT * FROM interval')).toEqual([]);
    expect(readTombstones(fixture.database)).toEqual([{ ...target, atMs: START_MS, finishedAtMs: START_MS }]);
  });

  it('stays out when it is sent again, and only that it was refused is counted', () => {
    using fixture = openStoreFixture();
    const events = [said({ session: 'goes', name: 'a' }), said({ session: 'stays', name: 'b' })];
    const states = [{ gen: genOf(98), offset: 1, after: '', session_id: 'goes', key: 'ai-title', value: SECRET }];
    store(fixture, events, { states });
    forget(fixture, { scope: 'session', value: 'goes' });
    fixture.reopen();
    expect(store(fixture, events, { states, edges: [{ child: 'goes', parent: 'goes', via: 'forkedFrom' }] })).toEqual({
      type: 'ack', seq: 1, verdicts: 'rd', refused: [{ index: 0, code: 'forgotten' }],
    });
    expect(fixture.rows('SELECT session_id FROM events')).toEqual([{ session_id: 'stays' }]);
    expect(fixture.rows('SELECT * FROM session_state_row')).toEqual([]);
    expect(fixture.rows('SELECT * FROM dead_letter')).toEqual([]);
    expect(fixture.rows('SELECT code, count FROM refused_count')).toEqual([{ code: 'forgotten', count: 2 }]);
  });

  it('comes back by a rewind once it is taken out of the list', () => {
    using fixture = openStoreFixture();
    const event = said({ session: 'goes', name: 'a' });
    store(fixture, [event]);
    forget(fixture, { scope: 'session', value: 'goes' });
    expect(fixture.store.forgetting.undo({ scope: 'session', value: 'goes' })).toBe(true);
    expect(fixture.store.forgetting.undo({ scope: 'session', value: 'goes' })).toBe(false);
    expect(store(fixture, [event])).toMatchObject({ verdicts: 's' });
  });

  it('leaves its copies to the sessions that are not forgotten, with their assignments', () => {
    using fixture = openStoreFixture();
    store(fixture, [said({ session: 'first', name: 'shared' }), answered('first', 'm1', 9)], { bornAt: START_MS });
    store(fixture, [said({ session: 'second', name: 'shared' }), answered('second', 'm1', 9)], { bornAt: START_MS + 5 });
    assignFact(fixture, 's', 'user_message:shared');
    expect(planForget(fixture.database, { scope: 'session', value: 'first' })).toMatchObject({ events: 2, kept: 2 });
    forget(fixture, { scope: 'session', value: 'first' });
    expect(fixture.rows('SELECT session_id, stream_id FROM events ORDER BY type')).toEqual([{ session_id: 'second', stream_id: null }, { session_id: 'second', stream_id: 's' }]);
    expect(fixture.rows('SELECT * FROM event_copies')).toEqual([]);
    expect(fixture.rows('SELECT session_id, prompts FROM sessions')).toEqual([{ session_id: 'second', prompts: 1 }]);
    expect(fixture.rows('SELECT session_id, output_tokens FROM message_usage')).toEqual([{ session_id: 'second', output_tokens: 9 }]);
  });

  it('leaves a response to the best entry of another session', () => {
    using fixture = openStoreFixture();
    store(fixture, [answered('goes', 'm1.a', 9), answered('stays', 'm1.b', 4, { second: 3 })]);
    forget(fixture, { scope: 'session', value: 'goes' });
    expect(fixture.rows('SELECT session_id, output_tokens FROM message_usage')).toEqual([{ session_id: 'stays', output_tokens: 4 }]);
  });
});

describe('a forgotten project', () => {
  it('is its directory and what lies below, not what begins with the same letters', () => {
    expect([isWithin('/home/a/x', '/home/a/x'), isWithin('/home/a/x/y', '/home/a/x'), isWithin('/home/a/xy', '/home/a/x'), isWithin('/home/a', '/home/a/x')]).toEqual([true, true, false, false]);
    using fixture = openStoreFixture();
    store(fixture, [
      said({ session: 'in', name: 'a', cwd: '/home/a/x' }), said({ session: 'below', name: 'b', cwd: '/home/a/x/y' }), said({ session: 'beside', name: 'c', cwd: '/home/a/xy' }),
      testEvent({ machineId: devbox.machineId, type: 'tmux_pane_focus', discriminator: '%1', source: 'remote.tmux' }, { cwd: '/home/a/x' }),
    ]);
    forget(fixture, { scope: 'project', value: '/home/a/x' });
    expect(fixture.rows('SELECT session_id FROM events')).toEqual([{ session_id: 'beside' }]);
  });

  it('takes a session that began there whole, and of others only what they did there', () => {
    using fixture = openStoreFixture();
    const events = [
      said({ session: 'began', name: 'a' }), said({ session: 'began', name: 'b', cwd: '/elsewhere', second: 1 }),
      said({ session: 'passed', name: 'c', cwd: '/elsewhere' }), said({ session: 'passed', name: 'd', second: 1 }),
    ];
    const states = ['began', 'passed'].map((session_id) => ({ gen: genOf(97), offset: 1, after: '', session_id, key: 'ai-title', value: 'x' }));
    const check = (): void => {
      expect(fixture.rows('SELECT session_id, cwd FROM events')).toEqual([{ session_id: 'passed', cwd: '/elsewhere' }]);
      expect(fixture.rows('SELECT session_id, prompts, title FROM sessions')).toEqual([{ session_id: 'passed', prompts: 1, title: 'x' }]);
    };
    store(fixture, events, { states });
    forget(fixture, { scope: 'project', value: '/home/a/x' });
    check();
    expect(store(fixture, events, { states })).toMatchObject({ verdicts: 'rrdr' });
    check();
  });

  it('keeps out sessions that begin there later, with what they say without a directory', () => {
    using fixture = openStoreFixture();
    store(fixture, [said({ session: 'old', name: 'a' })]);
    forget(fixture, { scope: 'project', value: '/home/a/x' });
    store(fixture, [said({ session: 'new', name: 'b' })], { states: [{ gen: genOf(96), offset: 1, after: '', session_id: 'new', key: 'last-prompt', value: SECRET }] });
    expect(fixture.rows('SELECT 1 FROM events UNION ALL SELECT 1 FROM session_state_row')).toEqual([]);
    fixture.store.forgetting.undo({ scope: 'project', value: '/home/a/x' });
    expect(store(fixture, [said({ session: 'new', name: 'b' })])).toMatchObject({ verdicts: 's' });
  });
});

describe('a forgotten machine', () => {
  it('leaves what others said, and is refused until it is let in again', () => {
    using fixture = openStoreFixture();
    store(fixture, [said({ session: 's', name: 'a' })]);
    store(fixture, [said({ session: 's', name: 'b', machine: gpu })], {}, gpu);
    store(fixture, ['bad'], {}, gpu);
    forget(fixture, { scope: 'machine', value: gpu.machineId });
    expect(fixture.rows('SELECT machine_id FROM events')).toEqual([{ machine_id: devbox.machineId }]);
    expect(fixture.rows('SELECT session_id, prompts FROM sessions')).toEqual([{ session_id: 's', prompts: 1 }]);
    expect(fixture.rows('SELECT 1 FROM dead_letter')).toEqual([]);
    expect(store(fixture, [said({ session: 's', name: 'c', machine: gpu })], {}, gpu)).toMatchObject({ verdicts: 'r' });
  });
});

/** What was run over this connection since, once each. */
function runStatements({ database }: StoreFixture): ReadonlySet<string> {
  const ran = new Set<string>();
  const prepare = database.prepare.bind(database);
  database.prepare = ((sql: string) => {
    const statement = prepare(sql);
    const run = statement.run.bind(statement);
    return Object.assign(statement, { run: (...args: unknown[]) => {
      ran.add(sql);
      return run(...args);
    } });
  }) as typeof prepare;
  return ran;
}

describe('forgetting', () => {
  it('finds the response of an entry by its index, however many others there are', () => {
    using fixture = openStoreFixture();
    store(fixture, [answered('goes', 'm1', 5), answered('stays', 'm2', 5)]);
    // As after 32,768 more: all of them are in the index.
    fixture.database.exec(`INSERT INTO response (hash, row) SELECT hash, row FROM usage_row;
      WITH RECURSIVE ranges (range) AS (SELECT 0 UNION ALL SELECT range + 1 FROM ranges WHERE range < 511)
        INSERT OR REPLACE INTO response_range (range, through) SELECT range, 2 FROM ranges`);
    fixture.reopen();
    const ran = runStatements(fixture);
    Object.assign(fixture, { store: openEventStore(fixture.database) });
    forget(fixture, { scope: 'session', value: 'goes' });
    const ofResponses = [...ran].filter((sql) => /^\s*(DELETE FROM|UPDATE) usage_row/.test(sql));
    expect(ofResponses).not.toEqual([]);
    const steps = ofResponses.flatMap((sql) => fixture.rows(`EXPLAIN QUERY PLAN ${sql}`, ...sql.replace(/[^?]/g, '')) as { detail: string }[]);
    expect(steps.filter(({ detail }) => detail.startsWith('SCAN'))).toEqual([]);
    // What the index held of it is gone with it.
    expect(fixture.rows('SELECT r.row FROM response r LEFT JOIN usage_row u ON u.row = r.row WHERE u.row IS NULL')).toEqual([]);
    expect(fixture.rows('SELECT count(*) AS count FROM usage_row')).toEqual([{ count: 1 }]);
  });

  it('leaves no word in the file, whatever moved between its pages before', () => {
    using fixture = openStoreFixture();
    for (let round = 0; round < 40; round++) {
      const session = round % 2 === 0 ? 'goes' : 'stays';
      const word = session === 'goes' ? SECRET : 'ordinary';
      const cwd = session === 'goes' ? `/home/${SECRET}` : '/home/b';
      store(fixture, Array.from({ length: 10 }, (_, i) => said({ session, name: `${round}-${i}`, second: round, cwd, rest: { text: word.repeat(UNIT / word.length) } })), {
        states: Array.from({ length: 5 }, (_, i) => ({ gen: genOf(95), offset: round, after: '', session_id: session, key: `k${i}`, value: word.repeat(20 + round) })),
      });
      if (round % 10 === 0) fixture.database.pragma('wal_checkpoint(PASSIVE)');
    }
    store(fixture, [{ broken: SECRET, session_id: 'goes' }]);
    expect(isInFile(fixture, SECRET)).toBe(true);
    forget(fixture, { scope: 'session', value: 'goes' });
    expect(compact(fixture.database)).toMatchObject({ isClean: true });
    fixture.store.forgetCaches();
    expect(isInFile(fixture, SECRET)).toBe(false);
    expect(isInFile(fixture, 'ordinary')).toBe(true);
    expect(fixture.rows('SELECT path FROM cwd_key')).toEqual([{ path: '/home/b' }]);
    // Keys that were given back are given out again, to others.
    store(fixture, [said({ session: 'later', name: 'z', cwd: '/home/c' })]);
    expect(fixture.rows("SELECT session_id, cwd FROM events WHERE session_id <> 'stays'")).toEqual([{ session_id: 'later', cwd: '/home/c' }]);
  });

  it('is as if it had never been said, whatever was said, and however often it is interrupted', () => {
    const session = fc.constantFrom('s1', 's2', 's3');
    const event = fc.record({
      session, machine: fc.constantFrom(devbox, gpu), cwd: fc.constantFrom('/home/a/x', '/home/a/x/y', '/home/b'), name: fc.constantFrom('a', 'b', 'c', 'd'),
      second: fc.nat({ max: 3 }), output: fc.option(fc.nat({ max: 5 })), bornAt: fc.option(fc.nat({ max: 3 }), { nil: null }),
    });
    const edge = fc.record({ child: session, parent: session, via: fc.constant('forkedFrom' as const) });
    const target: fc.Arbitrary<ForgetTarget> = fc.oneof(
      session.map((value): ForgetTarget => ({ scope: 'session', value })),
      fc.constantFrom(devbox, gpu).map(({ machineId }): ForgetTarget => ({ scope: 'machine', value: machineId })),
    );
    fc.assert(fc.property(fc.array(event, { maxLength: 25 }), fc.array(edge, { maxLength: 3 }), target, fc.array(fc.nat({ max: 4 }), { maxLength: 2 }), (all, edges, what, cuts) => {
      using told = openStoreFixture();
      using untold = openStoreFixture();
      // Interrupted is the program, not the power: nothing here has to be on the disk.
      const hurry = ({ database }: StoreFixture): unknown => database.pragma('synchronous = OFF');
      [told, untold].forEach(hurry);
      const tell = (fixture: StoreFixture, some: typeof all): void => {
        // One commit: a sync for each would be most of the time.
        const edged = [devbox, gpu].map((ref) => jobOf(ref, { gen: genOf(++gens), edges }));
        fixture.commit(...edged, ...some.map(({ machine, bornAt, output, ...rest }) => {
          const one = output === null ? said({ machine, ...rest }) : answered(rest.session, rest.name, output, { machine, ...rest });
          return jobOf(machine, { gen: genOf(++gens), to: 10, events: [one], bornAt: bornAt === null ? null : START_MS + bornAt });
        }));
      };
      tell(told, all);
      tell(untold, all.filter((one) => (what.scope === 'session' ? one.session : one.machine.machineId) !== what.value));
      for (const cut of cuts) {
        let calls = 0;
        const steps = openEventStore(told.database, { elapsed: () => 1000 * calls++ }).forgetting;
        for (let step = 0; step <= cut; step++) steps.step(what, START_MS);
        told.reopen();
        hurry(told);
      }
      forget(told, what);
      expect(derived(told)).toEqual(derived(untold));
      const before = derived(told);
      told.store.rebuild();
      expect(derived(told)).toEqual(before);
    }), { numRuns: 40 });
  }, 30_000);

  it('passes the writer on between its steps', () => {
    using fixture = openStoreFixture();
    store(fixture, Array.from({ length: 450 }, (_, i) => said({ session: 'goes', name: `n${i}` })));
    let nowMs = 0;
    const stepped = openEventStore(fixture.database, { elapsed: () => (nowMs += 15) });
    Object.assign(fixture, { store: stepped, committer: createCommitter(stepped, { now: () => START_MS }) });
    const { forgetting } = stepped;
    const target: ForgetTarget = { scope: 'session', value: 'goes' };
    const removed: number[] = [];
    for (let isDone = false; !isDone;) {
      const progress = forgetting.step(target, START_MS);
      removed.push(progress.removed);
      isDone = progress.done;
      store(fixture, [said({ session: 'goes', name: `late${removed.length}` }), said({ session: 'stays', name: `s${removed.length}` })]);
    }
    expect(removed.length).toBeGreaterThan(3);
    expect(Math.max(...removed.map((count, i) => count - (removed[i - 1] ?? 0)))).toBeLessThanOrEqual(200);
    expect(fixture.rows("SELECT count(*) AS count FROM events WHERE session_id = 'goes'")).toEqual([{ count: 0 }]);
    expect(fixture.rows("SELECT count(*) AS count FROM events WHERE session_id = 'stays'")).toEqual([{ count: removed.length }]);
  });
});
