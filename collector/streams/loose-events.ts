/**
 * What belongs to no session, in portions that can be assigned: focus by
 * directory, windows by program and machine. A new one begins after half an hour
 * of quiet, and where the stream changes.
 */
import { printTimestamp } from '../../shared/timestamp.ts';
import type { StreamLookup } from '../store/assignments.ts';
import type { LooseEvent } from '../store/context-rows.ts';
import type { ProposedBy } from './propose.ts';

export interface Proposed {
  /** Name of the only stream that a directory speaks for; null where none or several do. */
  proposed_stream: string | null;
  proposed_by: ProposedBy | null;
}
export type ProposedFor = (path: string | null) => Proposed;

export interface EventCluster extends Proposed {
  cwd: string | null;
  start_time: string;
  end_time: string;
  duration_minutes: number;
  event_count: number;
  event_types: string[];
  stream_id: string | null;
}

export interface WindowRun {
  start: string;
  end: string;
  duration_minutes: number;
  app_id: string | null;
  event_ids: string[];
  titles: string[];
  machine_id: string | null;
  stream_id: string | null;
}

const MINUTE_MS = 60_000;
const SPLIT_MS = 30 * MINUTE_MS;
const TITLES = 5;

export function minutesBetween(start: string, end: string): number {
  return Math.max(0, Math.floor((Date.parse(end) - Date.parse(start)) / MINUTE_MS));
}

/** `events` in order of time. Clusters by directory, then time. */
export function clusterLooseEvents(events: Iterable<LooseEvent>, lookup: StreamLookup, proposedFor: ProposedFor): { clusters: EventCluster[]; runs: WindowRun[] } {
  const clusters: EventCluster[] = [];
  const runs: WindowRun[] = [];
  const openClusters = new Map<string | null, Open<EventCluster>>();
  const openRuns = new Map<string | null, Open<WindowRun>>();
  for (const event of events) {
    const streamId = lookup.of(event)?.streamId ?? null;
    if (event.type === 'window_focus') {
      const run = growRun(openRuns.get(event.machineId), event, streamId);
      if (run.value !== openRuns.get(event.machineId)?.value) runs.push(run.value);
      openRuns.set(event.machineId, run);
    } else {
      const cluster = growCluster(openClusters.get(event.path), event, streamId);
      if (cluster.value !== openClusters.get(event.path)?.value) {
        if (streamId === null) Object.assign(cluster.value, proposedFor(event.path));
        clusters.push(cluster.value);
      }
      openClusters.set(event.path, cluster);
    }
  }
  return { clusters: clusters.sort((a, b) => (a.cwd ?? '').localeCompare(b.cwd ?? '') || a.start_time.localeCompare(b.start_time)), runs };
}

interface Open<T> {
  value: T;
  lastAt: number;
}

function goesOn<T extends { stream_id: string | null }>(open: Open<T> | undefined, event: LooseEvent, streamId: string | null): open is Open<T> {
  return open !== undefined && event.at - open.lastAt < SPLIT_MS && open.value.stream_id === streamId;
}

function growCluster(open: Open<EventCluster> | undefined, event: LooseEvent, streamId: string | null): Open<EventCluster> {
  const now = printTimestamp(event.at);
  const value: EventCluster = goesOn(open, event, streamId) ? open.value : {
    cwd: event.path, start_time: now, end_time: now, duration_minutes: 0, event_count: 0, event_types: [], stream_id: streamId, proposed_stream: null, proposed_by: null,
  };
  value.end_time = now;
  value.duration_minutes = minutesBetween(value.start_time, now);
  value.event_count += 1;
  if (!value.event_types.includes(event.type)) value.event_types.push(event.type);
  return { value, lastAt: event.at };
}

function growRun(open: Open<WindowRun> | undefined, event: LooseEvent, streamId: string | null): Open<WindowRun> {
  const now = printTimestamp(event.at);
  const appId = textOf(event.data['window_app_id']);
  const title = textOf(event.data['window_title']);
  const value: WindowRun = goesOn(open, event, streamId) && open.value.app_id === appId ? open.value : {
    start: now, end: now, duration_minutes: 0, app_id: appId, event_ids: [], titles: [], machine_id: event.machineId, stream_id: streamId,
  };
  value.end = now;
  value.duration_minutes = minutesBetween(value.start, now);
  value.event_ids.push(event.id);
  if (title !== null && value.titles.length < TITLES && !value.titles.includes(title)) value.titles.push(title);
  return { value, lastAt: event.at };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
