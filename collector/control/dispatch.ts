/** One way from a request's body to a control method, whoever brought it. */
import type { TtError } from '../../shared/errors.ts';
import { CONTROL_METHODS, type ControlHandlers, type ControlMethod } from './control-methods.ts';

/** `malformed`: what is thrown where the body is none of this method's. */
export async function dispatch<M extends ControlMethod>(
  method: M, body: unknown, handlers: Pick<ControlHandlers, M>, malformed: (message: string) => TtError,
): Promise<unknown> {
  const request = CONTROL_METHODS[method].request.safeParse(body);
  if (!request.success) {
    const [issue] = request.error.issues;
    throw malformed(`${method}: ${issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue?.message ?? 'malformed'}`);
  }
  // The schema of `method` made it; TypeScript does not follow a table by its key.
  const handler = handlers[method] as (request: unknown) => Promise<unknown>;
  return handler(request.data);
}
