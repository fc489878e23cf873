import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openKeys } from '../../../collector/store/keys.ts';
import { readIntervals, type Period, type TimeInterval } from '../../../collector/store/intervals.ts';
import { openSessionSpeakers } from '../../../collector/store/session-speakers.ts';
import { openTimeSteps } from '../../../collector/store/time-steps.ts';
import type { MachineRef } from '../../../collector/writer/messages.ts';
import { daysBetween, startOfDayAfter, startOfWeek } from '../../../collector/zoned-days.ts';
import { factOf } from '../../../shared/event-id.ts';
import type { JsonValue, LineageEdge, TtEvent } from '../../../shared/event.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { assignFact, genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const EVER = { fromMs: START_MS - 20 * DAY_MS, toMs: START_MS + 20 * DAY_MS };
const MACHINES = [1, 2].map((digit) => refOf(testMachine(digit), START_MS + digit));
const SESSIONS = ['s-one', 's-two'];
const index = (below: number) => fc.integer({ min: 0, max: below - 1 });

type Said = { machine: MachineRef; event: TtEvent } | { machine: MachineRef; edge: LineageEdge };

interface Spoken {
  number: number;
  what: number;
  at: number;
  session: string;
}

/** What a log or a hook says at `at`; the same number says the same, wherever a copy of it lies. */
function eventOf({ number, what, at, session }: Spoken, { machineId }: MachineRef): TtEvent {
  const uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const own = { session_id: session, cwd: `/work/${number % 3}`, ...(number % 5 === 4 ? { agent_id: 'side' } : {}) };
  const make = (type: string, discriminator: string, rest: { [key: string]: JsonValue }) => testEvent({ machineId, type, discriminator, at }, rest);
  const hook = (type: string, rest: { [key: string]: JsonValue }) => testEvent(
    { machineId, type, discriminator: `${type}-${number}`, at, source: 'remote.tmux' }, { cwd: `/work/${number % 3}`, ...rest });
  const tool = `toolu_${Math.floor(number / 2)}`;
  switch (what) {
    case 0: return make('user_message', uuid, { ...own, agent_id: null, kind: ['prompt', 'answer', 'interrupt', 'prompt'][number % 4] ?? '', origin: number % 7 === 0 ? 'script' : 'human' });
    case 1: return make('agent_tool_use', tool, { ...own, tool: 'Bash' });
    case 2: return make('agent_tool_result', tool, own);
    case 3: return make('agent_turn', `${uuid}:ended`, { ...own, action: 'ended' });
    case 4: case 5: {
      const status = ['waiting', 'busy', 'gone', 'idle'][number % 4] ?? '';
      return make('agent_status', `${session}:42:${status}`, { ...own, status, observed_at: printTimestamp(at + (number % 50) * MINUTE_MS) });
    }
    case 6: return hook('tmux_pane_focus', { pane_id: `%${number % 2}` });
    case 7: return hook('tmux_scroll', { pane_id: `%${number % 2}` });
    case 8: return number % 2 ? hook('afk_change', { status: number % 6 === 1 ? 'active' : 'idle', idle_duration_ms: (number % 9) * MINUTE_MS }) : hook('browser_tab', {});
    case 9: return hook('window_focus', { window_app_id: ['Ghostty', 'firefox', 'slack'][number % 3] ?? '' });
    case 10: return testEvent({ machineId, type: 'user_message', discriminator: `old-${number}`, at }, { ...own, schema_version: 1, agent: 'other' });
    case 11: return testEvent({ machineId, type: number % 3 ? 'agent_tool_use' : 'session_metadata', discriminator: `old-${number}`, at }, { ...own, session_type: 'subagent', schema_version: 1, agent: 'other' });
    default: return make('assistant_message', uuid, { ...own, message_id: `msg_${number}`, usage: { input_tokens: 1, output_tokens: 1 } });
  }
}

const saidFrom = (startMs: number): fc.Arbitrary<Said[]> => fc.array(fc.record({
  number: index(60), what: fc.oneof(index(14), index(4)), wait: fc.oneof(index(4).map((n) => n * 200), index(28).map((n) => n * MINUTE_MS), fc.constantFrom(29, 30, 31, 45, 90).map((n) => n * MINUTE_MS)),
  machine: index(2), session: index(2), isOld: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
}), { minLength: 1, maxLength: 60 }).map((steps) => {
  let at = startMs;
  return steps.map(({ number, what, wait, machine, session, isOld }): Said => {
    at += wait;
    if (what === 13) return { machine: MACHINES[0]!, edge: { child: SESSIONS[session]!, parent: SESSIONS[1 - session]!, via: 'forkedFrom' } };
    const isOfOldTool = what === 10 || what === 11;
    return { machine: MACHINES[machine]!, event: eventOf({ number, what: isOfOldTool && !isOld ? 12 : what, at, session: SESSIONS[session]! }, MACHINES[machine]!) };
  });
});

const history = saidFrom(START_MS).chain((set) => fc.record({
  set: fc.constant(set),
  again: fc.shuffledSubarray(set),
  order: fc.oneof(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length, maxLength: set.length })),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  /** After which commits the writer has time, and for how many events. */
  idle: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 7 }),
}));

function stepsOf({ database }: StoreFixture, stepEvents: number): () => boolean {
  const keys = openKeys(database);
  let now = 0;
  const steps = openTimeSteps(database, { keys, speakers: openSessionSpeakers(database, keys), elapsed: () => (now += 10) }, stepEvents);
  return () => database.transaction(() => steps.step()).immediate();
}

function arrive(fixture: StoreFixture, arrivals: readonly Said[], sizes: readonly number[], afterCommit: (commits: number) => void): void {
  let group: ReturnType<typeof jobOf>[] = [];
  let commits = 0;
  const commit = (): void => {
    if (group.length > 0) fixture.commit(...group);
    group = [];
    afterCommit((commits += 1));
  };
  for (const [at, one] of arrivals.entries()) {
    group.push(jobOf(one.machine, { gen: genOf(at + 100), events: 'event' in one ? [one.event] : [], edges: 'edge' in one ? [one.edge] : [] }));
    if (group.length >= (sizes[at % sizes.length] ?? 1)) commit();
  }
  commit();
}

/** What is read of a period; rows are told by the event they are of. */
function told({ database }: StoreFixture, period: { fromMs: number; toMs: number }): string[] {
  const idOf = database.prepare<[number], string>("SELECT id || ' ' || coalesce(session_id, '') FROM events WHERE row = ?").pluck();
  return [...readIntervals(database, period)].map(({ event, ...interval }) => JSON.stringify({ ...interval, event: idOf.get(event) })).sort();
}

function lengthOf(intervals: readonly Period[]): number {
  return intervals.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}

function unionOf(intervals: readonly Period[]): number {
  let total = 0;
  let reached = -Infinity;
  for (const { fromMs, toMs } of [...intervals].sort((a, b) => a.fromMs - b.fromMs)) {
    total += Math.max(0, toMs - Math.max(fromMs, reached));
    reached = Math.max(reached, toMs);
  }
  return total;
}

/** Milliseconds by form, session, stream and directory. */
function sums(intervals: readonly TimeInterval[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { form, sessionId, streamId, cwd, fromMs, toMs } of intervals) {
    const key = [form, sessionId, streamId, cwd].join(' ');
    found[key] = (found[key] ?? 0) + toMs - fromMs;
  }
  return found;
}

function stored(fixture: StoreFixture): unknown[] {
  return fixture.rows(`SELECT i.form, s.session_id, i.from_at, i.to_at, t.id, i.event_at, i.machine = e.machine AS m, i.cwd IS e.cwd AS c, i.fact = e.fact AS f
    FROM interval i JOIN session_key s USING (session) LEFT JOIN event_row e ON e.row = i.event LEFT JOIN event_text t ON t.row = i.event ORDER BY 1, 2, 3`);
}

function signsOf(fixture: StoreFixture): unknown[] {
  return fixture.rows('SELECT a.at, t.id, a.sign, a.machine, a.session, a.cwd, a.fact, a.detail FROM attention_row a JOIN event_text t ON t.row = a.event ORDER BY 1, 2')
    .map((row) => ({ ...(row as object), machine: 0, session: 0, cwd: 0 }));
}

describe('time', () => {
  it('is the same in any order, any grouping and any number of times, whenever it is asked for, and after a rebuild', { timeout: 240_000 }, () => {
    fc.assert(fc.property(history, ({ set, again, order, sizes, idle }) => {
      using first = openStoreFixture();
      using second = openStoreFixture();
      arrive(first, set, [set.length], () => undefined);
      const steps = [1, 2, 3, 1000].map((events) => stepsOf(second, events));
      arrive(second, [...order, ...again], sizes, (commits) => {
        const amount = idle[commits % idle.length] ?? 0;
        for (let step = 0; step < amount; step += 1) steps[(commits + step) % steps.length]?.();
      });
      const before = told(first, EVER);
      expect(told(second, EVER)).toEqual(before);
      while (steps[1]?.());
      expect(told(second, EVER)).toEqual(before);
      expect(second.rows('SELECT * FROM session_dirty')).toEqual([]);
      first.store.rebuild();
      expect(told(first, EVER)).toEqual(before);
      expect(stored(second)).toEqual(stored(first));
      expect(signsOf(second)).toEqual(signsOf(first));
    }), { numRuns: 40 });
  });

  /** Weeks in which a day has 23 or 25 hours, and one in which none has. */
  const WEEKS = [
    ['Europe/Berlin', '2026-03-28T20:00:00Z', 167], ['Europe/Berlin', '2026-10-24T20:00:00Z', 169],
    ['America/New_York', '2026-03-08T02:00:00Z', 167], ['America/New_York', '2026-11-01T01:00:00Z', 169], ['UTC', '2026-05-01T20:00:00Z', 168],
  ] as const;

  it.each(WEEKS)('adds up in %s in the week of %s with its %i hours: days, streams, and what is at the same time', { timeout: 120_000 }, (zone, start, hours) => {
    const startMs = Date.parse(start);
    const fromMs = startOfWeek(startMs, zone);
    const week = { fromMs, toMs: startOfDayAfter(fromMs, 7, zone) };
    expect(week.toMs - fromMs).toBe(hours * 60 * MINUTE_MS);
    fc.assert(fc.property(saidFrom(startMs), fc.array(index(3), { minLength: 60, maxLength: 60 }), (set, streams) => {
      using fixture = openStoreFixture();
      arrive(fixture, set, [7], () => undefined);
      for (const [at, one] of set.entries()) if ('event' in one && streams[at] !== 0) assignFact(fixture, `stream-${streams[at] ?? 0}`, factOf(one.event));
      const all = [...readIntervals(fixture.database, week)];
      const days = [...daysBetween(week.fromMs, week.toMs, zone)];
      expect(days).toHaveLength(7);
      expect(sums(days.flatMap((day) => [...readIntervals(fixture.database, day)]))).toEqual(sums(all));
      for (const { fromMs: from, toMs } of all) expect(from >= week.fromMs && from < toMs && toMs <= week.toMs).toBe(true);
      const of = (form: string): TimeInterval[] => all.filter((one) => one.form === form);
      const perStream = new Map<string | null, TimeInterval[]>();
      for (const one of of('direct')) perStream.set(one.streamId, [...(perStream.get(one.streamId) ?? []), one]);
      expect([...perStream.values()].reduce((sum, list) => sum + unionOf(list), 0)).toBe(unionOf(of('direct')));
      for (const session of SESSIONS) {
        const own = all.filter(({ sessionId, form }) => sessionId === session && form !== 'direct');
        expect(lengthOf(own)).toBe(unionOf(own));
      }
      expect(unionOf(of('direct'))).toBeLessThanOrEqual(unionOf(all.filter(({ form }) => form !== 'waiting')));
      expect(unionOf(all)).toBeLessThanOrEqual(week.toMs - week.fromMs);
    }), { numRuns: 25 });
  });

  it.each([
    ['a tab that nobody sees', [[-3 * MINUTE_MS, 6, 2], [MINUTE_MS, 8, 0]]],
    ['a repeat of the focus', [[-200, 6, 2], [100, 6, 4]]],
  ])('looks past %s to the absence behind it, so that days add up to their week', (_, signs) => {
    using fixture = openStoreFixture();
    const [machine] = MACHINES;
    // The absence begins 5 minutes before minute 2.5 of the second day.
    const said = [...signs, [2.5 * MINUTE_MS, 8, 5]].map(([after, what, number]): Said => ({
      machine: machine!, event: eventOf({ number: number!, what: what!, at: START_MS + after!, session: 's-one' }, machine!),
    }));
    arrive(fixture, said, [9], () => undefined);
    const directIn = (fromMs: number, toMs: number): number => [...readIntervals(fixture.database, { fromMs, toMs })].reduce((sum, interval) => sum + interval.toMs - interval.fromMs, 0);
    expect(directIn(START_MS - DAY_MS, START_MS) + directIn(START_MS, START_MS + DAY_MS)).toBe(directIn(START_MS - DAY_MS, START_MS + DAY_MS));
  });

  it('counts nothing after the end that is asked for, whatever is open', () => {
    using fixture = openStoreFixture();
    const [machine] = MACHINES;
    arrive(fixture, [
      { machine: machine!, event: eventOf({ number: 1, what: 6, at: START_MS, session: 's-one' }, machine!) },
      { machine: machine!, event: eventOf({ number: 4, what: 4, at: START_MS, session: 's-one' }, machine!) },
    ], [2], () => undefined);
    const nowMs = START_MS + MINUTE_MS;
    expect([...readIntervals(fixture.database, { fromMs: START_MS - DAY_MS, toMs: nowMs })].map(({ form, fromMs, toMs }) => ({ form, fromMs, toMs }))).toEqual([
      { form: 'waiting', fromMs: START_MS, toMs: nowMs }, { form: 'direct', fromMs: START_MS, toMs: nowMs },
    ]);
  });

  /** A tool runs from minute 10 to 50, while somebody speaks at 25 and 40; one of its ends arrives when the rest is derived. */
  it.each([['use', 1], ['result', 5]] as const)('counts what a tool ran through, however late its %s arrives', (_end, late) => {
    const [machine] = MACHINES;
    const at = (minute: number, what: number, number: number): Said => ({ machine: machine!, event: eventOf({ number, what, at: START_MS + minute * MINUTE_MS, session: 's-one' }, machine!) });
    // Number 4 would be a subagent's.
    const said = [at(0, 0, 11), at(10, 1, 20), at(25, 0, 15), at(28, 12, 12), at(40, 0, 23), at(50, 2, 20)];
    const [lately] = said.splice(late, 1);
    using fixture = openStoreFixture();
    const step = stepsOf(fixture, 1000);
    for (const arrivals of [said, [lately!]]) {
      arrive(fixture, arrivals, [9], () => undefined);
      while (step());
    }
    expect(fixture.rows('SELECT (from_at - ?) / 60000 AS "from", (to_at - ?) / 60000 AS "to" FROM interval ORDER BY 1', START_MS, START_MS))
      .toEqual([{ from: 0, to: 25 }, { from: 25, to: 40 }, { from: 40, to: 50 }]);
  });
});
