/** JSON shape of `tt sessions sync --json`; frozen by samples in test/contract. */
import * as z from 'zod';

export const STEP_SCHEMA = 1;

export const steppedSessionSchema = z.object({
  /** Label of the other machine. */
  machine: z.string(),
  session: z.string(),
  /** `pull`: to this computer; `push`: from it. */
  way: z.enum(['pull', 'push']),
  /**
   * `new`, `longer`: it is there now, `kept`: it was. `diverged`: both went on, and both are kept. `would`: a dry run.
   * `skipped`: in use, written just now, or its repository is not there; it comes by itself when that has changed.
   */
  result: z.enum(['new', 'longer', 'kept', 'diverged', 'would', 'skipped', 'failed']),
  /** In words, where there is more to say. */
  note: z.string().nullable(),
  /** Where it comes from; null: it names none. */
  directory: z.string().nullable(),
  /** Of the transcript. */
  bytes: z.number(),
  /** Why it failed, or was skipped. */
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});
export type SteppedSession = z.infer<typeof steppedSessionSchema>;

export const stepDocumentSchema = z.object({
  schema: z.literal(STEP_SCHEMA),
  /** Those that were looked at, each once. */
  machines: z.array(z.string()),
  /** In the order in which they were handed over: of each machine what was pulled, then what was pushed. */
  sessions: z.array(steppedSessionSchema),
});
export type StepDocument = z.infer<typeof stepDocumentSchema>;
