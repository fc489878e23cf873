/** `tt sessions show ID --transcript --json`, and the same in pages for the page. */
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

/** Of a whole conversation, and of each page of it. */
const head = {
  schema: z.literal(TRANSCRIPT_SCHEMA),
  session: z.string(),
  /** Label of the machine whose file this is; null: this computer's own, that is not mirrored. */
  machine: z.string().nullable(),
  title: z.string().nullable(),
  cwd: z.string().nullable(),
  /** Lines that are no JSON; their content is not shown. */
  unreadable_lines: z.int(),
};

export const transcriptSchema = z.object({
  ...head,
  items: z.array(transcriptItemSchema),
  /** Each subagent's own conversation. */
  subagents: z.array(z.object({ agent_id: z.string(), items: z.array(transcriptItemSchema) })),
});
export type TranscriptDocument = z.infer<typeof transcriptSchema>;

/** Of a page: longer texts are cut to so many characters, and told whole by their number. */
export const PAGE_TEXT_CHARACTERS = 4000;

export const transcriptPageSchema = z.object({
  ...head,
  /** Null: the session's own conversation. */
  agent_id: z.string().nullable(),
  /** In order; the number of the first in the whole conversation, from 1. */
  items: z.array(z.object({ item: transcriptItemSchema, is_cut: z.boolean() })),
  first_item: z.int(),
  item_count: z.int(),
  /** Number of the first item of the entry that was asked for; null: none was, or it is not there. */
  place: z.int().nullable(),
  /** Leads to the items before; null: there are none. */
  cursor: z.string().nullable(),
  /** Subagents that have a conversation of their own. */
  subagents: z.array(z.string()),
  /** Labels of machines whose files of this session have entries that this one lacks. */
  others: z.array(z.object({ machine: z.string().nullable(), entries: z.int() })),
});
export type TranscriptPage = z.infer<typeof transcriptPageSchema>;
export type TranscriptPageItem = TranscriptPage['items'][number];

/** One item whole: texts to a million characters. */
export const transcriptItemDocumentSchema = z.object({
  schema: z.literal(TRANSCRIPT_SCHEMA), session: z.string(), agent_id: z.string().nullable(), number: z.int(), item: transcriptItemSchema, is_cut: z.boolean(),
});
export type TranscriptItemDocument = z.infer<typeof transcriptItemDocumentSchema>;
