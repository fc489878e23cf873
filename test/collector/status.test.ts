import { describe, expect, it } from 'vitest';
import { LATE_LINE_MS, LIVE_LAG_MS, startOfLocalDay, toCollectorStatus, type LinkKnowledge } from '../../collector/status.ts';
import type { EnrolledMachine } from '../../collector/enrolment/machine-registry.ts';
import { NO_COUNTS, type MachineCounts } from '../../collector/store/read-status.ts';
import { parseMachineId, type Timestamp } from '../../shared/ids.ts';
import type { PublicKey } from '../../shared/protocol/tokens.ts';
import { collectorStatusSchema, type CollectorStatus } from '../../shared/status.ts';
import { verdictOf } from '../../shared/status-words.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { statusFrame } from '../support/status-frame.ts';

const NOW = Date.UTC(2026, 0, 5, 12);

interface Known {
  link?: LinkKnowledge;
  counts?: Partial<MachineCounts>;
  retiredAt?: Timestamp;
  revokedAt?: Timestamp;
}

function link(change: Partial<LinkKnowledge> = {}): LinkKnowledge {
  return { connected: true, lastSeenMs: NOW, version: '0.1.0', clockOffsetMs: 5, status: statusFrame(NOW - 1000), statusAtMs: NOW - 1000, ...change };
}

function statusOf(known: Record<string, Known>, running = true): CollectorStatus {
  const entries = Object.entries(known);
  const idOf = (index: number) => parseMachineId(`00000000-0000-4000-8000-00000000000${index}`)!;
  const machines = entries.map(([label, { retiredAt = null, revokedAt = null }], index): EnrolledMachine => ({
    machineId: idOf(index), label, publicKey: 'k' as PublicKey, enrolledAt: printTimestamp(NOW - 1e9), retiredAt, revokedAt,
  }));
  const of = (machineId: string): Known => entries[machines.findIndex((machine) => machine.machineId === machineId)]?.[1] ?? {};
  return collectorStatusSchema.parse(toCollectorStatus({
    nowMs: NOW, running, collectorId: 'c', ingestPort: 1, uiPort: 2, machines,
    linkOf: (machineId) => of(machineId).link,
    countsOf: (machineId) => ({ ...NO_COUNTS, ...of(machineId).counts }),
  }));
}

const only = (known: Known) => statusOf({ devbox: known }).machines[0]!;

describe('the state of a machine', () => {
  it.each<[string, Known, string]>([
    ['connected with nothing waiting', { link: link() }, 'live'],
    ['connected with bytes just on their way', { link: link({ status: statusFrame(NOW, { backlog_bytes: 10, oldest_unacked_at: NOW - LIVE_LAG_MS + 1000 }) }) }, 'live'],
    ['connected with bytes that wait long', { link: link({ status: statusFrame(NOW, { backlog_bytes: 10, oldest_unacked_at: NOW - LIVE_LAG_MS - 1000 }) }) }, 'catching_up'],
    ['connected before its first look has ended', { link: link({ status: statusFrame(NOW, { backlog_bytes: null, drained_at: null }) }) }, 'catching_up'],
    ['connected before its first status', { link: link({ status: null, statusAtMs: null }) }, 'catching_up'],
    ['not connected, but heard of', { link: link({ connected: false }) }, 'away'],
    ['not heard of since the start, but with events', { counts: { lastEventAtMs: NOW - 5000 } }, 'away'],
    ['never heard of', {}, 'never_seen'],
    ['only ever refused', { link: link({ connected: false, lastSeenMs: null, status: null, statusAtMs: null }) }, 'never_seen'],
    ['revoked, however live', { link: link(), revokedAt: printTimestamp(NOW) }, 'revoked'],
    ['retired', { retiredAt: printTimestamp(NOW) }, 'retired'],
    ['revoked and retired', { revokedAt: printTimestamp(NOW), retiredAt: printTimestamp(NOW) }, 'revoked'],
  ])('%s', (_what, known, state) => {
    expect(only(known).state).toBe(state);
  });
});

describe('lag', () => {
  it('grows between two statuses', () => {
    const status = statusFrame(NOW - 3000, { backlog_bytes: 1, oldest_unacked_at: NOW - 5000 });
    expect(only({ link: link({ status, statusAtMs: NOW - 3000 }) }).lag_ms).toBe(5000);
  });

  it('does not take a wrong clock for lag', () => {
    const wrong = NOW + 3_600_000;
    const status = statusFrame(wrong, { backlog_bytes: 1, oldest_unacked_at: wrong - 2000 });
    expect(only({ link: link({ status, statusAtMs: NOW }) }).lag_ms).toBe(2000);
  });

  it('is zero where nothing waits, and unknown once the machine is away', () => {
    expect(only({ link: link() }).lag_ms).toBe(0);
    expect(only({ link: link({ connected: false }) }).lag_ms).toBeNull();
  });

  it('of what a machine that left still had goes on growing', () => {
    const status = statusFrame(NOW - 60_000, { backlog_bytes: 1, oldest_unacked_at: NOW - 61_000 });
    expect(only({ link: link({ connected: false, status, statusAtMs: NOW - 60_000 }) }).lag_ms).toBe(61_000);
  });
});

describe('backlog', () => {
  it('of a machine that is away is at least what it had; had it none, nobody knows', () => {
    const away = (bytes: number) => only({ link: link({ connected: false, status: statusFrame(NOW, { backlog_bytes: bytes, backlog_events: bytes }) }) });
    expect(away(7)).toMatchObject({ backlog_bytes: 7, backlog_events: 7 });
    expect(away(0)).toMatchObject({ backlog_bytes: null, backlog_events: null });
    expect(only({ link: link() })).toMatchObject({ backlog_bytes: 0, backlog_events: 0 });
  });
});

describe('completeness', () => {
  const drained = (ms: number): Known => ({ link: link({ status: statusFrame(NOW, { drained_at: ms }) }) });

  it('is two minutes before the last full look, because lines appear late', () => {
    expect(only(drained(NOW)).complete_until).toBe(printTimestamp(NOW - LATE_LINE_MS));
  });

  it('of all is that of the machine that is furthest behind', () => {
    expect(statusOf({ a: drained(NOW), b: drained(NOW - 600_000) }).complete_until).toBe(printTimestamp(NOW - 600_000 - LATE_LINE_MS));
  });

  it('is unknown as soon as one machine is', () => {
    expect(statusOf({ a: drained(NOW), b: {} }).complete_until).toBeNull();
    expect(statusOf({}).complete_until).toBeNull();
  });

  it('does not wait for a retired machine, but for a revoked one', () => {
    expect(statusOf({ a: drained(NOW), b: { retiredAt: printTimestamp(NOW) } }).complete_until).not.toBeNull();
    expect(statusOf({ a: drained(NOW), b: { revokedAt: printTimestamp(NOW) } }).complete_until).toBeNull();
  });
});

describe('what is unknown', () => {
  it('is null, not zero', () => {
    expect(only({})).toMatchObject({
      connected: false, last_event_at: null, lag_ms: null, backlog_bytes: null, backlog_events: null, drained_at: null,
      complete_until: null, clock_offset_ms: null, version: null,
    });
  });
});

describe('the verdict', () => {
  it.each<[string, Record<string, Known>, boolean, string]>([
    ['no machine', {}, true, 'No machines yet.'],
    ['all live', { a: { link: link() }, b: { link: link() } }, true, 'All 2 machines live. Data complete to'],
    ['some away', { a: { link: link() }, b: { link: link({ connected: false }) } }, true, '1 of 2 machines live; b away. Data complete to'],
    ['one never seen', { a: {} }, true, '0 of 1 machine live; a never seen. How complete the data is, is not known for a.'],
    ['gaps', { a: { link: link(), counts: { gaps: 1 } } }, true, '1 machine, live. 1 gap in the data.'],
    ['retired ones aside', { a: { link: link() }, b: { retiredAt: printTimestamp(NOW) } }, true, '1 machine, live.'],
    ['nothing running', { a: { link: link() } }, false, 'The collector is not running: nothing is being collected.'],
  ])('with %s', (_what, known, running, start) => {
    expect(verdictOf(statusOf(known, running), NOW).startsWith(start)).toBe(true);
  });
});

it('a local day starts at local midnight', () => {
  const start = new Date(startOfLocalDay(NOW));
  expect([start.getHours(), start.getMinutes(), start.getDate()]).toEqual([0, 0, new Date(NOW).getDate()]);
});
