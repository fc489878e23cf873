/** What the commands about streams print as JSON: shapes that others rely on. Times are timestamps of 24 characters or milliseconds; unknown is null. */
import * as z from 'zod';

const textOrNull = z.string().nullable();
const streamTime = { time_direct_ms: z.number(), time_delegated_ms: z.number() };
const timeRange = z.object({ start: z.string(), end: z.string() });

/** `tt streams --json`. */
export const streamListSchema = z.object({
  schema: z.literal(1),
  period: timeRange,
  streams: z.array(z.object({
    id: z.string(), id_short: z.string(), name: textOrNull, tags: z.array(z.string()), ...streamTime,
    first_event_at: textOrNull, last_event_at: textOrNull, created_at: z.string(),
  })),
  unassigned: z.object(streamTime),
});

const idleGap = z.object({
  start: z.string(), end: z.string(), duration_minutes: z.number(), before_event_type: z.string(), after_event_type: z.string(),
});

/** `tt context`; a section that was not asked for is absent. */
export const contextSchema = z.object({
  schema: z.literal(1),
  time_range: timeRange,
  events: z.array(z.object({
    id: z.string(), timestamp: z.string(), type: z.string(), source: z.string(), cwd: textOrNull, session_id: textOrNull, claude_session_id: textOrNull,
    tmux_session: textOrNull, pane_id: textOrNull, git_project: textOrNull, git_workspace: textOrNull, machine_id: textOrNull, stream_id: textOrNull,
  })).optional(),
  agents: z.array(z.object({
    session_id: z.string(), claude_session_id: z.string(), parent_session_id: textOrNull, session_type: z.enum(['user', 'agent', 'subagent']),
    source: textOrNull, machine_id: textOrNull, project_path: textOrNull, project_name: textOrNull, start_time: z.string(), end_time: textOrNull,
    summary: textOrNull, starting_prompt: textOrNull, user_prompts: z.array(z.string()), user_prompt_count: z.number(),
    assistant_message_count: z.number(), tool_call_count: z.number(),
  })).optional(),
  streams: z.array(z.object({
    id: z.string(), name: textOrNull, ...streamTime, first_event_at: textOrNull, last_event_at: textOrNull, tags: z.array(z.string()),
  })).optional(),
  gaps: z.array(idleGap).optional(),
});

const proposed = {
  proposed_stream: textOrNull, proposed_by: z.enum(['directory', 'other_home', 'checkout_name']).nullable(),
};

/** `tt classify --json`. */
export const classificationSchema = z.object({
  schema: z.literal(1),
  time_range: timeRange,
  streams: z.array(z.object({ id: z.string(), name: textOrNull, tags: z.array(z.string()) })),
  sessions: z.array(z.object({
    session_id: z.string(), machine_id: textOrNull, machine: textOrNull, source: textOrNull, session_type: z.enum(['user', 'agent']),
    project_path: textOrNull, project_name: textOrNull, start_time: z.string(), end_time: z.string(), duration_minutes: z.number(),
    summary: textOrNull, starting_prompt: textOrNull, tool_call_count: z.number(), user_prompt_count: z.number(),
    stream_id: textOrNull, stream: textOrNull, assigned_by: textOrNull, events: z.number(), unassigned_events: z.number(), ...proposed,
  })),
  event_clusters: z.array(z.object({
    cwd: textOrNull, start_time: z.string(), end_time: z.string(), duration_minutes: z.number(), event_count: z.number(),
    event_types: z.array(z.string()), stream_id: textOrNull, ...proposed,
  })),
  window_runs: z.array(z.object({
    start: z.string(), end: z.string(), duration_minutes: z.number(), app_id: textOrNull, event_ids: z.array(z.string()),
    titles: z.array(z.string()), machine_id: textOrNull, stream_id: textOrNull,
  })),
  gaps: z.array(idleGap).optional(),
  stats: z.object({
    total_sessions: z.number(), unclassified_sessions: z.number(), total_event_clusters: z.number(), unclassified_event_clusters: z.number(),
  }),
});

/** One row of `tt streams create --json` and the like. */
export const streamSchema = z.object({ id: z.string(), id_short: z.string(), name: z.string().nullable(), tags: z.array(z.string()) });

/** What became of assignments; `act` is null where nothing new was said. */
export const appliedSchema = z.object({
  act: z.number().nullable(),
  assignments: z.number(),
  events: z.number(),
  changed: z.number(),
  kept_by_person: z.number(),
  kept_otherwise: z.number(),
  streams: z.array(z.object({
    id: z.string().nullable(), id_short: z.string().nullable(), name: z.string().nullable(), created: z.boolean(), gained: z.number(), lost: z.number(),
  })),
});

/** `tt assign --json`, `tt classify --apply FILE --json`. */
export const appliedDocumentSchema = appliedSchema.extend({ schema: z.literal(1), dry_run: z.boolean(), by: z.enum(['user', 'model', 'rule', 'auto']) });

/** `tt streams create|rename|merge|delete --json`, `tt tag --json`, `tt untag --json`: the streams it was about. */
export const changedStreamsSchema = z.object({ schema: z.literal(1), streams: z.array(streamSchema) });
