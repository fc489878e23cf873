/**
 * JSON shapes of `tt sessions`, `tt sessions show` and `tt waiting`, and of the
 * API's answers; frozen by samples in test/contract. Unknown is null, never zero.
 */
import * as z from 'zod';

export const SESSIONS_SCHEMA = 1;

export const SESSION_STATES = ['working', 'waiting', 'idle', 'ended', 'unknown'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

export const WAITING_REASONS = ['permission', 'question', 'turn_done'] as const;
export type WaitingReason = (typeof WAITING_REASONS)[number];

const textOrNull = z.string().nullable();
const numberOrNull = z.number().nullable();

export const tokensSchema = z.object({
  input: z.number(),
  output: z.number(),
  cache_creation: z.number(),
  cache_read: z.number(),
  /** The four do not overlap: their sum. */
  total: z.number(),
});
export type Tokens = z.infer<typeof tokensSchema>;

export const spentSchema = z.object({
  responses: z.number(),
  tokens: tokensSchema,
  /** Of what has a price; null: nothing of it has one. */
  cost_usd: numberOrNull,
  /** Responses of models that the price table does not know; they are not in `cost_usd`. */
  unpriced_responses: z.number(),
  /** Responses whose log never told their final output: output and cost are a lower bound. */
  lower_bound_responses: z.number(),
});
export type Spent = z.infer<typeof spentSchema>;

export const sessionSchema = z.object({
  /** `session_id@machine`. */
  session: z.string(),
  session_id: z.string(),
  /** Label; the ID of a machine that was never enrolled here; null: not known. */
  machine: textOrNull,
  machine_id: textOrNull,
  harness: textOrNull,
  title: textOrNull,
  /** Directory it began in. */
  project: textOrNull,
  branch: textOrNull,
  started_at: z.string(),
  last_at: z.string(),
  state: z.enum(SESSION_STATES),
  /** Since when; null: not known. */
  since: textOrNull,
  /** When this state was known to hold; null: now. */
  as_of: textOrNull,
  waiting_for: z.enum(WAITING_REASONS).nullable(),
  /** Turns that are known to have ended. */
  turns: z.number(),
  prompts: z.number(),
  script_prompts: z.number(),
  commands: z.number(),
  interrupts: z.number(),
  answers: z.number(),
  /** With those of its subagents, as tokens and cost are. */
  tool_uses: z.number(),
  tool_errors: z.number(),
  subagents: z.number(),
  ...spentSchema.shape,
});
export type SessionDocument = z.infer<typeof sessionSchema>;

export const sessionsDocumentSchema = z.object({
  schema: z.literal(SESSIONS_SCHEMA),
  sessions: z.array(sessionSchema),
});
export type SessionsDocument = z.infer<typeof sessionsDocumentSchema>;

export const waitingSchema = z.object({
  session: z.string(),
  session_id: z.string(),
  machine: textOrNull,
  machine_id: textOrNull,
  title: textOrNull,
  project: textOrNull,
  reason: z.enum(WAITING_REASONS),
  since: z.string(),
  waited_ms: z.number(),
  as_of: textOrNull,
  /** The end of what the harness said last. */
  last_line: textOrNull,
  /** What it asks to use, where it waits for a permission. */
  tool: textOrNull,
  /** A line for a shell here that brings a person to it. */
  command: z.string(),
});
export type Waiting = z.infer<typeof waitingSchema>;

export const waitingDocumentSchema = z.object({
  schema: z.literal(SESSIONS_SCHEMA),
  waiting: z.array(waitingSchema),
});
export type WaitingDocument = z.infer<typeof waitingDocumentSchema>;

/** One row of `/api/v1/working`. */
export const workingSchema = z.object({
  ...sessionSchema.shape,
  /** What it uses now; null: it writes or thinks, or is not told. */
  tool: textOrNull,
});
export type Working = z.infer<typeof workingSchema>;

export const workingDocumentSchema = z.object({ schema: z.literal(SESSIONS_SCHEMA), working: z.array(workingSchema) });
export type WorkingDocument = z.infer<typeof workingDocumentSchema>;

export const subagentSchema = z.object({
  agent_id: z.string(),
  state: z.enum(SESSION_STATES),
  started_at: z.string(),
  last_at: z.string(),
  assistant_messages: z.number(),
  tool_uses: z.number(),
  tool_errors: z.number(),
  ...spentSchema.shape,
});
export type Subagent = z.infer<typeof subagentSchema>;

export const TURN_KINDS = ['prompt', 'script', 'command', 'shell', 'unknown'] as const;
export type TurnKind = (typeof TURN_KINDS)[number];

export const turnSchema = z.object({
  /** What started it; unknown: nothing in the log says. */
  kind: z.enum(TURN_KINDS),
  started_at: z.string(),
  /** Last sign of work in it. */
  last_at: z.string(),
  /** Whether its end is known. */
  ended: z.boolean(),
  /** Null: kept out of what leaves its machine, or nobody said it. */
  text: textOrNull,
  /** UTF-8 bytes of the whole. */
  length: numberOrNull,
  /** The end of what was said last in it. */
  last_line: textOrNull,
  interrupted: z.boolean(),
  answers: z.number(),
  tool_uses: z.number(),
  tool_errors: z.number(),
  /** Uses by tool, most first. */
  tools: z.array(z.object({ tool: z.string(), uses: z.number(), errors: z.number() })),
  /** IDs of the subagents that began in it. */
  subagents: z.array(z.string()),
  /** Waits for the person within it that its registry told. */
  waits: z.array(z.object({ reason: z.enum(WAITING_REASONS), from: z.string(), to: textOrNull })),
  ...spentSchema.shape,
});
export type Turn = z.infer<typeof turnSchema>;

export const sessionDetailSchema = z.object({
  schema: z.literal(SESSIONS_SCHEMA),
  ...sessionSchema.shape,
  harness_version: textOrNull,
  /** IDs of the sessions that it continues or repeats. */
  parents: z.array(z.string()),
  command: z.string(),
  children: z.array(subagentSchema),
  turn_list: z.array(turnSchema),
});
export type SessionDetail = z.infer<typeof sessionDetailSchema>;

/** `/api/v1/sessions`: what `tt sessions --json` prints, in pages. */
export const sessionsPageSchema = z.object({
  ...sessionsDocumentSchema.shape,
  /** Of the next page; null: there is none. */
  cursor: textOrNull,
});
export type SessionsPageDocument = z.infer<typeof sessionsPageSchema>;

/** `/api/v1/sessions/ID`: what `tt sessions show ID --json` prints, with the newest turns only. */
export const sessionPageSchema = z.object({
  ...sessionDetailSchema.shape,
  /** Turns of the whole session. */
  turn_count: z.number(),
  /** Number of the first turn of `turn_list`, from 1; 0: it is empty. */
  first_turn: z.number(),
  /** Of the turns before these; null: there are none. */
  cursor: textOrNull,
});
export type SessionPageDocument = z.infer<typeof sessionPageSchema>;

/** `/api/v1/sessions/ID/turns`: only the turns of that. */
export const turnsPageSchema = sessionPageSchema.pick({ schema: true, turn_list: true, turn_count: true, first_turn: true, cursor: true });
export type TurnsPageDocument = z.infer<typeof turnsPageSchema>;
