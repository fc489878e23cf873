/** `tt search QUERY --json`. */
import * as z from 'zod';

export const SEARCH_SCHEMA = 1;

/** Who said it. */
export const ROLES = ['user', 'assistant', 'tool'] as const;
export type Role = (typeof ROLES)[number];

export const searchHitSchema = z.object({
  session: z.string(),
  /** Label of the machine whose file it stands in. */
  machine: z.string(),
  /** Of a subagent's own conversation; null: of the session's. */
  agent_id: z.string().nullable(),
  project: z.string().nullable(),
  role: z.enum(ROLES),
  at: z.string().nullable(),
  uuid: z.string().nullable(),
  /** Plain text; `marks`: `[from, to)` of what was found, in UTF-16 units. */
  snippet: z.string(),
  marks: z.array(z.tuple([z.int(), z.int()])),
});
export type SearchHit = z.infer<typeof searchHitSchema>;

export const searchSchema = z.object({
  schema: z.literal(SEARCH_SCHEMA),
  query: z.string(),
  /** Best first; of one session at most three. */
  hits: z.array(searchHitSchema),
  /** True: more was found than is ranked; what is ranked is the newest of it. */
  is_newest_only: z.boolean(),
  /** What was searched. */
  indexed_files: z.int(),
  indexed_bytes: z.int(),
});
export type SearchDocument = z.infer<typeof searchSchema>;
