/** JSON shapes of `tt archive status`. Unknown is null, never zero. */
import * as z from 'zod';

export const ARCHIVE_SCHEMA = 1;

/** What is known of one machine's archive without looking into it. */
export const archiveRowSchema = z.object({
  machine_id: z.string(),
  label: z.string(),
  /** What was asked for here. */
  on: z.boolean(),
  ended_at: z.string().nullable(),
  /** Null: no collector runs. */
  connected: z.boolean().nullable(),
  /** What its agent said last; null: nothing since this collector started, or it has no archive. */
  agent: z.object({
    as_of: z.string(), state: z.enum(['off', 'not_allowed', 'on']), files: z.number().nullable(), bytes: z.number().nullable(),
    waiting_files: z.number().nullable(), waiting_bytes: z.number().nullable(), withheld_sessions: z.number(), skipped_files: z.number(),
    problem: z.string().nullable(),
  }).nullable(),
  /** Its agent is connected and knows nothing of archives. */
  older_agent: z.boolean(),
  /** Why nothing is taken here. */
  problem: z.string().nullable(),
});
export type ArchiveRow = z.infer<typeof archiveRowSchema>;

/** The same, and what lies there. */
export const archivedMachineSchema = archiveRowSchema.extend({
  sessions: z.number(),
  files: z.number(),
  bytes: z.number(),
  /** Contents that files had before they were written anew. */
  previous_files: z.number(),
  previous_bytes: z.number(),
});
export type ArchivedMachine = z.infer<typeof archivedMachineSchema>;

export const archiveStatusSchema = z.object({ schema: z.literal(ARCHIVE_SCHEMA), archive_dir: z.string(), machines: z.array(archivedMachineSchema) });

/** Of one machine, for its page. */
export const machineArchiveSchema = archivedMachineSchema.extend({ schema: z.literal(ARCHIVE_SCHEMA) });
export type MachineArchiveDocument = z.infer<typeof machineArchiveSchema>;
