import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LineageEdge, SessionState, TtEvent } from '../../../shared/event.ts';
import type { MachineRef } from '../../../collector/writer/messages.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

/** What one log line somewhere says: it arrives in any order, any number of times. */
type Said =
  | { machine: MachineRef; bornAt: number | null; event: TtEvent }
  | { machine: MachineRef; state: SessionState }
  | { machine: MachineRef; edge: LineageEdge };

const MACHINES = [1, 2, 3].map((digit) => refOf(testMachine(digit), START_MS + (digit % 2) * 1000));
const SESSIONS = ['s-one', 's-two', 's-three', 's-four'];
const index = (below: number) => fc.integer({ min: 0, max: below - 1 });

/** An entry's content goes by its number alone; machine, session and birth are those of the file that copies it. */
function eventOf(entry: number, machine: MachineRef, session: string): TtEvent {
  const uuid = `00000000-0000-4000-8000-${String(entry).padStart(12, '0')}`;
  const at = START_MS + Math.floor(entry / 3) * 500;
  const { machineId } = machine;
  const common = { session_id: session, cwd: `/work/${entry % 3}`, ...(Math.floor(entry / 4) % 2 === 1 ? { agent_id: 'side' } : {}) };
  switch (entry % 7) {
    case 0:
      return testEvent({ machineId, type: 'user_message', discriminator: uuid, at }, { ...common, kind: ['prompt', 'command', 'interrupt'][entry % 3] ?? 'prompt', origin: 'human' });
    case 1:
      return testEvent({ machineId, type: 'agent_tool_use', discriminator: `toolu_${entry}`, at }, { ...common, tool: 'Bash' });
    case 2:
      return testEvent({ machineId, type: 'agent_status', discriminator: `${session}:42:busy`, at }, { ...common, status: entry % 2 ? 'busy' : 'gone', waiting_for: entry % 5 ? 'input' : 'permission' });
    default:
      return testEvent({ machineId, type: 'assistant_message', discriminator: uuid, at }, {
        ...common, message_id: `${entry % 5 === 0 ? 'gateway' : 'msg'}_${entry % 4}`, request_id: `req_${entry % 3}`, model: `m-${entry % 2}`, stop_reason: entry % 2 ? 'end_turn' : 'tool_use',
        usage: { input_tokens: entry % 3, output_tokens: (entry * 7) % 5, cache_creation_input_tokens: entry % 2, cache_read_input_tokens: entry % 4 },
      });
  }
}

const said: fc.Arbitrary<Said> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ entry: index(24), machine: index(3), session: index(4), birth: fc.option(index(3)) })
    .map(({ entry, machine, session, birth }) => ({
      machine: MACHINES[machine]!, bornAt: birth === null ? null : START_MS - birth * 1000, event: eventOf(entry, MACHINES[machine]!, SESSIONS[session]!),
    })) },
  { weight: 1, arbitrary: fc.record({ machine: index(3), session: index(4), offset: index(5), after: index(3), key: index(2) })
    .map(({ machine, session, offset, after, key }) => ({
      machine: MACHINES[machine]!,
      state: { gen: genOf(machine), offset, after: after === 0 ? '' : `2026-05-01T09:0${after}:00.000Z`, session_id: SESSIONS[session]!, key: ['ai-title', 'custom-title'][key]!, value: `${machine} ${offset} ${after} ${key}` },
    })) },
  { weight: 1, arbitrary: fc.record({ child: index(4), parent: index(4) })
    .map(({ child, parent }) => ({ machine: MACHINES[0]!, edge: { child: SESSIONS[child]!, parent: SESSIONS[parent]!, via: 'forkedFrom' as const } })) },
);

/** `sizes` cuts the arrivals into batches, `groups` the batches into commits. */
function arrive(fixture: StoreFixture, arrivals: readonly Said[], sizes: readonly number[]): void {
  let group: ReturnType<typeof jobOf>[] = [];
  for (const [at, one] of arrivals.entries()) {
    const files = { gen: genOf(at + 100), bornAt: 'event' in one ? one.bornAt : null };
    group.push(jobOf(one.machine, {
      ...files,
      events: 'event' in one ? [one.event] : [], states: 'state' in one ? [one.state] : [], edges: 'edge' in one ? [one.edge] : [],
    }));
    if (group.length >= (sizes[at % sizes.length] ?? 1)) {
      fixture.commit(...group);
      group = [];
    }
  }
  if (group.length > 0) fixture.commit(...group);
}

const TABLES = {
  events: "SELECT id, timestamp, type, source, machine_id, schema_version, cwd, session_id, status, data FROM events ORDER BY id, session_id",
  event_copies: `SELECT c.id, c.timestamp, c.machine_id, c.session_id, c.cwd, c.data, e.id AS event FROM event_copies c
    JOIN events e ON e.row = c.event ORDER BY c.id, c.session_id`,
  births: 'SELECT discriminator, born_at FROM event_row ORDER BY discriminator, born_at, at',
  sessions: 'SELECT * FROM sessions ORDER BY session_id, agent_id',
  message_usage: `SELECT u.message_id, u.request_id, u.machine_id, u.session_id, u.agent_id, u.timestamp, u.model, u.input_tokens,
    u.output_tokens, u.cache_creation_input_tokens, u.cache_read_input_tokens, e.id FROM message_usage u JOIN events e ON e.row = u.event
    ORDER BY u.message_id, u.request_id`,
  session_state: `SELECT k.session_id, s.key, m.machine_id, s.after, s.offset, s.gen, s.value FROM session_state s JOIN session_key k USING (session)
    JOIN machine_key m USING (machine) ORDER BY 1, 2`,
};

function contentOf(fixture: StoreFixture): Record<string, unknown[]> {
  return Object.fromEntries(Object.entries(TABLES).map(([name, sql]) => [name, fixture.rows(sql)]));
}

function textOf(event: TtEvent, key: string): string {
  const value = event[key];
  return typeof value === 'string' ? value : '';
}

function factOf(event: TtEvent): string {
  return event.type === 'agent_status' ? event.id : `${event.type}:${event.id.slice(event.id.indexOf(event.timestamp) + 25)}`;
}

/** Counted from the set alone, with none of the store's rules of who wins. */
function naiveTotals(arrivals: readonly Said[]) {
  const events = arrivals.flatMap((one) => ('event' in one ? [one.event] : []));
  const facts = new Map(events.map((event) => [factOf(event), event]));
  const claims = new Set(events.map((event) => `${event.id} ${textOf(event, 'session_id')}`));
  const messages = [...facts.values()].filter((event) => event.type === 'assistant_message');
  const responseOf = (event: TtEvent): string => {
    const message = textOf(event, 'message_id');
    return message.startsWith('msg_') ? message : `${message}/${textOf(event, 'request_id')}`;
  };
  const outputOf = (event: TtEvent): number => (event['usage'] as { output_tokens: number }).output_tokens;
  const output = [...new Set(messages.map(responseOf))].reduce((sum, response) => {
    const entries = messages.filter((event) => responseOf(event) === response);
    const main = entries.filter((event) => event['agent_id'] === undefined);
    return sum + Math.max(...(main.length > 0 ? main : entries).map(outputOf));
  }, 0);
  const count = (type: string): number => [...facts.values()].filter((event) => event.type === type).length;
  return {
    events: facts.size, copies: claims.size - facts.size, responses: new Set(messages.map(responseOf)).size, output,
    assistant: messages.length, tools: count('agent_tool_use'),
  };
}

function totalsOf({ rows }: StoreFixture): unknown {
  return rows(`SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM event_copies) AS copies,
    (SELECT count(*) FROM message_usage) AS responses, (SELECT coalesce(sum(output_tokens), 0) FROM message_usage) AS output,
    (SELECT coalesce(sum(assistant_messages), 0) FROM sessions) AS assistant, (SELECT coalesce(sum(tool_uses), 0) FROM sessions) AS tools`)[0];
}

const history = fc.array(said, { minLength: 1, maxLength: 40 }).chain((set) => fc.record({
  set: fc.constant(set),
  again: fc.shuffledSubarray(set),
  order: fc.shuffledSubarray(set, { minLength: set.length, maxLength: set.length }),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
}));

describe('what arrived', () => {
  it('gives the same rows in any order, any grouping and any number of times, and after a rebuild', { timeout: 120_000 }, () => {
    fc.assert(fc.property(history, ({ set, again, order, sizes }) => {
      using first = openStoreFixture();
      using second = openStoreFixture();
      arrive(first, set, [1]);
      arrive(second, [...order, ...again], sizes);
      const content = contentOf(first);
      expect(contentOf(second)).toEqual(content);
      expect(totalsOf(first)).toEqual(naiveTotals(set));
      second.store.rebuild();
      expect(contentOf(second)).toEqual(content);
      second.reopen();
      second.store.rebuild();
      expect(contentOf(second)).toEqual(content);
    }), { numRuns: 60 });
  });
});

describe('a machine without an event of a session', () => {
  const STRANGER = refOf(testMachine(9), START_MS - 9000);
  const keys = ['ai-title', 'custom-title', 'ended'];
  const told = fc.array(fc.record({ session: index(4), key: index(3), after: index(9) }), { minLength: 1, maxLength: 10 })
    .map((states): Said[] => states.map(({ session, key, after }, at) => ({
      machine: STRANGER,
      state: { gen: genOf(99), offset: at, after: `2027-01-0${after + 1}T00:00:00.000Z`, session_id: SESSIONS[session]!, key: keys[key]!, value: 'of a stranger' },
    })));

  it('has no say in it, whenever it speaks, and has one as soon as it has', { timeout: 120_000 }, () => {
    fc.assert(fc.property(history, told, fc.boolean(), ({ set }, strange, isFirst) => {
      using without = openStoreFixture();
      using beside = openStoreFixture();
      arrive(without, set, [1]);
      arrive(beside, isFirst ? [...strange, ...set] : [...set, ...strange], [3]);
      expect(contentOf(beside)).toEqual(contentOf(without));

      const copy = eventOf(0, STRANGER, SESSIONS[0]!);
      arrive(beside, [{ machine: STRANGER, bornAt: null, event: copy }], [1]);
      const counts = beside.rows(`SELECT s.value FROM session_state s JOIN machine_key m USING (machine) WHERE m.machine_id = '${STRANGER.machineId}'`);
      expect(counts.length > 0).toBe(strange.some((one) => 'state' in one && one.state.session_id === SESSIONS[0]));
    }), { numRuns: 40 });
  });
});
