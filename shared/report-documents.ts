/** JSON shapes of `tt report` and of the API's answers; frozen by samples in test/contract. Durations in ms; unknown is null, never zero. */
import * as z from 'zod';

export const REPORT_SCHEMA = 1;

export const REPORT_GROUPS = ['stream', 'tag', 'project', 'machine', 'day', 'session'] as const;
export type ReportGroup = (typeof REPORT_GROUPS)[number];
export const PERIOD_TYPES = ['day', 'week', 'month', 'custom'] as const;
export type PeriodType = (typeof PERIOD_TYPES)[number];

const timesShape = {
  /** Attention of the person: never more than the clock. */
  time_direct_ms: z.number(),
  /** Work of agents: sessions side by side add up. */
  time_delegated_ms: z.number(),
  /** Union of both. */
  time_total_ms: z.number(),
  /** For how long sessions were known to wait for the person; they add up. */
  time_waiting_ms: z.number(),
};

export const reportPeriodSchema = z.object({
  /** Dates of the zone; the last day is inside. */
  start: z.string(),
  end: z.string(),
  type: z.enum(PERIOD_TYPES),
  /** Half-open instants. */
  from: z.string(),
  to: z.string(),
});
export type ReportPeriod = z.infer<typeof reportPeriodSchema>;

export const completenessSchema = z.object({
  complete: z.boolean(),
  /** The period is complete from its start up to here; null: not known. */
  until: z.string().nullable(),
  missing: z.array(z.object({ machine: z.string(), since: z.string().nullable() })),
  gaps: z.array(z.object({ id: z.string(), machine: z.string(), path: z.string(), bytes: z.number(), from: z.string().nullable(), to: z.string().nullable(), reason: z.string() })),
  /** Machines whose clock was off by more than two seconds when they were last heard: their times are their own. */
  clock_offsets: z.array(z.object({ machine: z.string(), offset_ms: z.number() })),
});
export type Completeness = z.infer<typeof completenessSchema>;

export const reportRowSchema = z.object({
  /** ID of the stream, tag, directory, label, date or session ID; null: what belongs to none. */
  key: z.string().nullable(),
  /** What a person calls it. */
  name: z.string(),
  /** Of the stream. */
  tags: z.array(z.string()),
  sessions: z.number(),
  ...timesShape,
});
export type ReportRow = z.infer<typeof reportRowSchema>;

export const reportTotalsSchema = z.object({
  ...timesShape,
  /** Null where no session tells when it waits. */
  time_waiting_ms: z.number().nullable(),
  unassigned_direct_ms: z.number(),
  unassigned_delegated_ms: z.number(),
  streams: z.number(),
  /** With work of agents in the period. */
  sessions: z.number(),
  /** Most sessions at work at one moment. */
  peak_sessions: z.number(),
  /** Delegated per direct hour; null without direct time. */
  leverage: z.number().nullable(),
  /** Sessions whose harness does not tell when it waits: their waits are not in `time_waiting_ms`. */
  waiting_unknown_sessions: z.number(),
});

export const reportDocumentSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  generated_at: z.string(),
  timezone: z.string(),
  week_start_day: z.literal('monday'),
  period: reportPeriodSchema,
  by: z.enum(REPORT_GROUPS),
  rows: z.array(reportRowSchema),
  totals: reportTotalsSchema,
  completeness: completenessSchema,
});
export type ReportDocument = z.infer<typeof reportDocumentSchema>;

/** `--weeks N`: the newest first. */
export const reportsDocumentSchema = z.object({ schema: z.literal(REPORT_SCHEMA), weeks: z.array(reportDocumentSchema) });

export const explainedIntervalSchema = z.object({
  form: z.enum(['direct', 'delegated', 'waiting']),
  from: z.string(),
  to: z.string(),
  duration_ms: z.number(),
  machine: z.string().nullable(),
  session_id: z.string().nullable(),
  project: z.string().nullable(),
  stream: z.string().nullable(),
  /** The fact that it begins with. */
  event: z.object({ id: z.string(), type: z.string(), timestamp: z.string() }),
});
export type ExplainedInterval = z.infer<typeof explainedIntervalSchema>;

/** `--explain`: the intervals that the figures are sums of. */
export const explanationDocumentSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  period: reportPeriodSchema,
  by: z.enum(REPORT_GROUPS),
  rows: z.array(z.object({ key: z.string().nullable(), name: z.string(), intervals: z.array(explainedIntervalSchema) })),
});
export type ExplanationDocument = z.infer<typeof explanationDocumentSchema>;
