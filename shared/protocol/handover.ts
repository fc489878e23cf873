/**
 * How a session is handed over: one JSON line (the request), then the bytes of
 * its files in that order, on the stdin of `tt-agent receive`; one JSON line (the
 * answer) on its stdout. Sizes come first, nothing is compressed: who reads knows
 * at every byte how many more there are.
 */
import * as z from 'zod';
import { parseArchiveName } from '../archive-name.ts';

export const HANDOVER_SCHEMA = 1;
export const REQUEST_BYTES = 8 * 1024 * 1024;
export const HANDED_FILES = 10_000;
export const HANDED_BYTES = 16 * 1024 ** 3;

/** What a session may be called: its ID is the name of a file. */
const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;
const CONTROL = /\p{Cc}/u;

const path = z.string().max(4096).refine((text) => text.startsWith('/') && !CONTROL.test(text) && !text.split('/').includes('..'), 'not an absolute path');
const sessionId = z.string().refine((text) => SESSION_ID.test(text), 'not the ID of a session');

/** `<session>.jsonl` or a file below `<session>/`. */
export function isFileOfSession(name: string, session: string): boolean {
  return parseArchiveName(`project/${name}`)?.session === session;
}

export const handoverRequestSchema = z.object({
  schema: z.literal(HANDOVER_SCHEMA),
  /** `plan`: where would it go? No bytes follow, and nothing is written. */
  action: z.enum(['plan', 'put']),
  session: sessionId,
  /** What is known of where it was. */
  from: z.object({
    machine: z.string().max(256),
    home: path.nullable(),
    /** The session's directory there. */
    cwd: path.nullable(),
    repository: z.object({ root: path, remotes: z.array(z.string().max(4096)).max(100) }).nullable(),
  }),
  /** Its directory here; null: the one of the same repository. */
  to: path.nullable(),
  /** The person asks for it on this machine itself. */
  is_own: z.boolean(),
  files: z.array(z.object({ name: z.string().max(1024), bytes: z.int().min(0).max(HANDED_BYTES), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).max(HANDED_FILES),
}).refine(({ session, files }) => files.every(({ name }) => isFileOfSession(name, session)), 'a file that is none of this session')
  .refine(({ files }) => new Set(files.map(({ name }) => name.toLowerCase())).size === files.length, 'a name twice')
  .refine(({ files }) => files.reduce((sum, { bytes }) => sum + bytes, 0) <= HANDED_BYTES, 'too many bytes')
  .refine(({ session, action, files }) => action === 'plan' || files.some(({ name }) => name === `${session}.jsonl`), 'no transcript');
export type HandoverRequest = z.infer<typeof handoverRequestSchema>;

export const plannedSchema = z.object({
  schema: z.literal(HANDOVER_SCHEMA), ok: z.literal(true), action: z.literal('plan'),
  /** Where the session goes on. */
  directory: z.string(),
  /** Claude's directory of that project. */
  project_directory: z.string(),
  /** The session is there already. */
  is_held: z.boolean(),
});

export const landedSchema = z.object({
  schema: z.literal(HANDOVER_SCHEMA), ok: z.literal(true), action: z.literal('put'),
  directory: z.string(), project_directory: z.string(),
  /** `kept`: it had all of it already. `diverged`: both went on, and both are there. */
  result: z.enum(['new', 'longer', 'kept', 'diverged']),
  /** Where both went on: the one that has a session of its own now, and how many entries are only in it. */
  other: z.object({ session: z.string(), whose: z.enum(['held', 'offered']), entries: z.int() }).nullable(),
  files_written: z.int(),
  /** Files beside the transcript that differ on both sides: those that were there stay. */
  files_kept: z.int(),
  /** Lines that were written at the last moment, and were taken over. */
  late_lines: z.int(),
  /** Where what was replaced is kept for 30 days; null: nothing was. */
  replaced: z.string().nullable(),
});
export type Landed = z.infer<typeof landedSchema>;

export const refusedSchema = z.object({
  schema: z.literal(HANDOVER_SCHEMA), ok: z.literal(false),
  code: z.string(), message: z.string(), hint: z.string(), exit_code: z.int(),
  /** Directories that it could be. */
  candidates: z.array(z.string()).max(100),
});
export const handoverAnswerSchema = z.union([plannedSchema, landedSchema, refusedSchema]);
export type HandoverAnswer = z.infer<typeof handoverAnswerSchema>;
