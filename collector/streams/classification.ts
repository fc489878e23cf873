/**
 * What a model, or a person, needs to see in order to assign the work of a time:
 * sessions, focus and windows, what belongs to a stream already, and which stream
 * a directory proposes. Data only; nothing is assigned here.
 */
import { printTimestamp } from '../../shared/timestamp.ts';
import { openStreamLookup, type StreamLookup } from '../store/assignments.ts';
import { openPromptReader, openSessionStreams, readAssignedDirectories, readLooseEvents, readSessionsDuring, type Period, type SessionRow } from '../store/context-rows.ts';
import type { Database } from '../store/database.ts';
import { readStreams } from '../store/streams.ts';
import { cutText } from './cut-text.ts';
import { clusterLooseEvents, minutesBetween, type EventCluster, type Proposed, type ProposedFor, type WindowRun } from './loose-events.ts';
import { readIdleGaps, type IdleGap } from './idle-gaps.ts';
import { createProposer, projectNameOf } from './propose.ts';

export interface ClassificationOptions {
  unclassified: boolean;
  summary: boolean;
  /** Null: without gaps. */
  gapMs: number | null;
  labelOf: (machineId: string) => string;
}

export interface ClassifiedSession extends Proposed {
  session_id: string;
  machine_id: string | null;
  machine: string | null;
  source: string | null;
  session_type: 'user' | 'agent';
  project_path: string | null;
  project_name: string | null;
  start_time: string;
  end_time: string;
  duration_minutes: number;
  summary: string | null;
  /** At most 200 bytes; null where there is a summary. */
  starting_prompt: string | null;
  tool_call_count: number;
  user_prompt_count: number;
  /** Of its own events, not of its directory: where most belong. */
  stream_id: string | null;
  stream: string | null;
  assigned_by: string | null;
  events: number;
  unassigned_events: number;
}

export interface Classification {
  time_range: { start: string; end: string };
  streams: { id: string; name: string | null; tags: string[] }[];
  sessions: ClassifiedSession[];
  event_clusters: EventCluster[];
  window_runs: WindowRun[];
  gaps?: IdleGap[];
  stats: { total_sessions: number; unclassified_sessions: number; total_event_clusters: number; unclassified_event_clusters: number };
}

const PROMPT_BYTES = 200;
const SUMMARY_BYTES = 120;

export function readClassification(reader: Database, period: Period, options: ClassificationOptions): Classification {
  const lookup = openStreamLookup(reader);
  const streams = readStreams(reader);
  const nameOf = new Map(streams.map(({ id, name }) => [id, name ?? id]));
  const propose = createProposer(readAssignedDirectories(reader));
  const proposedFor = (path: string | null): Proposed => {
    const found = path === null ? undefined : propose(path);
    return { proposed_stream: found === undefined ? null : nameOf.get(found.streamId) ?? null, proposed_by: found?.by ?? null };
  };
  const sessions = readClassifiedSessions(reader, period, { ...options, lookup, nameOf, proposedFor });
  const loose = clusterLooseEvents(readLooseEvents(reader, period), lookup, proposedFor);
  const isOpen = ({ stream_id: streamId }: { stream_id: string | null }): boolean => !options.unclassified || streamId === null;
  return {
    time_range: { start: printTimestamp(period.fromMs), end: printTimestamp(period.toMs) },
    streams: streams.map(({ id, name, tags }) => ({ id, name, tags })),
    sessions: sessions.filter((session) => !options.unclassified || session.unassigned_events > 0),
    event_clusters: loose.clusters.filter(isOpen),
    window_runs: loose.runs.filter(isOpen),
    ...(options.gapMs !== null && { gaps: [...readIdleGaps(reader, period, options.gapMs)] }),
    stats: {
      total_sessions: sessions.length, unclassified_sessions: sessions.filter((session) => session.unassigned_events > 0).length,
      total_event_clusters: loose.clusters.length, unclassified_event_clusters: loose.clusters.filter((cluster) => cluster.stream_id === null).length,
    },
  };
}

function readClassifiedSessions(reader: Database, period: Period, { summary: isShort, labelOf, lookup, nameOf, proposedFor }: ClassificationOptions & {
  lookup: StreamLookup; nameOf: ReadonlyMap<string, string>; proposedFor: ProposedFor;
}): ClassifiedSession[] {
  const rows = readSessionsDuring(reader, period);
  const streamsOf = openSessionStreams(reader, lookup);
  const promptsOf = openPromptReader(reader);
  const wholes = wholesOf(rows);
  return rows.filter(({ agentId }) => agentId === '').map((row): ClassifiedSession => {
    const belongs = streamsOf(row.session);
    const prompts = row.title === null ? promptsOf(row.session) : [];
    const [main] = [...belongs].filter(([id]) => id !== null).toSorted(([, a], [, b]) => b.events - a.events);
    const unassigned = belongs.get(null)?.events ?? 0;
    const streamId = main?.[0] ?? null;
    const { lastAt, toolUses } = wholes.get(row.sessionId) ?? row;
    const startedAt = row.startedAt ?? row.firstAt;
    return {
      session_id: row.sessionId, machine_id: row.machineId, machine: row.machineId === null ? null : labelOf(row.machineId),
      source: row.harness, session_type: sessionTypeOf(row),
      project_path: row.cwd, project_name: row.cwd === null ? null : projectNameOf(row.cwd),
      start_time: startedAt, end_time: lastAt, duration_minutes: minutesBetween(startedAt, lastAt),
      summary: row.title === null ? null : cutText(row.title, isShort ? SUMMARY_BYTES : Infinity),
      starting_prompt: prompts[0] === undefined ? null : cutText(prompts[0].text, isShort ? SUMMARY_BYTES : PROMPT_BYTES),
      tool_call_count: toolUses, user_prompt_count: row.prompts,
      stream_id: streamId, stream: streamId === null ? null : nameOf.get(streamId) ?? null, assigned_by: main?.[1].assignedBy ?? null,
      events: [...belongs.values()].reduce((sum, { events }) => sum + events, 0), unassigned_events: unassigned,
      ...(unassigned > 0 ? proposedFor(row.cwd) : { proposed_stream: null, proposed_by: null }),
    };
  });
}

/** A conversation that no human ever spoke in was a script's. */
export function sessionTypeOf({ prompts }: Pick<SessionRow, 'prompts'>): 'user' | 'agent' {
  return prompts > 0 ? 'user' : 'agent';
}

/** Conversations with their subagents, as far as those have events of the time. */
function wholesOf(rows: readonly SessionRow[]): Map<string, Pick<SessionRow, 'lastAt' | 'toolUses'>> {
  const wholes = new Map<string, Pick<SessionRow, 'lastAt' | 'toolUses'>>();
  for (const { sessionId, lastAt, toolUses } of rows) {
    const known = wholes.get(sessionId);
    wholes.set(sessionId, known === undefined ? { lastAt, toolUses } : { lastAt: known.lastAt > lastAt ? known.lastAt : lastAt, toolUses: known.toolUses + toolUses });
  }
  return wholes;
}
