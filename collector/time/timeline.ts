/** One day in lanes, for the page: the report's intervals, and the time that was not captured. */
import { reasonWords } from '../../shared/gap-words.ts';
import type { Completeness } from '../../shared/report-documents.ts';
import { TIMELINE_SCHEMA, type AttentionBlock, type MachineLane, type NotCaptured, type SessionLane, type TimelineDocument } from '../../shared/timeline-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { TimeInterval } from '../store/intervals.ts';
import { openReportReader, type ReportReader } from '../store/read-report.ts';
import { sessionName } from '../usage/usage-report.ts';
import { dateOf } from '../zoned-days.ts';
import type { NamedPeriod } from './period.ts';
import { pagesOf, type ReportDeps } from './report.ts';
import { toCompleteness } from './report-completeness.ts';

export interface TimelineQuery {
  period: NamedPeriod;
  timezone: string;
}

interface Span {
  fromMs: number;
  toMs: number;
}

/** Of one moment, whatever is stored meanwhile. */
export function timelineOf(query: TimelineQuery, deps: ReportDeps): TimelineDocument {
  return deps.database.transaction(() => timeline(query, deps))();
}

function timeline({ period, timezone }: TimelineQuery, deps: ReportDeps): TimelineDocument {
  const intervals = [...pagesOf({ period }, deps)].flat().sort((a, b) => a.fromMs - b.fromMs);
  const sessions = openReportReader(deps.database);
  const completeness = toCompleteness(period, deps);
  const sumOf = (form: TimeInterval['form']): number => intervals.reduce((sum, each) => sum + (each.form === form ? each.toMs - each.fromMs : 0), 0);
  return {
    schema: TIMELINE_SCHEMA,
    timezone,
    date: dateOf(period.fromMs, timezone),
    ...print(period),
    as_of: printTimestamp(deps.nowMs),
    time_direct_ms: sumOf('direct'),
    time_delegated_ms: sumOf('delegated'),
    time_waiting_ms: sumOf('waiting'),
    attention: attentionOf(intervals, sessions, deps),
    machines: machinesOf(intervals, notCaptured(period, completeness, deps), sessions, deps),
    completeness,
  };
}

function print({ fromMs, toMs }: Span): { from: string; to: string } {
  return { from: printTimestamp(fromMs), to: printTimestamp(toMs) };
}

/** What had the attention without a break is one block, however many signs say so. */
function attentionOf(intervals: readonly TimeInterval[], sessions: ReportReader, { labelOf }: ReportDeps): AttentionBlock[] {
  const joined: TimeInterval[] = [];
  for (const interval of intervals) {
    if (interval.form !== 'direct') continue;
    const last = joined.at(-1);
    if (last && last.toMs === interval.fromMs && last.machineId === interval.machineId && last.sessionId === interval.sessionId && last.cwd === interval.cwd) {
      joined[joined.length - 1] = { ...last, toMs: interval.toMs };
    } else joined.push(interval);
  }
  return joined.map((interval) => {
    const { machineId, sessionId, cwd } = interval;
    const machine = machineId === null ? null : labelOf(machineId);
    const known = sessionId === null ? undefined : sessions.session(sessionId);
    return { ...print(interval), machine, session: sessionId === null ? null : sessionName(sessionId, machine), title: known?.title ?? null, project: known?.project ?? cwd };
  });
}

function machinesOf(
  intervals: readonly TimeInterval[], missing: ReadonlyMap<string, NotCaptured[]>, sessions: ReportReader, { labelOf }: ReportDeps,
): MachineLane[] {
  const lanes = new Map<string | null, Map<string, SessionLane>>([...missing.keys()].map((label) => [label, new Map()]));
  for (const interval of intervals) {
    const { form, machineId, sessionId } = interval;
    if (form === 'direct' || sessionId === null) continue;
    const machine = machineId === null ? null : labelOf(machineId);
    const ofMachine = lanes.get(machine) ?? new Map<string, SessionLane>();
    lanes.set(machine, ofMachine);
    const known = sessions.session(sessionId);
    const lane = ofMachine.get(sessionId) ?? {
      session: sessionName(sessionId, machine), session_id: sessionId, machine, title: known?.title ?? null, project: known?.project ?? interval.cwd, blocks: [],
    };
    lane.blocks.push({ ...print(interval), form });
    ofMachine.set(sessionId, lane);
  }
  return [...lanes]
    .map(([machine, ofMachine]) => ({ machine, not_captured: missing.get(machine ?? '') ?? [], sessions: [...ofMachine.values()] }))
    .sort((a, b) => Number(a.machine === null) - Number(b.machine === null) || ((a.machine ?? '') < (b.machine ?? '') ? -1 : 1));
}

/** By label: exactly what keeps the day from being complete, as far as it lies in the day. */
function notCaptured(period: Span, { missing, gaps }: Completeness, { machines, nowMs }: ReportDeps): Map<string, NotCaptured[]> {
  const found = new Map<string, NotCaptured[]>();
  const add = (label: string, from: string | null, to: string | null, reason: string): void => {
    const known = machines.find((machine) => machine.label === label);
    const endMs = Math.min(period.toMs, nowMs, known?.ended_at ? Date.parse(known.ended_at) : Infinity);
    const fromMs = Math.max(period.fromMs, known?.enrolledAtMs ?? -Infinity, from === null ? -Infinity : Date.parse(from));
    const toMs = Math.min(endMs, to === null ? Infinity : Date.parse(to));
    if (fromMs <= toMs) found.set(label, [...(found.get(label) ?? []), { ...print({ fromMs, toMs }), reason }]);
  };
  for (const { machine, since } of missing) add(machine, since, null, since === null ? 'not heard of yet' : 'it has not told yet');
  for (const { machine, from, to, reason } of gaps) add(machine, from, to, reasonWords(reason));
  return found;
}
