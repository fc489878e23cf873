/** To which row of a report an interval belongs: one, or, by tag, every tag of its stream. */
import type { ReportGroup } from '../../shared/report-documents.ts';
import { remembered } from '../remembered.ts';
import type { TimeInterval } from '../store/intervals.ts';
import type { ReportReader } from '../store/read-report.ts';
import type { Stream } from '../store/streams.ts';
import { daysBetween, type ZonedDay } from '../zoned-days.ts';

export interface RowName {
  key: string | null;
  name: string;
  tags: readonly string[];
}

export interface GroupingDeps {
  streams: readonly Stream[];
  sessions: Pick<ReportReader, 'session'>;
  labelOf(machineId: string): string;
  zone: string;
  period: { fromMs: number; toMs: number };
}

export interface Grouping {
  /** There, with or without time. */
  rows: readonly RowName[];
  /** Tells `add` every part of it with its row. The same row is always the same object. */
  place(interval: TimeInterval, add: (row: RowName, part: TimeInterval) => void): void;
}

const UNASSIGNED = none('(unassigned)');
const UNTAGGED = none('(untagged)');

export function createGrouping(by: ReportGroup, deps: GroupingDeps): Grouping {
  if (by === 'day') return byDay(deps);
  if (by === 'tag') return byTag(deps);
  const rowOf = ROWS[by](deps);
  return { rows: by === 'stream' ? [UNASSIGNED] : [], place: (interval, add) => add(rowOf(interval), interval) };
}

const ROWS: Record<Exclude<ReportGroup, 'day' | 'tag'>, (deps: GroupingDeps) => (interval: TimeInterval) => RowName> = {
  stream({ streams }) {
    const byId = new Map(streams.map((stream) => [stream.id, stream]));
    const row = remembered((id: string): RowName => ({ key: id, name: byId.get(id)?.name ?? '(unnamed)', tags: byId.get(id)?.tags ?? [] }));
    return ({ streamId }) => (streamId === null ? UNASSIGNED : row(streamId));
  },
  project({ sessions }) {
    const nowhere = none('(no directory)');
    const row = remembered(called);
    const projectOf = remembered((sessionId: string) => sessions.session(sessionId)?.project ?? null);
    // A session is of the directory it was started in, wherever its agent went.
    return ({ sessionId, cwd }) => {
      const project = (sessionId === null ? null : projectOf(sessionId)) ?? cwd;
      return project === null ? nowhere : row(project);
    };
  },
  machine({ labelOf }) {
    const nowhere = none('(no machine)');
    const row = remembered(called);
    return ({ machineId }) => (machineId === null ? nowhere : row(labelOf(machineId)));
  },
  session({ sessions, labelOf }) {
    const nobody = none('(no session)');
    const ofMachine = remembered((machineId: string | null) => {
      const at = machineId === null ? '' : `@${labelOf(machineId)}`;
      return remembered((id: string): RowName => ({ key: `${id}${at}`, name: sessions.session(id)?.title ?? `${id}${at}`, tags: [] }));
    });
    return ({ sessionId, machineId }) => (sessionId === null ? nobody : ofMachine(machineId)(sessionId));
  },
};

function none(name: string): RowName {
  return { key: null, name, tags: [] };
}

function called(key: string): RowName {
  return { key, name: key, tags: [] };
}

/** Full time under every tag, so that rows may add up to more than the total. */
function byTag({ streams }: GroupingDeps): Grouping {
  const row = remembered(called);
  const rows = new Map(streams.map(({ id, tags }) => [id, tags.length === 0 ? [UNTAGGED] : tags.map(row)]));
  return {
    rows: [UNASSIGNED],
    place(interval, add) {
      for (const each of interval.streamId === null ? [UNASSIGNED] : rows.get(interval.streamId) ?? [UNTAGGED]) add(each, interval);
    },
  };
}

/** Cut at the midnights of the zone: the days add up to the whole. */
function byDay({ zone, period }: GroupingDeps): Grouping {
  const days = [...daysBetween(period.fromMs, period.toMs, zone)];
  const rows = days.map(({ date }) => called(date));
  return {
    rows,
    place(interval, add) {
      for (let at = dayAt(days, interval.fromMs); at < days.length; at += 1) {
        const [day, row] = [days[at], rows[at]];
        if (day === undefined || row === undefined || day.fromMs >= interval.toMs) return;
        const cut = { ...interval, fromMs: Math.max(interval.fromMs, day.fromMs), toMs: Math.min(interval.toMs, day.toMs) };
        if (cut.fromMs < cut.toMs) add(row, cut);
      }
    },
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
