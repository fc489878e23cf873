/** Asks the running agent over its control socket. */
import { EXIT_CODES, TtError } from '../shared/errors.ts';
import type { Clock } from '../shared/clock.ts';
import { createHttpClient, type HttpRequest } from './uplink/http-client.ts';

/** A thousand gaps with long paths. */
const ANSWER_BYTES = 8 * 1024 * 1024;

/** Undefined when none runs. Throws `version_skew` when `parse` refuses what it answers. */
export async function askAgent<T>(
  socketPath: string, clock: Pick<Clock, 'after'>, request: HttpRequest, parse: (body: unknown) => T,
): Promise<T | undefined> {
  try {
    const target = { url: socketPath, http: { socketPath } };
    const { status, body } = await createHttpClient(clock).send(target, { ...request, answerBytes: ANSWER_BYTES });
    if (status !== 200) throw new TtError('version_skew', `the running agent does not know ${request.method} ${request.path}`, { hint: 'restart it' });
    return parse(body);
  } catch (error) {
    if (error instanceof TtError && error.code === 'unreachable') return undefined;
    throw new TtError('version_skew', 'the running agent answers in a way this program does not understand', {
      hint: 'restart the agent: it is another version than this program', exitCode: EXIT_CODES.version_skew, cause: error,
    });
  }
}
