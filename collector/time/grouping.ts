/** To which row of a report an interval belongs: one, or, by tag, every tag of its stream. */
import type { ReportGroup } from '../../shared/report-documents.ts';
import type { TimeInterval } from '../store/intervals.ts';
import type { ReportReader } from '../store/read-report.ts';
import type { Stream } from '../store/streams.ts';
import { daysBetween, type ZonedDay } from '../zoned-days.ts';

export interface RowName {
  key: string | null;
  name: string;
  tags: readonly string[];
}

export interface PlacedPart {
  row: RowName;
  interval: TimeInterval;
}

export interface GroupingDeps {
  streams: readonly Stream[];
  sessions: Pick<ReportReader, 'session'>;
  labelOf(machineId: string): string;
  zone: string;
  period: { fromMs: number; toMs: number };
}

export type Grouping = (interval: TimeInterval) => Iterable<PlacedPart>;

export const UNASSIGNED = '(unassigned)';
const UNTAGGED = '(untagged)';

export function createGrouping(by: ReportGroup, deps: GroupingDeps): Grouping {
  if (by === 'day') return byDay(deps);
  if (by === 'tag') return byTag(deps);
  const rowOf = ROWS[by](deps);
  return (interval) => [{ row: rowOf(interval), interval }];
}

const ROWS: Record<Exclude<ReportGroup, 'day' | 'tag'>, (deps: GroupingDeps) => (interval: TimeInterval) => RowName> = {
  stream({ streams }) {
    const byId = new Map(streams.map((stream) => [stream.id, stream]));
    return ({ streamId }) => {
      const stream = streamId === null ? undefined : byId.get(streamId);
      return streamId === null ? none(UNASSIGNED) : { key: streamId, name: stream?.name ?? '(unnamed)', tags: stream?.tags ?? [] };
    };
  },
  project({ sessions }) {
    // A session is of the directory it was started in, wherever its agent went.
    return ({ sessionId, cwd }) => {
      const project = (sessionId === null ? undefined : sessions.session(sessionId)?.project) ?? cwd;
      return project === null ? none('(no directory)') : { key: project, name: project, tags: [] };
    };
  },
  machine({ labelOf }) {
    return ({ machineId }) => (machineId === null ? none('(no machine)') : { key: labelOf(machineId), name: labelOf(machineId), tags: [] });
  },
  session({ sessions, labelOf }) {
    return ({ sessionId, machineId }) => {
      if (sessionId === null) return none('(no session)');
      const at = machineId === null ? '' : `@${labelOf(machineId)}`;
      return { key: `${sessionId}${at}`, name: sessions.session(sessionId)?.title ?? `${sessionId}${at}`, tags: [] };
    };
  },
};

function none(name: string): RowName {
  return { key: null, name, tags: [] };
}

/** Full time under every tag, so that rows may add up to more than the total. */
function byTag({ streams }: GroupingDeps): Grouping {
  const tags = new Map(streams.map((stream) => [stream.id, stream.tags]));
  return (interval) => {
    if (interval.streamId === null) return [{ row: none(UNASSIGNED), interval }];
    const own = tags.get(interval.streamId) ?? [];
    if (own.length === 0) return [{ row: none(UNTAGGED), interval }];
    return own.map((tag) => ({ row: { key: tag, name: tag, tags: [] }, interval }));
  };
}

/** Cut at the midnights of the zone: the days add up to the whole. */
function byDay({ zone, period }: GroupingDeps): Grouping {
  const days = [...daysBetween(period.fromMs, period.toMs, zone)];
  return function* parts(interval) {
    for (let at = dayAt(days, interval.fromMs); at < days.length; at += 1) {
      const day = days[at];
      if (day === undefined || day.fromMs >= interval.toMs) return;
      const cut = { ...interval, fromMs: Math.max(interval.fromMs, day.fromMs), toMs: Math.min(interval.toMs, day.toMs) };
      if (cut.fromMs < cut.toMs) yield { row: { key: day.date, name: day.date, tags: [] }, interval: cut };
    }
  };
}

function dayAt(days: readonly ZonedDay[], atMs: number): number {
  let [low, high] = [0, days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((days[middle]?.toMs ?? Infinity) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
