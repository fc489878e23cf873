/** What `tt sync` and the agent that it runs tell each other beside the wire, over the same pipe (pipe.ts). */
import * as z from 'zod';

const text = z.string().max(4096);

/** The agent's first word. `collector_id`: the collector that this machine joined; null: none yet. */
export const hereSchema = z.object({ type: z.literal('here'), version: text, collector_id: text.nullable() });

/** The answer: by which address this run comes, and a code where the machine has to join first. */
export const goSchema = z.object({ type: z.literal('go'), endpoint: text, code: text.nullable() });

export const fromAgentSchema = z.discriminatedUnion('type', [
  hereSchema,
  z.object({ type: z.literal('progress'), backlog_bytes: z.number().nullable() }),
  /** Everything that was there is acknowledged. */
  z.object({ type: z.literal('drained'), files: z.number(), bad_lines: z.number(), gaps: z.number() }),
  z.object({ type: z.literal('failed'), code: text, message: text, hint: text, exit_code: z.number() }),
]);
export type FromAgent = z.infer<typeof fromAgentSchema>;
export type Go = z.infer<typeof goSchema>;
