import { describe, expect, it } from 'vitest';
import { LATE_LINE_MS } from '../../collector/completeness.ts';
import { LIVE_LAG_MS, toCollectorStatus, type LinkKnowledge } from '../../collector/status.ts';
import type { EnrolledMachine } from '../../collector/enrolment/machine-registry.ts';
import { NO_COUNTS, type MachineCounts } from '../../collector/store/read-status.ts';
import { parseMachineId, type Timestamp } from '../../shared/ids.ts';
import type { PublicKey } from '../../shared/protocol/tokens.ts';
import { collectorStatusSchema, type CollectorStatus } from '../../shared/status.ts';
import { problemsOf } from '../../shared/status-problems.ts';
import { clockOffsetWords, clockWords, verdictOf } from '../../shared/status-words.ts';
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
    machineId: idOf(index), label, publicKey: 'k' as PublicKey, enrolledAt: printTimestamp(NOW - 1e9), retiredAt, revokedAt, joinedBy: null, sshHost: null, syncHost: null, archive: false,
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

  it('does not wait for a machine that can not send any more', () => {
    expect(statusOf({ a: drained(NOW), b: { retiredAt: printTimestamp(NOW) } }).complete_until).not.toBeNull();
    expect(statusOf({ a: drained(NOW), b: { ...drained(NOW - 600_000), revokedAt: printTimestamp(NOW) } }).complete_until).toBe(printTimestamp(NOW - LATE_LINE_MS));
  });

  it('of a revoked machine stays what it was', () => {
    expect(only({ ...drained(NOW - 600_000), revokedAt: printTimestamp(NOW) })).toMatchObject({
      complete_until: printTimestamp(NOW - 600_000 - LATE_LINE_MS), ended_at: printTimestamp(NOW),
    });
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

const at = (ms: number): string => clockWords(printTimestamp(ms), NOW);
const minute = (ms: number): string => at(ms).slice(0, -3);
const drainedAt = (ms: number, change: Partial<LinkKnowledge> = {}): Known => ({ link: link({ status: statusFrame(NOW, { drained_at: ms }), ...change }) });
const UNTIL = NOW - 1000 - LATE_LINE_MS;

describe('the verdict', () => {
  it.each<[string, Record<string, Known>, boolean, string]>([
    ['no machine', {}, true, 'No machines yet.'],
    ['all live', { a: { link: link() }, b: { link: link() } }, true, `All 2 machines live. Complete to ${at(UNTIL)}.`],
    ['one away', { devbox: drainedAt(NOW - 600_000, { connected: false }), b: { link: link() } }, true,
      `devbox missing since ${minute(NOW - 600_000 - LATE_LINE_MS)}. Otherwise complete to ${at(UNTIL)}.`],
    ['one away since nobody knows when', { a: { counts: { lastEventAtMs: NOW - 5000 } }, b: { link: link() } }, true,
      `a missing, since when is not known. Otherwise complete to ${at(UNTIL)}.`],
    ['one never seen', { a: {} }, true, 'a never seen.'],
    ['one that reads for the first time', { a: { link: link({ status: statusFrame(NOW, { backlog_bytes: null, drained_at: null }) }) } }, true,
      'a catching up. How complete the data is, is not known for a.'],
    ['many not live', { a: {}, b: {}, c: {}, d: {}, e: {} }, true, 'a never seen; b never seen; c never seen; 2 more not live.'],
    ['a gap', { gpu: { link: link(), counts: { gaps: 1, gapBytes: 12_288, gapReasons: ['truncated'] } } }, true,
      `1 machine, live; 1 gap of 12 kB on gpu: truncated before it was read. Otherwise complete to ${at(UNTIL)}.`],
    ['one away and a gap', { devbox: drainedAt(NOW - 600_000, { connected: false }), gpu: { link: link(), counts: { gaps: 1, gapBytes: 12_288, gapReasons: ['truncated'] } } }, true,
      `devbox missing since ${minute(NOW - 600_000 - LATE_LINE_MS)}; 1 gap of 12 kB on gpu: truncated before it was read. Otherwise complete to ${at(UNTIL)}.`],
    ['gaps of several reasons', { a: { link: link(), counts: { gaps: 2, gapBytes: 10, gapReasons: ['released', 'truncated'] } } }, true,
      `1 machine, live; 2 gaps of 10 B on a. Otherwise complete to ${at(UNTIL)}.`],
    ['retired ones aside', { a: { link: link() }, b: { retiredAt: printTimestamp(NOW) } }, true, `1 machine, live. Complete to ${at(UNTIL)}.`],
    ['a revoked one that had sent everything', { a: { link: link() }, b: { link: link(), counts: { lastEventAtMs: NOW }, revokedAt: printTimestamp(NOW) } }, true,
      `1 machine, live. Complete to ${at(UNTIL)}.`],
    ['a revoked one that had not', { a: { link: link() }, b: { ...drainedAt(NOW - 600_000), counts: { lastEventAtMs: NOW }, revokedAt: printTimestamp(NOW) } }, true,
      `1 machine, live; b revoked ${minute(NOW)}, complete to ${minute(NOW - 600_000 - LATE_LINE_MS)} only. Otherwise complete to ${at(UNTIL)}.`],
    ['nothing running', { a: { link: link({ connected: false }) } }, false,
      `The collector is not running: nothing is being collected. Complete to ${at(UNTIL)}.`],
  ])('with %s', (_what, known, running, words) => {
    expect(verdictOf(statusOf(known, running), NOW)).toBe(words);
  });
});

describe('the check', () => {
  const well: Known = { link: link() };

  it('finds nothing where every machine is live, complete and whole', () => {
    expect(problemsOf(statusOf({ a: well, b: { retiredAt: printTimestamp(NOW) } }), NOW)).toEqual([]);
  });

  it.each<[string, Record<string, Known>, boolean, RegExp]>([
    ['a collector that is not running', { a: well }, false, /^the collector is not running/],
    ['no machine at all', {}, true, /^no machine sends/],
    ['a machine that is away', { a: drainedAt(NOW, { connected: false }) }, true, /^a missing since /],
    ['a machine that never came', { a: {} }, true, /^a never seen/],
    ['a first look that has not ended', { a: { link: link({ status: statusFrame(NOW, { drained_at: null }) }) } }, true, /^a late: it is still reading/],
    ['a live machine of which a file is stuck', { a: drainedAt(NOW - 62_000) }, true, /^a late: complete to 3 min ago/],
    ['an open gap', { a: { ...well, counts: { gaps: 1, gapBytes: 5, gapReasons: ['released'] } } }, true, /^a has 1 open gap of 5 B: let go .*tt gaps accept/],
    ['an open gap of a machine that is gone', { a: well, b: { retiredAt: printTimestamp(NOW), counts: { gaps: 1, gapBytes: 5, gapReasons: ['x'] } } }, true, /^b has 1 open gap of 5 B: x;/],
    ['what was refused lately', { a: { ...well, counts: { refusedLately: 2 } } }, true, /^a: 2 kinds of events refused/],
  ])('finds %s', (_what, known, running, line) => {
    expect(problemsOf(statusOf(known, running), NOW)).toEqual([expect.stringMatching(line)]);
  });

  it('says what an agent says is in the way of a machine that is not complete; where it is, nothing is', () => {
    const problems = ['cannot read /x: EACCES; next step'];
    expect(problemsOf(statusOf({ a: { link: link({ status: statusFrame(NOW, { problems }) }) } }), NOW)).toEqual([]);
    expect(problemsOf(statusOf({ a: { link: link({ status: statusFrame(NOW, { problems, drained_at: null }) }) } }), NOW))
      .toEqual([expect.stringMatching(/^a late: complete to no time yet /), 'a: cannot read /x: EACCES; next step']);
  });

  it('does not take a wrong clock for lateness', () => {
    const behind = NOW - 7_200_000;
    expect(problemsOf(statusOf({ a: { link: link({ clockOffsetMs: -7_200_000, status: statusFrame(behind) }) } }), NOW)).toEqual([]);
  });
});

it.each([[2000, ''], [-2001, 'clock 2 s behind'], [7_200_000, 'clock 2 h ahead'], [null, '']])('a clock that is off by %s ms: %j', (offset, words) => {
  expect(clockOffsetWords({ clock_offset_ms: offset })).toBe(words);
});

