import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openReader } from '../../../collector/store/database.ts';
import { openDeadLetters } from '../../../collector/store/dead-letters.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { assignFact, genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const machine = refOf(testMachine(1));
const event = (name: string, rest: { [key: string]: JsonValue } = {}) =>
  testEvent({ machineId: machine.machineId, type: 'agent_tool_use', discriminator: `toolu_${name}` }, { session_id: 's', ...rest });
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const printedWith = (name: string, key: string, json: string): string => `${JSON.stringify(event(name)).slice(0, -1)},"${key}":${json}}`;

describe('a batch', () => {
  it('stores 499 events beside one that is refused', () => {
    using fixture = openStoreFixture();
    const events = Array.from({ length: 500 }, (_, index) => (index === 250 ? { nothing: true } : event(String(index))));
    const ack = fixture.answer(machine, { gen: genOf(1), to: 10, events }) as { verdicts: string; refused: unknown };
    expect(ack.verdicts).toBe(`${'s'.repeat(250)}r${'s'.repeat(249)}`);
    expect(ack.refused).toEqual([{ index: 250, code: 'malformed' }]);
    expect(fixture.rows('SELECT count(*) AS count FROM events')).toEqual([{ count: 499 }]);
  });

  it.each([
    ['too large', printedWith('big', 'text', JSON.stringify('é'.repeat(40_000))), 'too_large'],
    ['nested deeper than the database can read', printedWith('deep', 'x', nested(1500)), 'malformed'],
    ['nested deeper than it can be printed', printedWith('deeper', 'x', nested(20_000)), 'malformed'],
    ['an ID whose text cannot be stored', JSON.stringify(event('\ud800')), 'malformed'],
    ['an ID that says another time', JSON.stringify({ ...event('t'), timestamp: '2026-01-01T00:00:00.000Z' }), 'malformed'],
    ['a number where text belongs', JSON.stringify({ ...event('n'), session_id: 7 }), 'malformed'],
    ['no object', '"text"', 'malformed'],
    ['an event of another machine', JSON.stringify(testEvent({ machineId: testMachine(2), type: 'x', discriminator: 'y' })), 'foreign_machine'],
  ])('refuses and keeps %s, and its views stay readable', (_, printed, code) => {
    using fixture = openStoreFixture();
    expect(fixture.answer(machine, { gen: genOf(1), printed: [printed, JSON.stringify(event('good'))] })).toMatchObject({ verdicts: 'rs', refused: [{ index: 0, code }] });
    expect(fixture.rows('SELECT code, count FROM dead_letter')).toEqual([{ code, count: 1 }]);
    expect(fixture.rows('SELECT * FROM events')).toHaveLength(1);
  });

  it('keeps what it says beside events and cannot be stored as dead letters, and stores the rest', () => {
    using fixture = openStoreFixture();
    const state = { gen: genOf(1), offset: 0, after: '', session_id: 's', key: 'custom-title', value: 'Title' };
    const { answers, summary } = fixture.commit(jobOf(machine, {
      gen: genOf(1), to: 10, events: [event('a')],
      states: [
        state, { ...state, session_id: 'x'.repeat(300) }, { ...state, key: 'big', value: 'é'.repeat(40_000) },
        { ...state, key: 'deep', value: JSON.parse(nested(600)) as JsonValue },
      ],
      edges: [{ child: 'x'.repeat(300), parent: 's', via: 'forkedFrom' }],
      entries: ['x'.repeat(65)],
    }));
    expect(JSON.parse(answers[0]?.frame ?? '')).toMatchObject({ type: 'ack', verdicts: 's', refused: [] });
    expect(summary.machines).toMatchObject([{ stored: 1, refused: 5 }]);
    expect(fixture.rows("SELECT code, substr(subject, 1, instr(subject, ' ') - 1) AS part, count FROM dead_letter ORDER BY row")).toEqual([
      { code: 'too_large', part: 'state', count: 1 }, { code: 'too_large', part: 'edge', count: 1 }, { code: 'too_large', part: 'entry', count: 1 },
      { code: 'too_large', part: 'state', count: 1 }, { code: 'malformed', part: 'state', count: 1 },
    ]);
    expect(fixture.rows('SELECT title FROM sessions')).toEqual([{ title: 'Title' }]);
    expect(fixture.rows('SELECT value FROM session_state')).toEqual([{ value: '"Title"' }]);
  });

  it('keeps a flood of one foreign prefix as one row with a count', () => {
    using fixture = openStoreFixture();
    const events = Array.from({ length: 300 }, (_, index) => testEvent({ machineId: testMachine(2), type: 'x', discriminator: String(index) }));
    fixture.answer(machine, { gen: genOf(1), events });
    expect(fixture.rows('SELECT subject, count FROM dead_letter')).toEqual([{ subject: testMachine(2), count: 300 }]);
    expect(fixture.rows('SELECT code, count FROM refused_count')).toEqual([{ code: 'foreign_machine', count: 300 }]);
  });

  it('only counts what is refused beyond the cap', () => {
    using fixture = openStoreFixture();
    const letters = openDeadLetters(fixture.database, { rows: 3, bytes: 1000 });
    for (let index = 0; index < 10; index += 1) letters.store({ machine: 1, code: 'malformed', subject: String(index), gen: null, body: 'x' }, START_MS);
    for (let index = 0; index < 10; index += 1) letters.store({ machine: 2, code: 'malformed', subject: String(index), gen: null, body: 'é'.repeat(300) }, START_MS);
    expect(fixture.rows('SELECT machine, count(*) AS rows FROM dead_letter GROUP BY 1')).toEqual([{ machine: 1, rows: 3 }, { machine: 2, rows: 2 }]);
    expect(fixture.rows('SELECT machine, count FROM refused_count')).toEqual([{ machine: 1, count: 10 }, { machine: 2, count: 10 }]);
  });

  it('keeps unknown keys and types verbatim, and prints any canonical ID as it came', () => {
    using fixture = openStoreFixture();
    const times = ['0000-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2026-02-28T12:00:00.007Z'];
    const events = times.map((time, index) => testEvent({ machineId: machine.machineId, source: 'some.where', type: 'new_type', discriminator: `a:b:${index}:`, at: Date.parse(time) }, { inner: { deep: [1, null, 'é'] } }));
    expect(fixture.answer(machine, { gen: genOf(1), events })).toMatchObject({ verdicts: 'sssss' });
    const stored = fixture.rows('SELECT id, timestamp, data FROM events ORDER BY row') as { data: string }[];
    expect(stored.map(({ data, ...rest }) => ({ ...rest, inner: (JSON.parse(data) as { inner: unknown }).inner })))
      .toEqual(events.map(({ id, timestamp, inner }) => ({ id, timestamp, inner })));
  });

  it('is on disk once it is answered: a copy of the files taken then holds every acknowledged event', () => {
    using fixture = openStoreFixture();
    const directory = mkdtempSync(join(tmpdir(), 'tt-power-'));
    try {
      for (let round = 1; round <= 12; round += 1) {
        fixture.answer(machine, { gen: genOf(round), to: round, events: [event(`${round}-a`), event(`${round}-b`)] });
        const copy = join(directory, `${round}.db`);
        for (const suffix of ['', '-wal']) if (existsSync(fixture.path + suffix)) copyFileSync(fixture.path + suffix, copy + suffix);
        const reader = openReader(copy);
        expect(reader.prepare('SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM file) AS files').get()).toEqual({ events: 2 * round, files: round });
        expect(reader.pragma('quick_check', { simple: true })).toBe('ok');
        reader.close();
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('forgets what a rolled-back transaction had interned', () => {
    using fixture = openStoreFixture();
    const { store } = fixture;
    expect(() => store.transaction(() => {
      store.storeEvent(event('x', { cwd: '/lost', session_id: 'lost' }), null);
      throw new Error('no');
    })).toThrow('no');
    fixture.answer(machine, { gen: genOf(1), events: [event('a', { cwd: '/other', session_id: 'other' }), event('b', { cwd: '/lost', session_id: 'lost' })] });
    expect(fixture.rows('SELECT cwd, session_id FROM events ORDER BY row')).toEqual([{ cwd: '/other', session_id: 'other' }, { cwd: '/lost', session_id: 'lost' }]);
    fixture.reopen();
    expect(fixture.rows('SELECT cwd, session_id FROM sessions ORDER BY cwd')).toEqual([{ cwd: '/lost', session_id: 'lost' }, { cwd: '/other', session_id: 'other' }]);
  });
});

describe('a fact', () => {
  const claim = (session: string) => event('shared', { session_id: session });

  it('keeps its assignment when another claim wins it', () => {
    using fixture = openStoreFixture();
    fixture.answer(machine, { gen: genOf(1), bornAt: START_MS + 5, events: [claim('later')] });
    assignFact(fixture, 'st', 'agent_tool_use:toolu_shared');
    const read = () => fixture.rows('SELECT session_id, stream_id, assignment_source FROM events');
    expect(read()).toEqual([{ session_id: 'later', stream_id: 'st', assignment_source: 'user' }]);
    fixture.answer(machine, { gen: genOf(2), bornAt: START_MS, events: [claim('earlier')] });
    expect(read()).toEqual([{ session_id: 'earlier', stream_id: 'st', assignment_source: 'user' }]);
    expect(fixture.rows('SELECT session_id FROM event_copies')).toEqual([{ session_id: 'later' }]);
  });

  it('goes back to the original when the edge that tells it comes late', () => {
    using fixture = openStoreFixture();
    fixture.answer(machine, { gen: genOf(1), bornAt: START_MS, events: [claim('fork')] });
    fixture.answer(machine, { gen: genOf(2), bornAt: START_MS + 5, events: [claim('original')] });
    expect(fixture.rows('SELECT session_id, tool_uses FROM sessions')).toEqual([{ session_id: 'fork', tool_uses: 1 }]);
    fixture.answer(machine, { gen: genOf(3), edges: [{ child: 'fork', parent: 'middle', via: 'forkedFrom' }] });
    fixture.answer(machine, { gen: genOf(4), edges: [{ child: 'middle', parent: 'original', via: 'requestSessionId' }] });
    expect(fixture.rows('SELECT session_id, tool_uses FROM sessions')).toEqual([{ session_id: 'original', tool_uses: 1 }]);
  });

  it('is decided again when a machine that had been imported is enrolled', () => {
    using fixture = openStoreFixture();
    const other = testEvent({ machineId: testMachine(2), type: 'agent_tool_use', discriminator: 'toolu_shared' }, { session_id: 's' });
    fixture.store.transaction(() => fixture.store.storeEvent(other, null));
    fixture.answer(refOf(machine.machineId, START_MS), { gen: genOf(1), bornAt: null, events: [claim('s')] });
    expect(fixture.rows('SELECT machine_id FROM events')).toEqual([{ machine_id: machine.machineId }]);
    fixture.answer(refOf(testMachine(2), START_MS - 1), { gen: genOf(2) });
    expect(fixture.rows('SELECT machine_id FROM events')).toEqual([{ machine_id: testMachine(2) }]);
  });
});
