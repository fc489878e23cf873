/**
 * What a person or a model says about streams, as one document: `tt classify
 * --apply` reads it, `tt assign` writes one with a single entry. Its keys are
 * those of the earlier tool; unknown ones are mistakes, since what is not
 * understood would silently not be assigned.
 */
import * as z from 'zod';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { parseTimestamp, timestampMs } from '../../shared/timestamp.ts';

const name = z.string().trim().min(1).max(200);
/** Name, ID or short ID; null: to no stream, and it stays so. */
const stream = name.nullable();
const time = z.string().refine((text) => parseTimestamp(text) !== undefined, 'not an RFC 3339 time, e.g. 2026-01-31T14:00:00Z');

/** Half-open: from `start` on, before `end`. */
const bounds = { start: time.optional(), end: time.optional() };

export const assignmentDocumentSchema = z.strictObject({
  /** Made where there are none; these get their tags. */
  streams: z.array(z.strictObject({ name, tags: z.array(name).optional() })).optional(),
  /** The session's facts, its subagents' included, and those that come later. */
  assign_by_session: z.array(z.strictObject({ session_id: z.string().min(1), stream, ...bounds })).optional(),
  /** A pattern of SQL's LIKE over the directory. */
  assign_by_pattern: z.array(z.strictObject({ cwd_like: z.string().min(1).max(4096), stream, ...bounds })).optional(),
  /** A directory and everything below it. */
  assign_by_cwd: z.array(z.strictObject({ cwd: z.string().startsWith('/').max(4096), stream, ...bounds })).optional(),
  assign_by_event_ids: z.array(z.strictObject({ event_ids: z.array(z.string().min(1)).min(1), stream })).optional(),
  /** Focus, scrolling and presence only, which belong to no session. */
  assign_by_time: z.array(z.strictObject({ start: time, end: time, stream })).optional(),
});
export type AssignmentDocument = z.infer<typeof assignmentDocumentSchema>;

/** Throws `assignment_invalid` with the place. */
export function parseAssignmentDocument(text: string): AssignmentDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidAt('', `it is no JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const parsed = assignmentDocumentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidAt(placeWords(issue?.path ?? []), issue?.message ?? 'malformed');
}

/** `assign_by_session[3].stream`. */
function placeWords(path: readonly PropertyKey[]): string {
  return path.reduce<string>((words, key) => (typeof key === 'number' ? `${words}[${key}]` : `${words}${words === '' ? '' : '.'}${String(key)}`), '');
}

export function invalidAt(place: string, what: string, hint = 'nothing was assigned: correct it and apply it again'): TtError {
  return new TtError('assignment_invalid', `${place === '' ? 'the document' : place}: ${what}`, {
    hint, exitCode: EXIT_CODES.usage,
  });
}

/** Epoch ms of `start` and `end`; null: without end. Throws where they are the wrong way round. */
export function boundsOf(entry: { start?: string | undefined; end?: string | undefined }, place: string): { fromMs: number | null; toMs: number | null } {
  const ms = (text: string | undefined): number | null => {
    const timestamp = parseTimestamp(text ?? '');
    return timestamp === undefined ? null : timestampMs(timestamp);
  };
  const [fromMs, toMs] = [ms(entry.start), ms(entry.end)];
  if (fromMs !== null && toMs !== null && toMs <= fromMs) throw invalidAt(place, `its end ${entry.end} is not after its start ${entry.start}`);
  return { fromMs, toMs };
}
