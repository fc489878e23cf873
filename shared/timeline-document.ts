/** JSON shape of `/api/v1/timeline`: one day, in lanes. The intervals are those of `tt report --explain`; unknown is null, never zero. */
import * as z from 'zod';
import { completenessSchema } from './report-documents.ts';

export const TIMELINE_SCHEMA = 1;

const textOrNull = z.string().nullable();
/** Half-open, clipped to the day. */
const spanShape = { from: z.string(), to: z.string() };

export const attentionBlockSchema = z.object({
  ...spanShape,
  machine: textOrNull,
  /** Of what had the attention; null: it was no session. */
  session: textOrNull,
  title: textOrNull,
  project: textOrNull,
});
export type AttentionBlock = z.infer<typeof attentionBlockSchema>;

export const agentBlockSchema = z.object({
  ...spanShape,
  /** `delegated`: it worked; `waiting`: it waited for the person. */
  form: z.enum(['delegated', 'waiting']),
});
export type AgentBlock = z.infer<typeof agentBlockSchema>;

export const sessionLaneSchema = z.object({
  /** `session_id@machine`. */
  session: z.string(),
  session_id: z.string(),
  machine: textOrNull,
  title: textOrNull,
  /** Directory it began in. */
  project: textOrNull,
  /** In order of time; they never overlap. */
  blocks: z.array(agentBlockSchema),
});
export type SessionLane = z.infer<typeof sessionLaneSchema>;

/** Time of which something is missing: a machine that has not told all, or bytes that are lost. */
export const notCapturedSchema = z.object({ ...spanShape, reason: z.string() });
export type NotCaptured = z.infer<typeof notCapturedSchema>;

export const machineLaneSchema = z.object({
  /** Null: events that name no machine. */
  machine: textOrNull,
  not_captured: z.array(notCapturedSchema),
  /** In order of their first block. */
  sessions: z.array(sessionLaneSchema),
});
export type MachineLane = z.infer<typeof machineLaneSchema>;

export const timelineDocumentSchema = z.object({
  schema: z.literal(TIMELINE_SCHEMA),
  timezone: z.string(),
  /** Of the zone. */
  date: z.string(),
  ...spanShape,
  /** Nothing after it is in here. */
  as_of: z.string(),
  /** Sums of the blocks: those of the day's report. */
  time_direct_ms: z.number(),
  time_delegated_ms: z.number(),
  time_waiting_ms: z.number(),
  /** In order of time; they never overlap. */
  attention: z.array(attentionBlockSchema),
  /** With sessions in the day, or with something that is missing; by label. */
  machines: z.array(machineLaneSchema),
  completeness: completenessSchema,
});
export type TimelineDocument = z.infer<typeof timelineDocumentSchema>;
