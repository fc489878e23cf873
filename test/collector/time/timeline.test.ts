import { expect, it } from 'vitest';
import { reportOf, type ReportDeps } from '../../../collector/time/report.ts';
import { dayOf } from '../../../collector/time/period.ts';
import { timelineOf } from '../../../collector/time/timeline.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { timelineDocumentSchema, type TimelineDocument } from '../../../shared/timeline-document.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const machine = testMachine(1);
const NOW = START_MS + 3 * HOUR;
const at = (minute: number): string => printTimestamp(START_MS + minute * MINUTE);

const said = (session: string, minute: number) => testEvent({ machineId: machine, type: 'user_message', discriminator: `${session}${minute}`, at: START_MS + minute * MINUTE }, {
  session_id: session, cwd: `/home/me/${session}`, kind: 'prompt', origin: 'human', length: 3, has_image: false,
});
const worked = (session: string, minute: number) => testEvent({ machineId: machine, type: 'assistant_message', discriminator: `${session}w${minute}`, at: START_MS + minute * MINUTE }, {
  session_id: session, cwd: `/home/me/${session}`, message_id: `msg_${session}${minute}`, model: 'm',
});
const status = (session: string, minute: number, value: string) => testEvent(
  { machineId: machine, type: 'agent_status', discriminator: `${session}:7:${value}`, at: START_MS + minute * MINUTE }, { session_id: session, status: value, pid: 7 },
);

const known = (change: Partial<ReportDeps['machines'][number]> = {}): ReportDeps['machines'][number] => ({
  machine_id: machine, label: 'devbox', complete_until: printTimestamp(NOW), clock_offset_ms: 0, ended_at: null, enrolledAtMs: START_MS - 48 * HOUR, ...change,
});

function timeline(change: Partial<ReportDeps> = {}): { timeline: TimelineDocument; deps: ReportDeps } {
  const fixture = openStoreFixture();
  fixture.commit(jobOf(refOf(machine), { gen: genOf(1), to: 100, events: [
    said('shop', 0), worked('shop', 20), status('shop', 20, 'waiting'), status('shop', 30, 'busy'), worked('shop', 31),
    said('docs', 1), worked('docs', 25),
  ] }));
  const deps: ReportDeps = { database: fixture.database, nowMs: NOW, machines: [known()], gaps: [], labelOf: () => 'devbox', waitsUntilMs: () => NOW, ...change };
  return { deps, timeline: timelineDocumentSchema.parse(timelineOf({ period: dayOf('today', NOW, 'UTC'), timezone: 'UTC' }, deps)) };
}

it('has a lane for each session, with its work and its waits, and attention in order', () => {
  const { timeline: day } = timeline();
  expect(day.machines.map(({ machine: label, sessions }) => [label, sessions.map(({ session, blocks }) => [session, blocks.map(({ form, from, to }) => [form, from, to])])])).toEqual([['devbox', [
    ['shop@devbox', [['delegated', at(0), at(20)], ['waiting', at(20), at(30)], ['delegated', at(30), at(31)]]],
    ['docs@devbox', [['delegated', at(1), at(25)]]],
  ]]]);
  expect(day.attention.map(({ session, from, to, project }) => [session, from, to, project])).toEqual([
    ['shop@devbox', at(0), at(1), '/home/me/shop'], ['docs@devbox', at(1), at(6), '/home/me/docs'],
  ]);
  expect(day.machines[0]?.not_captured).toEqual([]);
});

it('is what the report of the day adds up', () => {
  const { timeline: day, deps } = timeline();
  const { totals } = reportOf({ period: dayOf('today', NOW, 'UTC'), by: 'day', timezone: 'UTC' }, deps);
  expect([day.time_direct_ms, day.time_delegated_ms, day.time_waiting_ms]).toEqual([totals.time_direct_ms, totals.time_delegated_ms, totals.time_waiting_ms]);
  const spans = day.machines.flatMap(({ sessions }) => sessions.flatMap(({ blocks }) => blocks));
  const sum = (form: string): number => spans.filter((block) => block.form === form).reduce((all, { from, to }) => all + Date.parse(to) - Date.parse(from), 0);
  expect([sum('delegated'), sum('waiting')]).toEqual([totals.time_delegated_ms, totals.time_waiting_ms]);
});

it('what was not captured is what keeps the day from being complete: a machine that is late, and lost bytes', () => {
  const late = timeline({ machines: [known({ complete_until: at(60) })] }).timeline;
  expect(late.machines[0]?.not_captured).toEqual([{ from: at(60), to: printTimestamp(NOW), reason: 'it has not told yet' }]);
  const gap = {
    id: 'g', machineId: machine, gen: 'g', path: '/x.jsonl', from: 0, to: 9, tFrom: at(5), tTo: null, reason: 'truncated', reportedAtMs: 0, acceptedAtMs: null,
  };
  expect(timeline({ gaps: [gap] }).timeline.machines[0]?.not_captured).toEqual([{ from: at(5), to: printTimestamp(NOW), reason: 'truncated before it was read' }]);
  expect(timeline({ gaps: [{ ...gap, acceptedAtMs: 1 }] }).timeline.machines[0]?.not_captured).toEqual([]);
});

it('a machine that never told hides its time from its enrolment on, also where no session of it is known', () => {
  const other = known({ machine_id: testMachine(2), label: 'quiet', complete_until: null, enrolledAtMs: START_MS + 30 * MINUTE });
  const { timeline: day } = timeline({ machines: [known(), other], labelOf: (id) => (id === machine ? 'devbox' : 'quiet') });
  expect(day.machines.map(({ machine: label }) => label)).toEqual(['devbox', 'quiet']);
  expect(day.machines[1]).toEqual({ machine: 'quiet', sessions: [], not_captured: [{ from: at(30), to: printTimestamp(NOW), reason: 'not heard of yet' }] });
});

it('of another day has what fell on it, and nothing else', () => {
  const { deps } = timeline();
  const before = timelineOf({ period: dayOf('2026-01-01', NOW, 'UTC'), timezone: 'UTC' }, deps);
  expect(before).toMatchObject({ date: '2026-01-01', attention: [], machines: [], time_direct_ms: 0 });
  expect(() => dayOf('someday', NOW, 'UTC')).toThrow('is not a date');
});
