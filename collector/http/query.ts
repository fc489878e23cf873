/** What stands behind the `?` of a request, checked: what is wrong with it is said by the name of the parameter. */
import * as z from 'zod';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { parseTimestamp, timestampMs } from '../../shared/timestamp.ts';

const LONGEST_LIST = 4096;

/** RFC 3339 → epoch ms. */
export const timeParameter = z.string().transform((text, context) => {
  const timestamp = parseTimestamp(text);
  if (timestamp !== undefined) return timestampMs(timestamp);
  context.addIssue('not an RFC 3339 time');
  return z.NEVER;
});

/** Values with commas between them. */
export const listParameter = z.string().max(LONGEST_LIST).transform((text) => text.split(','));

/** Throws `bad_request`. */
export function parseQuery<T>(schema: z.ZodType<T>, query: Record<string, string>): T {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badRequest(issue ? `${issue.path.join('.') || 'query'}: ${issue.message}` : 'malformed', 'docs/api.md says what can be asked');
}

/** IDs of labels and IDs; undefined: none was named. Throws `bad_request`. */
export function machineIdsOf(names: readonly string[] | undefined, { machineId }: { machineId(name: string): string | undefined }): string[] | undefined {
  return names?.map((name) => {
    const id = machineId(name);
    if (id === undefined) throw badRequest(`no machine is called ${JSON.stringify(name)}`, '/api/v1/status lists them');
    return id;
  });
}

export function badRequest(message: string, hint: string): TtError {
  return new TtError('bad_request', message, { hint, exitCode: EXIT_CODES.usage });
}
