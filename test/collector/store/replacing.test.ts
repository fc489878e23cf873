import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MachineRef } from '../../../collector/writer/messages.ts';
import { entryUuidOf } from '../../../shared/event-id.ts';
import type { TtEvent } from '../../../shared/event.ts';
import { assignFact, genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type BatchParts, type StoreFixture } from '../../support/store-fixture.ts';

const MACHINES = [refOf(testMachine(1)), refOf(testMachine(2), START_MS + 1000)] as const;
const SESSIONS = ['s-original', 's-fork', 's-alone'] as const;
const index = (below: number) => fc.integer({ min: 0, max: below - 1 });
const uuidOf = (entry: number): string => `00000000-0000-4000-8000-${String(entry).padStart(12, '0')}`;

/** A file: who has it, and of which session. The same entries stand in all of them (copies and forks). */
interface File {
  machine: MachineRef;
  session: string;
  number: number;
}
const FILES: File[] = MACHINES.flatMap((machine, m) => SESSIONS.map((session, s) => ({ machine, session, number: m * SESSIONS.length + s + 1 })));

/** What extraction `version` makes of an entry. The earlier one is wrong in several ways, the later one sees some entries as nothing. */
function extract(file: File, entry: number, version: 2 | 3): TtEvent[] {
  const { machineId } = file.machine;
  const uuid = uuidOf(entry);
  const at = START_MS + entry * 1000;
  const common = { session_id: file.session, cwd: `/work/${file.session}`, schema_version: version };
  const tool = (id: string, type: string) => testEvent({ machineId, type, discriminator: id, at }, { ...common, entry_uuid: uuid, tool: 'Bash' });
  const prompt = testEvent({ machineId, type: 'user_message', discriminator: uuid, at }, { ...common, kind: 'prompt', origin: 'human', text: `v${version}` });
  const answer = (output: number) => testEvent({ machineId, type: 'assistant_message', discriminator: uuid, at }, {
    ...common, message_id: `msg_${entry % 3}`, model: 'm', stop_reason: 'end_turn',
    usage: { input_tokens: 1, output_tokens: output, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  });
  const ended = testEvent({ machineId, type: 'agent_turn', discriminator: `${uuid}:ended`, at }, { ...common, action: 'ended' });
  switch (entry % 6) {
    case 0: return version === 2 ? [prompt] : []; // a tool result that was taken for a prompt
    case 1: return version === 2 ? [answer(100 + entry)] : [answer(entry)];
    case 2: return version === 2 ? [tool(`${uuid}:0`, 'agent_tool_use')] : [tool(`toolu_${entry}`, 'agent_tool_use')];
    case 3: return version === 2 ? [prompt, tool(`toolu_r${entry}`, 'agent_tool_result')] : [tool(`toolu_r${entry}`, 'agent_tool_result')];
    case 4: return version === 2 ? [ended, answer(7)] : [answer(7)];
    default: return version === 2 ? [prompt] : [{ ...prompt, timestamp: prompt.timestamp }, ended];
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const ENTRIES = 12;
/** `isNew`: lines that were written after the upgrade, so nobody names their entries. */
type Said = { file: File; first: number; count: number; version: 2 | 3; isNew?: boolean };
const said = (version: 2 | 3): fc.Arbitrary<Said> => fc.record({ file: index(FILES.length), first: index(ENTRIES), count: fc.integer({ min: 1, max: 5 }), isNew: fc.boolean() })
  .map(({ file, first, count, isNew }) => ({ file: FILES[file]!, first, count: Math.min(count, ENTRIES - first), version, isNew }));
const whole = (file: File): Said => ({ file, first: 0, count: ENTRIES, version: 3 });

function partsOf({ file, first, count, version, isNew = false }: Said, isReplacing: boolean): BatchParts {
  const numbers = Array.from({ length: count }, (_, offset) => first + offset);
  return {
    gen: genOf(file.number), from: 0, to: 0, bornAt: START_MS - file.number * 1000,
    events: numbers.flatMap((entry) => extract(file, entry, version)),
    ...(version === 3 && isReplacing && !isNew ? { entries: numbers.map(uuidOf), schemaVersion: 3 } : {}),
  };
}

function arrive(fixture: StoreFixture, arrivals: readonly Said[], { isReplacing = true, group = 1 } = {}): void {
  for (let at = 0; at < arrivals.length; at += group) {
    fixture.commit(...arrivals.slice(at, at + group).map((one) => jobOf(one.file.machine, partsOf(one, isReplacing))));
  }
}

/** The files of every machine are asked for, and none is ever finished. */
function askForAll({ store }: StoreFixture): void {
  store.transaction(() => {
    for (const machine of MACHINES) store.replacing.want(store.machine(machine), FILES.map(({ number }) => [genOf(number), 1_000_000, '']));
  });
}

const edges = { gen: genOf(99), edges: [{ child: 's-fork', parent: 's-original', via: 'forkedFrom' as const }] };

const TABLES = {
  events: 'SELECT id, schema_version, cwd, session_id, data FROM events ORDER BY id, session_id',
  event_copies: `SELECT c.id, c.session_id, c.schema_version, c.data, e.id AS event FROM event_copies c JOIN events e ON e.row = c.event ORDER BY c.id, c.session_id`,
  sessions: 'SELECT * FROM sessions ORDER BY session_id, agent_id',
  message_usage: `SELECT u.message_id, u.session_id, u.machine_id, u.output_tokens, e.id FROM message_usage u JOIN events e ON e.row = u.event ORDER BY u.message_id`,
};
const contentOf = (fixture: StoreFixture) => Object.fromEntries(Object.entries(TABLES).map(([name, sql]) => [name, fixture.rows(sql)]));

const history = fc.record({
  before: fc.array(said(2), { minLength: 1, maxLength: 10 }),
  // What one file was read again for, and pieces of others: together they name every entry.
  reader: index(FILES.length),
  more: fc.array(said(3), { maxLength: 8 }),
  group: fc.integer({ min: 1, max: 4 }),
}).chain(({ before, reader, more, group }) => {
  const after = [whole(FILES[reader]!), ...more];
  const all = [...before, ...after];
  return fc.record({
    before: fc.constant(before), after: fc.constant(after), group: fc.constant(group),
    order: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
    again: fc.shuffledSubarray(all),
  });
});

describe('entries that are named again by better extraction', () => {
  it('leave the rows that only the better one gives, in any order, grouping and number of times', { timeout: 120_000 }, () => {
    fc.assert(fc.property(history, ({ after, order, again, group }) => {
      using only = openStoreFixture();
      using both = openStoreFixture();
      for (const fixture of [only, both]) fixture.answer(MACHINES[0], edges);
      askForAll(both);
      arrive(only, after, { isReplacing: false });
      arrive(both, [...order, ...again], { group });
      const content = contentOf(only);
      expect(contentOf(both)).toEqual(content);
      both.reopen();
      arrive(both, again, { group });
      both.store.rebuild();
      expect(contentOf(both)).toEqual(content);
    }), { numRuns: 40 });
  });

  it('take nothing away when they are not named, or nobody asked for it', () => {
    fc.assert(fc.property(history, ({ order, group }) => {
      using plain = openStoreFixture();
      using unasked = openStoreFixture();
      arrive(plain, order, { isReplacing: false, group });
      arrive(unasked, order, { group });
      const ids = order.flatMap((one) => partsOf(one, false).events as TtEvent[]).map((event) => `${event.id} ${textOf(event['session_id'])}`);
      const stored = [...plain.rows('SELECT id, session_id FROM events'), ...plain.rows('SELECT id, session_id FROM event_copies')] as { id: string; session_id: string }[];
      expect(new Set(stored.map((row) => `${row.id} ${row.session_id}`))).toEqual(new Set(ids));
      expect(contentOf(unasked)).toEqual(contentOf(plain));
    }), { numRuns: 15 });
  });

  it('keep the row and its assignment where the fact is the same', () => {
    using fixture = openStoreFixture();
    const file = FILES[0]!;
    arrive(fixture, [{ file, first: 3, count: 1, version: 2 }]);
    assignFact(fixture, 'st', 'agent_tool_result:toolu_r3');
    const before = fixture.rows("SELECT row FROM events WHERE type = 'agent_tool_result'");
    askForAll(fixture);
    arrive(fixture, [{ file, first: 3, count: 1, version: 3 }]);
    expect(fixture.rows('SELECT type, stream_id FROM events')).toEqual([{ type: 'agent_tool_result', stream_id: 'st' }]);
    expect(fixture.rows('SELECT row FROM events')).toEqual(before);
  });

  it('let a copy win that only a removed claim kept from winning', () => {
    using fixture = openStoreFixture();
    fixture.answer(MACHINES[0], edges);
    askForAll(fixture);
    const say = (session: string, version: 2 | 3, bornAt: number) => {
      const file = FILES.find((one) => one.session === session)!;
      fixture.answer(file.machine, { gen: genOf(50), bornAt, events: extract(file, 4, version).slice(-1) });
    };
    say('s-original', 2, START_MS + 9);
    say('s-fork', 3, START_MS);
    say('s-alone', 3, START_MS + 5);
    expect(fixture.rows('SELECT session_id FROM events')).toEqual([{ session_id: 's-alone' }]);
    fixture.answer(MACHINES[0], { gen: genOf(1), entries: [uuidOf(4)], schemaVersion: 3 });
    expect(fixture.rows('SELECT session_id FROM events')).toEqual([{ session_id: 's-fork' }]);
    expect(fixture.rows('SELECT session_id FROM message_usage')).toEqual([{ session_id: 's-fork' }]);
  });

  it('touch nothing but what the Claude source said about them', () => {
    using fixture = openStoreFixture();
    const [machine] = MACHINES;
    const events = [
      testEvent({ machineId: machine.machineId, type: 'tmux_scroll', source: 'remote.tmux', discriminator: uuidOf(1) }, { agent: 'tmux' }),
      testEvent({ machineId: machine.machineId, type: 'user_message', discriminator: uuidOf(1) }, { schema_version: 1 }),
      testEvent({ machineId: machine.machineId, type: 'agent_status', discriminator: 's:1:busy' }, { entry_uuid: uuidOf(1) }),
    ];
    fixture.answer(machine, { gen: genOf(1), events });
    askForAll(fixture);
    fixture.answer(machine, { gen: genOf(1), entries: [uuidOf(1)], schemaVersion: 9 });
    expect(fixture.rows('SELECT id FROM events ORDER BY row')).toEqual(events.map(({ id }) => ({ id })));
  });

  it('are known by the version of the events where an agent does not say its own', () => {
    using fixture = openStoreFixture();
    const file = FILES[0]!;
    arrive(fixture, [{ file, first: 0, count: 2, version: 2 }]);
    askForAll(fixture);
    const { schemaVersion: _, ...parts } = partsOf({ file, first: 0, count: 2, version: 3 }, true);
    fixture.answer(file.machine, parts);
    expect(fixture.rows('SELECT DISTINCT schema_version FROM events')).toEqual([{ schema_version: 3 }]);
  });
});

describe('a file that is to be read again', () => {
  const [machine] = MACHINES;
  const indexes = (fixture: StoreFixture) => fixture.rows("SELECT name FROM sqlite_master WHERE name LIKE '%_row_entry' ORDER BY 1");
  const wanted = (fixture: StoreFixture) => fixture.store.replacing.wanted(fixture.store.machineKey(machine.machineId));

  it('is asked for until its last stored byte came again, over restarts', () => {
    using fixture = openStoreFixture();
    fixture.answer(machine, { gen: genOf(1), to: 100 });
    const { store } = fixture;
    store.transaction(() => store.replacing.want(store.machine(machine), store.ledger.positions(store.machine(machine))));
    expect(wanted(fixture)).toEqual([{ gen: genOf(1), from: 0 }]);
    const step = (from: number, to: number) => fixture.answer(machine, { gen: genOf(1), from, to, entries: [uuidOf(1)], schemaVersion: 3 });
    step(0, 0);
    step(0, 40);
    expect(indexes(fixture)).toHaveLength(2);
    fixture.reopen();
    expect(wanted(fixture)).toEqual([{ gen: genOf(1), from: 40 }]);
    step(60, 80); // behind a hole
    expect(wanted(fixture)).toEqual([{ gen: genOf(1), from: 40 }]);
    fixture.answer(machine, { gen: genOf(1), from: 0, to: 100 }); // names no entries
    expect(wanted(fixture)).toEqual([{ gen: genOf(1), from: 40 }]);
    step(20, 100);
    expect(wanted(fixture)).toEqual([]);
    expect(indexes(fixture)).toEqual([]);
  });

  it('is no longer asked for when it is closed', () => {
    using fixture = openStoreFixture();
    const { store } = fixture;
    fixture.answer(machine, { gen: genOf(1), to: 100 });
    store.transaction(() => store.replacing.want(store.machine(machine), [[genOf(1), 100, '']]));
    store.transaction(() => store.replacing.close(store.machine(machine), [genOf(1)]));
    expect(wanted(fixture)).toEqual([]);
  });

  it('finds what was said about an entry by an index', () => {
    using fixture = openStoreFixture();
    askForAll(fixture);
    fixture.answer(machine, { gen: genOf(1), entries: [uuidOf(1)], schemaVersion: 3 });
    expect(indexes(fixture)).toHaveLength(2);
    const sql = fixture.rows("SELECT sql FROM sqlite_master WHERE name = 'event_row_entry'") as { sql: string }[];
    const expression = /\((coalesce[\s\S]*)\)$/.exec(sql[0]?.sql ?? '')?.[1] ?? '';
    expect(fixture.rows(`EXPLAIN QUERY PLAN SELECT row FROM event_row WHERE ${expression} = ? AND schema_version < ?`, '', 1))
      .toMatchObject([{ detail: 'SEARCH event_row USING INDEX event_row_entry (<expr>=?)' }]);
  });

  it('reads the entry of an event as the event itself tells it', () => {
    using fixture = openStoreFixture();
    const file = FILES[0]!;
    const events = Array.from({ length: 6 }, (_, entry) => extract(file, entry, 2)).flat();
    fixture.answer(file.machine, { gen: genOf(1), events });
    askForAll(fixture);
    for (const entry of new Set(events.map(entryUuidOf))) fixture.answer(file.machine, { gen: genOf(1), entries: [entry ?? ''], schemaVersion: 3 });
    expect(fixture.rows('SELECT id FROM events')).toEqual([]);
    expect(fixture.rows('SELECT * FROM sessions')).toEqual([]);
    expect(fixture.rows('SELECT * FROM message_usage')).toEqual([]);
  });
});
