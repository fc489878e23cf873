/**
 * The one report behind the command line, the API and the page: intervals of a
 * period, in rows and in total, with how complete they are. Nothing after now.
 *
 * Guarantees: days add up to their week; streams and unassigned add up to the
 * total, direct and delegated; the union is at most the clock.
 */
import {
  REPORT_SCHEMA, type ExplainedInterval, type ExplanationDocument, type ReportDocument, type ReportGroup, type ReportPeriod, type ReportRow,
} from '../../shared/report-documents.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { Database } from '../store/database.ts';
import { readIntervalPages, type TimeInterval } from '../store/intervals.ts';
import { openLastHeard, openReportReader, type ReportReader } from '../store/read-report.ts';
import { readStreams, type Stream } from '../store/streams.ts';
import { remembered } from '../remembered.ts';
import { dateOf } from '../zoned-days.ts';
import { createGrouping, type Grouping, type RowName } from './grouping.ts';
import type { NamedPeriod } from './period.ts';
import { toCompleteness, type CompletenessFacts } from './report-completeness.ts';
import { Tally } from './tally.ts';

export interface ReportQuery {
  period: NamedPeriod;
  by: ReportGroup;
  timezone: string;
}

export interface ReportDeps extends CompletenessFacts {
  database: Database;
  labelOf(machineId: string): string;
  /** Until when it is known that a session there still waits, epoch ms; undefined: the machine was never enrolled, or not heard of. */
  waitsUntilMs(machineId: string): number | undefined;
}

/** Of one moment, whatever is stored meanwhile. */
export function reportOf(query: ReportQuery, deps: ReportDeps): ReportDocument {
  return deps.database.transaction(() => report(query, deps))();
}

function report(query: ReportQuery, deps: ReportDeps): ReportDocument {
  const { by, timezone, period } = query;
  const { grouping, streams, sessions } = open(query, deps);
  const [whole, unassigned] = [new Tally(), new Tally()];
  const tallies = new Map<RowName, Tally>(grouping.rows.map((row) => [row, new Tally()]));
  const streamIds = new Set<string>();
  const addPart = (row: RowName, part: TimeInterval): void => {
    let tally = tallies.get(row);
    if (tally === undefined) tallies.set(row, (tally = new Tally()));
    tally.add(part);
  };
  for (const page of pagesOf(query, deps)) {
    for (const interval of page) {
      whole.add(interval);
      if (interval.streamId === null) unassigned.add(interval);
      else streamIds.add(interval.streamId);
      grouping.place(interval, addPart);
    }
  }
  const times = whole.times();
  const unknown = [...whole.sessions].filter((id) => sessions.session(id)?.tellsWaits !== true).length;
  return {
    schema: REPORT_SCHEMA,
    generated_at: printTimestamp(deps.nowMs),
    timezone,
    week_start_day: 'monday',
    period: toPeriod(query),
    by,
    rows: [...tallies].map(toRow).sort(by === 'day' ? byDate : byTime),
    totals: {
      ...times, unassigned_direct_ms: unassigned.directMs, unassigned_delegated_ms: unassigned.delegatedMs,
      time_waiting_ms: times.time_waiting_ms === 0 && unknown > 0 && unknown === whole.sessions.size ? null : times.time_waiting_ms,
      streams: [...streamIds].filter((id) => streams.some((stream) => stream.id === id)).length,
      sessions: whole.sessions.size,
      peak_sessions: whole.peak,
      leverage: times.time_direct_ms === 0 ? null : times.time_delegated_ms / times.time_direct_ms,
      waiting_unknown_sessions: unknown,
    },
    completeness: toCompleteness(period, deps),
  };
}

/** Every interval behind the rows; of `key` alone if given (`none`: of what belongs to no row of its own). */
export function explanationOf(query: ReportQuery & { key?: string | undefined }, deps: ReportDeps): ExplanationDocument {
  return deps.database.transaction(() => explanation(query, deps))();
}

function explanation(query: ReportQuery & { key?: string | undefined }, deps: ReportDeps): ExplanationDocument {
  const { grouping, sessions, streams } = open(query, deps);
  const names = new Map(streams.map(({ id, name }) => [id, name ?? id]));
  const rows = new Map<RowName, ExplainedInterval[]>();
  const addPart = (row: RowName, part: TimeInterval): void => {
    if (query.key !== undefined && !isCalled(row, query.key)) return;
    const intervals = rows.get(row) ?? [];
    rows.set(row, intervals);
    intervals.push(toExplained(part, { sessions, labelOf: deps.labelOf, streamName: part.streamId === null ? null : names.get(part.streamId) ?? part.streamId }));
  };
  for (const page of pagesOf(query, deps)) for (const interval of page) grouping.place(interval, addPart);
  return {
    schema: REPORT_SCHEMA, period: toPeriod(query), by: query.by,
    rows: [...rows].map(([{ key, name }, intervals]) => ({ key, name, intervals: intervals.sort((a, b) => (a.from < b.from ? -1 : 1)) })),
  };
}

function open({ by, timezone, period }: ReportQuery, { database, nowMs, labelOf }: ReportDeps): { grouping: Grouping; streams: Stream[]; sessions: ReportReader } {
  const [streams, sessions] = [readStreams(database), openReportReader(database)];
  const past = { fromMs: period.fromMs, toMs: Math.min(period.toMs, nowMs) };
  return { streams, sessions, grouping: createGrouping(by, { streams, sessions, labelOf, zone: timezone, period: past }) };
}

/** Nothing after now, and no wait after what is known of its machine. */
export function* pagesOf(
  { period }: Pick<ReportQuery, 'period'>, { database, nowMs, waitsUntilMs }: Pick<ReportDeps, 'database' | 'nowMs' | 'waitsUntilMs'>,
): Generator<TimeInterval[]> {
  const toMs = Math.min(period.toMs, nowMs);
  if (toMs <= period.fromMs) return;
  const lastHeard = openLastHeard(database);
  const untilMs = remembered((machineId: string) => waitsUntilMs(machineId) ?? lastHeard(machineId) ?? nowMs);
  const known = (interval: TimeInterval): TimeInterval[] => {
    const endMs = interval.form !== 'waiting' || interval.machineId === null ? interval.toMs : Math.min(interval.toMs, untilMs(interval.machineId));
    if (endMs === interval.toMs) return [interval];
    return endMs > interval.fromMs ? [{ ...interval, toMs: endMs }] : [];
  };
  for (const page of readIntervalPages(database, { fromMs: period.fromMs, toMs })) {
    yield page.some(({ form }) => form === 'waiting') ? page.flatMap(known) : page;
  }
}

function isCalled({ key, name }: RowName, wanted: string): boolean {
  return key === wanted || name === wanted || (key !== null && wanted.length >= 4 && key.startsWith(wanted)) || (key === null && wanted === 'none');
}

function toRow([row, tally]: readonly [RowName, Tally]): ReportRow {
  return { key: row.key, name: row.name, tags: [...row.tags], sessions: tally.sessions.size, ...tally.times() };
}

/** Most first; what belongs to none comes last. */
function byTime(a: ReportRow, b: ReportRow): number {
  const sum = (row: ReportRow): number => row.time_direct_ms + row.time_delegated_ms;
  return Number(a.key === null) - Number(b.key === null) || sum(b) - sum(a) || (a.name < b.name ? -1 : 1);
}

function byDate(a: ReportRow, b: ReportRow): number {
  return (a.key ?? '') < (b.key ?? '') ? -1 : 1;
}

function toPeriod({ period, timezone }: ReportQuery): ReportPeriod {
  const { type, fromMs, toMs } = period;
  return { start: dateOf(fromMs, timezone), end: dateOf(toMs - 1, timezone), type, from: printTimestamp(fromMs), to: printTimestamp(toMs) };
}

function toExplained(interval: TimeInterval, { sessions, labelOf, streamName }: {
  sessions: ReportReader; labelOf: ReportDeps['labelOf']; streamName: string | null;
}): ExplainedInterval {
  const { form, fromMs, toMs, machineId, sessionId, cwd } = interval;
  return {
    form, from: printTimestamp(fromMs), to: printTimestamp(toMs), duration_ms: toMs - fromMs,
    machine: machineId === null ? null : labelOf(machineId), session_id: sessionId,
    project: (sessionId === null ? null : sessions.session(sessionId)?.project) ?? cwd, stream: streamName,
    event: sessions.event(interval.event) ?? { id: '', type: '', timestamp: '' },
  };
}
