/** Asks the running agent over its control socket. */
import * as z from 'zod';
import { EXIT_CODES, TtError } from '../shared/errors.ts';
import type { Clock } from '../shared/clock.ts';
import { createHttpClient, type HttpAnswer, type HttpRequest } from './uplink/http-client.ts';

/** Ten thousand gaps with long paths. */
const ANSWER_BYTES = 16 * 1024 * 1024;

const refusalSchema = z.looseObject({ hint: z.string() });

/** Undefined when none runs. Throws `agent_failed` with what it says went wrong, and `version_skew` where it and this program do not understand each other. */
export async function askAgent<T>(
  socketPath: string, clock: Pick<Clock, 'after'>, request: HttpRequest, parse: (body: unknown) => T,
): Promise<T | undefined> {
  const answer = await send(socketPath, clock, request);
  if (answer === undefined) return undefined;
  if (answer.status !== 200) throw refusalOf(request, answer);
  try {
    return parse(answer.body);
  } catch (error) {
    throw versionSkew('the running agent answers in a way this program does not understand', error);
  }
}

async function send(socketPath: string, clock: Pick<Clock, 'after'>, request: HttpRequest): Promise<HttpAnswer | undefined> {
  const target = { url: socketPath, http: { socketPath } };
  try {
    return await createHttpClient(clock).send(target, { ...request, answerBytes: ANSWER_BYTES });
  } catch (error) {
    if (error instanceof TtError && error.code === 'unreachable') return undefined;
    throw error;
  }
}

function refusalOf({ method, path }: HttpRequest, { status, body }: HttpAnswer): TtError {
  const said = refusalSchema.safeParse(body).data?.hint ?? `it answered ${status}`;
  if (status === 404) return versionSkew(`the running agent does not know ${method} ${path}`);
  if (status === 400) return versionSkew(`the running agent does not take ${method} ${path} as this program asks it: ${said}`);
  return new TtError('agent_failed', `the running agent could not do it: ${said}`, { hint: 'tt-agent status and tt-agent logs say more' });
}

function versionSkew(message: string, cause?: unknown): TtError {
  return new TtError('version_skew', message, {
    hint: 'restart the agent: it is another version than this program', exitCode: EXIT_CODES.version_skew, cause,
  });
}
