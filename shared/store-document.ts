/** JSON shape of `/api/v1/store`: the database and what keeps it safe. Unknown is null, never zero. */
import * as z from 'zod';

export const STORE_SCHEMA = 1;

export const lastCheckSchema = z.object({
  at: z.string(),
  /** Whether indexes were compared with their tables too. */
  deep: z.boolean(),
  /** What is wrong, in words; none: it is sound. */
  problems: z.array(z.string()),
});
export type LastCheckDocument = z.infer<typeof lastCheckSchema>;

export const storeDocumentSchema = z.object({
  schema: z.literal(STORE_SCHEMA),
  as_of: z.string(),
  path: z.string(),
  bytes: z.number(),
  /** Of the write-ahead log. */
  wal_bytes: z.number(),
  /** Free on its disk; null: the system does not tell. */
  free_bytes: z.number().nullable(),
  /** Null: none was made on this computer. */
  last_backup: z.object({ at: z.string(), file: z.string() }).nullable(),
  /** Null: `tt doctor` has not looked yet. */
  last_check: lastCheckSchema.nullable(),
  /** Of the collector that runs, and since when it does. */
  version: z.string(),
  started_at: z.string(),
  database_schema: z.number(),
});
export type StoreDocument = z.infer<typeof storeDocumentSchema>;
