import { expect, it } from 'vitest';
import { spentByTime } from '../../../collector/sessions/session-list.ts';
import { turnPage, type TurnPageDeps } from '../../../collector/sessions/turn-pages.ts';
import { turnsOf } from '../../../collector/sessions/turns.ts';
import { openEventReader, type EventReader } from '../../../collector/store/read-events.ts';
import { openSessionReader, type SessionReader } from '../../../collector/store/read-sessions.ts';
import { openTurnStartReader } from '../../../collector/store/read-turn-starts.ts';
import { openUsageReader } from '../../../collector/store/read-usage.ts';
import { openPrices } from '../../../collector/usage/prices.ts';
import type { JsonValue, TtEvent } from '../../../shared/event.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const SESSION = 'the-session';

/** Turns of all kinds; several events of one millisecond; tools whose results come turns later; subagents that go on. */
function played(seed: number): TtEvent[] {
  const random = seededRandom(seed);
  let at = START_MS;
  let count = 0;
  const open: string[] = [];
  const make = (type: string, rest: { [key: string]: JsonValue } = {}, discriminator = `d${count}`): TtEvent => {
    count += 1;
    if (random.chance(0.6)) at += random.between(1, 90_000);
    return testEvent({ machineId: testMachine(1), type, discriminator, at }, { session_id: SESSION, cwd: '/x', ...rest });
  };
  const agent = (): { [key: string]: JsonValue } => (random.chance(0.3) ? { agent_id: `a${random.between(1, 4)}` } : {});
  return Array.from({ length: 160 }, () => {
    switch (random.between(0, 8)) {
      case 0: case 1: return make('user_message', { kind: random.pick(['prompt', 'command', 'shell', 'answer', 'interrupt']), origin: 'human', text: `t${count}`, ...agent() });
      case 2: return make('agent_session', { action: 'started', ...agent() });
      case 3: return make('agent_status', { status: random.pick(['busy', 'waiting', 'idle']), pid: 7 }, `${SESSION}:7:x${count}`);
      case 4: {
        open.push(`toolu_${count}`);
        return make('agent_tool_use', { tool: random.pick(['Bash', 'Edit']), ...agent() }, `toolu_${count}`);
      }
      case 5: return make('agent_tool_result', { is_error: random.chance(0.5) }, open.shift() ?? `toolu_lost_${count}`);
      case 6: return make('agent_turn', { action: 'ended', ...agent() });
      default: return make('assistant_message', { message_id: `msg_${count}`, model: 'claude-opus-4-5', text: `said ${count}`, usage: { input_tokens: 1, output_tokens: 5 }, ...agent() });
    }
  });
}

interface Counted extends TurnPageDeps {
  sessions: SessionReader;
  /** Events that were read, and times that starts were looked for. */
  read(): number;
  looked(): number;
  arrive(events: readonly TtEvent[]): void;
}

function store(events: readonly TtEvent[]): Counted {
  const fixture = openStoreFixture();
  let gens = 0;
  const arrive = (some: readonly TtEvent[]): void => void fixture.commit(jobOf(refOf(testMachine(1)), { gen: genOf(++gens), to: 100, events: some }));
  arrive(events);
  const { database } = fixture;
  let [reads, looks] = [0, 0];
  const reader = openEventReader(database);
  const counted: EventReader = {
    ...reader,
    *read(...args) {
      for (const placed of reader.read(...args)) {
        reads += 1;
        yield placed;
      }
    },
  };
  const starts = openTurnStartReader(database);
  const turnStarts = { ...starts, startsOf: (id: string) => (looks += 1, starts.startsOf(id)) };
  return {
    sessions: openSessionReader(database), usage: openUsageReader(database), prices: openPrices(), events: counted, turnStarts, known: {}, fleet: { nowMs: 0 },
    read: () => reads, looked: () => looks, arrive,
  };
}

it.each([1, 2, 3, 4, 5, 6])('every page is a part of the whole (seed %d)', (seed) => {
  const deps = store(played(seed));
  const events = [...deps.events.read({ sessionId: SESSION }, 'oldest')].map(({ event }) => event);
  const stored = deps.sessions.find(SESSION)!;
  const whole = turnsOf(events, spentByTime(deps.usage.responses(SESSION), deps.prices));
  expect(whole.length).toBeGreaterThan(2);
  for (const turns of [1, 3, 7, 100]) {
    for (let before = 1; before <= whole.length + 2; before += 1) {
      const end = Math.min(whole.length, before - 1);
      const from = Math.max(0, end - turns);
      const page = turnPage(stored, { turns, before }, deps);
      expect(page).toEqual({ turns: whole.slice(from, end), first: end > from ? from + 1 : 0, count: whole.length });
    }
  }
});

it('reads the events of its own turns, not those of the others', () => {
  const many = Array.from({ length: 400 }, (_, i) => testEvent(
    { machineId: testMachine(1), type: i % 4 === 0 ? 'user_message' : 'agent_tool_use', discriminator: `d${i}`, at: START_MS + i * 1000 }, { session_id: SESSION, cwd: '/x', kind: 'prompt', origin: 'human' },
  ));
  const deps = store(many);
  expect(turnPage(deps.sessions.find(SESSION)!, { turns: 10, before: 51 }, deps)).toMatchObject({ first: 41, count: 100 });
  expect(deps.read()).toBe(41);
});

it('looks for the starts of turns once, and again when one came or what was found is old', () => {
  const deps = store(played(1));
  const ask = (): number => turnPage(deps.sessions.find(SESSION)!, { turns: 3, before: Infinity }, deps).count;
  const count = ask();
  expect([ask(), deps.looked()]).toEqual([count, 1]);
  deps.arrive([testEvent({ machineId: testMachine(1), type: 'user_message', discriminator: 'late', at: START_MS + 360_000_000 }, { session_id: SESSION, kind: 'prompt', origin: 'human' })]);
  expect([ask(), deps.looked()]).toEqual([count + 1, 2]);
  deps.fleet.nowMs = 60_000;
  expect([ask(), deps.looked()]).toEqual([count + 1, 3]);
});
