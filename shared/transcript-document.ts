/** `tt sessions show ID --transcript --json`. */
import * as z from 'zod';

export const TRANSCRIPT_SCHEMA = 1;

const saidSchema = z.object({
  kind: z.literal('said'), at: z.string().nullable(), uuid: z.string().nullable(),
  /** prompt, command, shell, interrupt, answer. */
  said: z.string(),
  /** human or script. */
  origin: z.string(),
  text: z.string(), has_image: z.boolean(),
});
const textSchema = z.object({ kind: z.enum(['text', 'thinking', 'summary']), at: z.string().nullable(), uuid: z.string().nullable(), text: z.string() });
const toolSchema = z.object({
  kind: z.literal('tool'), at: z.string().nullable(), uuid: z.string().nullable(),
  tool: z.string(),
  /** The part of its input that tells most, on one line. */
  summary: z.string(),
  input: z.record(z.string(), z.unknown()),
  /** Null: none is in the log. `text` is cut to the first 10,000 characters; `length` is the whole. */
  result: z.object({ text: z.string(), length: z.int(), is_error: z.boolean() }).nullable(),
});
export const transcriptItemSchema = z.discriminatedUnion('kind', [saidSchema, textSchema, toolSchema]);
export type TranscriptItem = z.infer<typeof transcriptItemSchema>;

export const transcriptSchema = z.object({
  schema: z.literal(TRANSCRIPT_SCHEMA),
  session: z.string(),
  /** Label of the machine whose file this is; null: this computer's own, that is not mirrored. */
  machine: z.string().nullable(),
  title: z.string().nullable(),
  cwd: z.string().nullable(),
  /** Lines that are no JSON; their content is not shown. */
  unreadable_lines: z.int(),
  items: z.array(transcriptItemSchema),
  /** Each subagent's own conversation. */
  subagents: z.array(z.object({ agent_id: z.string(), items: z.array(transcriptItemSchema) })),
});
export type TranscriptDocument = z.infer<typeof transcriptSchema>;
