/** JSON shape of `tt sync --json`; frozen by samples in test/contract. */
import * as z from 'zod';

export const SYNC_SCHEMA = 1;

export const syncedHostSchema = z.object({
  /** As it was named, or as ssh knows it. */
  host: z.string(),
  /** Label; null: it never got so far as to say who it is. */
  machine: z.string().nullable(),
  /** `connected`: its own agent is, so there was nothing to do. `failed`: what arrived before is stored all the same. */
  state: z.enum(['synced', 'connected', 'failed']),
  /** Events that were not known. */
  new: z.number(),
  duplicates: z.number(),
  refused: z.number(),
  bad_lines: z.number(),
  gaps: z.number(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});
export type SyncedHost = z.infer<typeof syncedHostSchema>;

/** In the order in which hosts were named. */
export const syncDocumentSchema = z.object({ schema: z.literal(SYNC_SCHEMA), hosts: z.array(syncedHostSchema) });
export type SyncDocument = z.infer<typeof syncDocumentSchema>;

export const SYNC_EVERY_SCHEMA = 1;

/** `tt sync --every --json`. */
export const syncEveryDocumentSchema = z.object({
  schema: z.literal(SYNC_EVERY_SCHEMA),
  /** Null: off. */
  every_ms: z.number().nullable(),
  /** None: of all machines that ssh reaches and that are not connected. */
  hosts: z.array(z.string()),
  /** Start of the last run; null: none yet since it was said. */
  last_at: z.string().nullable(),
  /** Null: off. */
  next_at: z.string().nullable(),
  /** Of the last run. */
  results: z.array(syncedHostSchema),
});
export type SyncEveryDocument = z.infer<typeof syncEveryDocumentSchema>;
