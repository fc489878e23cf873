import { describe, expect, it } from 'vitest';
import { reportOf, explanationOf, type ReportDeps } from '../../../collector/time/report.ts';
import type { NamedPeriod } from '../../../collector/time/period.ts';
import { reportDocumentSchema, explanationDocumentSchema, type ReportDocument, type ReportGroup } from '../../../shared/report-documents.ts';
import { completenessWords } from '../../../shared/report-words.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { applyDocument } from '../../../collector/streams/apply.ts';
import { changeStreams } from '../../../collector/streams/change.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const machine = testMachine(1);
const WEEK: NamedPeriod = { type: 'week', fromMs: Date.UTC(2026, 3, 27), toMs: Date.UTC(2026, 4, 4) };
const NOW = START_MS + 12 * HOUR;

function said(session: string, minute: number, id: string, rest: { [key: string]: JsonValue } = {}) {
  return testEvent({ machineId: machine, type: 'user_message', discriminator: id, at: START_MS + minute * MINUTE }, {
    session_id: session, cwd: `/home/me/${session}`, kind: 'prompt', origin: 'human', length: 3, has_image: false, ...rest,
  });
}

function worked(session: string, minute: number, id: string) {
  return testEvent({ machineId: machine, type: 'assistant_message', discriminator: id, at: START_MS + minute * MINUTE }, {
    session_id: session, cwd: `/home/me/${session}/src`, message_id: `msg_${id}`, model: 'm',
  });
}

/** shop: a prompt at 0, work to 20; docs: a prompt at 10, work to 40, and again over midnight UTC. */
const EVENTS = [
  said('shop', 0, 'a'), worked('shop', 20, 'b'),
  said('docs', 10, 'c'), worked('docs', 25, 'd'), worked('docs', 40, 'e'),
];

function machines(change: Partial<ReportDeps['machines'][number]> = {}): ReportDeps['machines'] {
  return [{
    machine_id: machine, label: 'devbox', complete_until: printTimestamp(NOW), clock_offset_ms: 0, ended_at: null, enrolledAtMs: START_MS - HOUR, ...change,
  }];
}

function store(): StoreFixture {
  const fixture = openStoreFixture();
  arrive(fixture, EVENTS);
  return fixture;
}

let gens = 0;
function arrive(fixture: StoreFixture, events: readonly unknown[]): void {
  gens += 1;
  fixture.commit(jobOf(refOf(machine), { gen: genOf(gens), to: 100, events }));
}

/** A new stream for a session; its ID. */
function assign({ database }: StoreFixture, name: string, session: string): string {
  const at = printTimestamp(NOW);
  const [stream] = changeStreams(database, { change: 'create', name, tags: [] }, at);
  applyDocument(database, { assign_by_session: [{ session_id: session, stream: name }] }, { by: 'user', at, create: false });
  return stream?.id ?? '';
}

function deps(fixture: StoreFixture, change: Partial<ReportDeps> = {}): ReportDeps {
  return { database: fixture.database, nowMs: NOW, machines: machines(), gaps: [], labelOf: () => 'devbox', waitsUntilMs: () => NOW, ...change };
}

function report(fixture: StoreFixture, by: ReportGroup, change: Partial<ReportDeps> = {}, period = WEEK): ReportDocument {
  return reportDocumentSchema.parse(reportOf({ period, by, timezone: 'UTC' }, deps(fixture, change)));
}

describe('a report', () => {
  it('adds up direct and delegated time by project, whose sessions may run side by side', () => {
    using fixture = store();
    const { rows, totals } = report(fixture, 'project');
    expect(rows.map(({ key, time_direct_ms, time_delegated_ms, sessions }) => [key, time_direct_ms, time_delegated_ms, sessions])).toEqual([
      ['/home/me/docs', 5 * MINUTE, 30 * MINUTE, 1],
      ['/home/me/shop', 5 * MINUTE, 20 * MINUTE, 1],
    ]);
    expect(totals).toMatchObject({
      time_direct_ms: 10 * MINUTE, time_delegated_ms: 50 * MINUTE, time_total_ms: 40 * MINUTE, peak_sessions: 2, sessions: 2, leverage: 5,
      unassigned_direct_ms: 10 * MINUTE, unassigned_delegated_ms: 50 * MINUTE, streams: 0,
      // Nobody told when these waited: that is unknown, not nothing.
      time_waiting_ms: null, waiting_unknown_sessions: 2,
    });
  });

  it('gives a stream its time, and what belongs to none its own row, always', () => {
    using fixture = store();
    const id = assign(fixture, 'web', 'shop');
    const { rows, totals } = report(fixture, 'stream');
    expect(rows.map(({ key, name, time_delegated_ms }) => [key, name, time_delegated_ms])).toEqual([[id, 'web', 20 * MINUTE], [null, '(unassigned)', 30 * MINUTE]]);
    expect(totals).toMatchObject({ unassigned_delegated_ms: 30 * MINUTE, streams: 1 });
    changeStreams(fixture.database, { change: 'tag', stream: id, tags: ['client', 'paid'] }, printTimestamp(NOW));
    expect(report(fixture, 'tag').rows.map(({ name, time_delegated_ms }) => [name, time_delegated_ms]))
      .toEqual([['client', 20 * MINUTE], ['paid', 20 * MINUTE], ['(unassigned)', 30 * MINUTE]]);
  });

  it('cuts at the midnights of the zone, so that days add up to their week', () => {
    using fixture = store();
    // 10:00 UTC is midnight on Kiritimati: the work goes over it.
    arrive(fixture, [said('docs', 50, 'f'), worked('docs', 70, 'g')]);
    const week = reportOf({ period: WEEK, by: 'day', timezone: 'Pacific/Kiritimati' }, deps(fixture));
    const days = week.rows.filter((row) => row.time_delegated_ms > 0).map(({ key, time_delegated_ms }) => [key, time_delegated_ms]);
    expect(days).toEqual([['2026-05-01', 60 * MINUTE], ['2026-05-02', 10 * MINUTE]]);
    expect(week.rows.reduce((sum, row) => sum + row.time_delegated_ms, 0)).toBe(week.totals.time_delegated_ms);
    expect(week.rows.reduce((sum, row) => sum + row.time_direct_ms, 0)).toBe(week.totals.time_direct_ms);
  });

  it('counts a wait as far as is known of its machine, in every form, and of one never enrolled to its last event', () => {
    using fixture = store();
    arrive(fixture, [testEvent({ machineId: machine, type: 'agent_status', discriminator: 'shop:7', at: START_MS + 21 * MINUTE }, { session_id: 'shop', status: 'waiting', pid: 7 })]);
    const waited = (waitsUntilMs: ReportDeps['waitsUntilMs'], period = WEEK): number | null => report(fixture, 'stream', { waitsUntilMs }, period).totals.time_waiting_ms;
    expect(waited(() => START_MS + 41 * MINUTE)).toBe(20 * MINUTE);
    expect(waited(() => undefined)).toBe(19 * MINUTE);
    expect(waited(() => START_MS + 41 * MINUTE, { type: 'custom', fromMs: START_MS + HOUR, toMs: START_MS + 2 * HOUR })).not.toBeGreaterThan(0);
    const { rows } = explanationOf({ period: WEEK, by: 'stream', timezone: 'UTC' }, deps(fixture, { waitsUntilMs: () => START_MS + 30 * MINUTE }));
    expect(rows.flatMap(({ intervals }) => intervals).filter(({ form }) => form === 'waiting')).toMatchObject([{ duration_ms: 9 * MINUTE }]);
  });

  it('counts nothing after now, and nothing of a period to come', () => {
    using fixture = store();
    expect(report(fixture, 'stream', { nowMs: START_MS + 2 * MINUTE }).totals.time_direct_ms).toBe(2 * MINUTE);
    const next = { type: 'week' as const, fromMs: WEEK.toMs, toMs: WEEK.toMs + 7 * 24 * HOUR };
    expect(report(fixture, 'day', {}, next)).toMatchObject({ rows: [], totals: { time_total_ms: 0, leverage: null } });
  });

  it('is explained by intervals that add up to its figures, each with a fact that exists', () => {
    using fixture = store();
    const document = explanationDocumentSchema.parse(explanationOf({ period: WEEK, by: 'project', timezone: 'UTC' }, deps(fixture)));
    for (const row of report(fixture, 'project').rows) {
      const intervals = document.rows.find(({ key }) => key === row.key)?.intervals ?? [];
      const sum = (form: string): number => intervals.filter((interval) => interval.form === form).reduce((total, { duration_ms }) => total + duration_ms, 0);
      expect([sum('direct'), sum('delegated')]).toEqual([row.time_direct_ms, row.time_delegated_ms]);
      expect(intervals.every(({ event }) => EVENTS.some(({ id }) => id === event.id))).toBe(true);
    }
    const only = explanationOf({ period: WEEK, by: 'project', timezone: 'UTC', key: '/home/me/shop' }, deps(fixture));
    expect(only.rows.map(({ key }) => key)).toEqual(['/home/me/shop']);
  });
});

describe('how complete it is', () => {
  const completeness = (fixture: StoreFixture, change: Partial<ReportDeps>) => report(fixture, 'stream', change).completeness;

  it('says complete only when every machine that counts is', () => {
    using fixture = store();
    expect(completeness(fixture, {}).complete).toBe(true);
    const missing = completeness(fixture, { machines: machines({ complete_until: printTimestamp(START_MS) }) });
    expect(missing).toMatchObject({ complete: false, until: printTimestamp(START_MS), missing: [{ machine: 'devbox', since: printTimestamp(START_MS) }] });
    expect(completenessWords(missing, NOW)).toMatch(/^Complete only to .*; devbox missing since .*\.$/);
    expect(completenessWords(completeness(fixture, { machines: machines({ complete_until: null }) }), NOW)).toBe('How complete it is, is not known; devbox missing, since when is not known.');
  });

  it('names gaps that overlap the period, and clocks that are off', () => {
    using fixture = store();
    const gap = {
      id: 'abcd1234', machineId: machine, gen: 'g', path: '/logs/a.jsonl', from: 10, to: 2058, tFrom: printTimestamp(START_MS), tTo: printTimestamp(START_MS + HOUR),
      reason: 'truncated', reportedAtMs: NOW, acceptedAtMs: null,
    };
    const found = completeness(fixture, { gaps: [gap], machines: machines({ clock_offset_ms: 7_200_000 }) });
    expect(found).toMatchObject({ complete: false, gaps: [{ id: 'abcd1234', machine: 'devbox', bytes: 2048 }], clock_offsets: [{ machine: 'devbox', offset_ms: 7_200_000 }] });
    expect(completenessWords(found, NOW)).toMatch(/1 gap of 2 kB on devbox.*the clock of devbox is 2 h ahead/);
    expect(completeness(fixture, { gaps: [{ ...gap, acceptedAtMs: NOW }] }).complete).toBe(true);
  });

  it('is not known where no machine is enrolled', () => {
    using fixture = store();
    expect(completeness(fixture, { machines: [] })).toMatchObject({ complete: false, until: null });
  });
});
