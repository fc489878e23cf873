/** JSON shape of `tt usage` and of the API's answer; frozen by a sample in test/contract. */
import * as z from 'zod';
import { spentSchema } from './session-documents.ts';

export const USAGE_SCHEMA = 1;

export const USAGE_GROUPS = ['day', 'machine', 'project', 'model', 'session', 'stream'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

export const usageRowSchema = z.object({
  /** Date, label, directory, model (`-fast` behind it in fast mode), `session@machine`, or name of a stream; null: none. */
  key: z.string().nullable(),
  ...spentSchema.shape,
});
export type UsageRow = z.infer<typeof usageRowSchema>;

export const usageDocumentSchema = z.object({
  schema: z.literal(USAGE_SCHEMA),
  by: z.enum(USAGE_GROUPS),
  timezone: z.string(),
  /** Half-open; null: from the first, up to now. */
  since: z.string().nullable(),
  until: z.string().nullable(),
  rows: z.array(usageRowSchema),
  total: spentSchema,
  /** Models without a price, and how many responses of each. */
  unpriced_models: z.array(z.object({ model: z.string().nullable(), responses: z.number() })),
  prices: z.object({ as_of: z.string(), source: z.string() }),
});
export type UsageDocument = z.infer<typeof usageDocumentSchema>;
