/** JSON shape of a machine's own page. Times are timestamps; unknown is null, never zero. */
import * as z from 'zod';

export const MACHINE_SCHEMA = 1;

const timestampOrNull = z.string().nullable();

/** One row of `tt gaps --json`. */
export const gapRowSchema = z.object({
  id: z.string(),
  machine: z.string(),
  machine_id: z.string(),
  path: z.string(),
  gen: z.string(),
  from: z.number(),
  to: z.number(),
  bytes: z.number(),
  /** Timestamps of the good lines around it. */
  t_from: timestampOrNull,
  t_to: timestampOrNull,
  reason: z.string(),
  reported_at: z.string(),
  accepted_at: timestampOrNull,
});
export type GapRow = z.infer<typeof gapRowSchema>;

/** What an agent said of itself last. */
export const machineReportSchema = z.object({
  machine_id: z.string(),
  label: z.string(),
  /** When it said so; null: nothing since this collector started, and the rest is null too. */
  as_of: timestampOrNull,
  problems: z.array(z.string()).nullable(),
  bad_lines: z.number().nullable(),
  unknown_entries: z.record(z.string(), z.number()).nullable(),
  kept_bytes: z.number().nullable(),
});
export type MachineReport = z.infer<typeof machineReportSchema>;

/** `unknown`: the collector did not run, its computer slept, or the machine was not enrolled yet. */
export const CONNECTION_STATES = ['connected', 'away', 'unknown'] as const;

/** Half-open. */
export const connectionSpanSchema = z.object({ from: z.string(), to: z.string(), state: z.enum(CONNECTION_STATES) });
export type ConnectionSpan = z.infer<typeof connectionSpanSchema>;

/** What only the running collector knows of it. */
export const machineKnownSchema = z.object({
  machine_id: z.string(),
  label: z.string(),
  enrolled_at: z.string(),
  /** As it calls itself. */
  host: z.string().nullable(),
  connected_since: timestampOrNull,
  last_seen_at: timestampOrNull,
  /** Of the last 24 hours, without holes. */
  connections: z.array(connectionSpanSchema),
  report: machineReportSchema,
});
export type MachineKnown = z.infer<typeof machineKnownSchema>;

export const machineDocumentSchema = machineKnownSchema.extend({
  schema: z.literal(MACHINE_SCHEMA),
  /** What its newest events came from (`remote.agent`, `remote.tmux`, …), and when last. */
  sources: z.array(z.object({ source: z.string(), last_at: z.string() })),
  /** Of its ledger, latest first; at most 200. */
  files: z.array(z.object({ path: z.string(), gen: z.string(), bytes: z.number(), born_at: timestampOrNull, updated_at: z.string() })),
  files_total: z.number(),
  files_bytes: z.number(),
  gaps: z.array(gapRowSchema),
  /** Dead letters, latest first; at most 50. `subject`: what it would have been. */
  refused: z.array(z.object({ code: z.string(), subject: z.string(), count: z.number(), last_at: z.string(), bytes: z.number() })),
  refused_total: z.number(),
});
export type MachineDocument = z.infer<typeof machineDocumentSchema>;
