/** Small requests to a collector before there is a connection: `GET /challenge` and `POST /enrol`. */
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import type { Endpoint } from '../../shared/protocol/endpoint.ts';

export interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Gives up at once when it aborts. */
  signal?: AbortSignal;
  /** The longest answer to accept. Default: 64 KiB. */
  answerBytes?: number;
}

export interface HttpAnswer {
  status: number;
  /** Parsed JSON; undefined where the answer is none. */
  body: unknown;
}

export type HttpTarget = Pick<Endpoint, 'url' | 'http'>;

export interface HttpClient {
  /** Throws `unreachable` (retryable): no connection, no answer in time, an answer that is too large. */
  send(endpoint: HttpTarget, request: HttpRequest): Promise<HttpAnswer>;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 64 * 1024;

/** `connect`: the way of an endpoint that is a pipe. */
export function createHttpClient(clock: Pick<Clock, 'after'>, connect?: () => Duplex): HttpClient {
  return {
    async send(endpoint, request) {
      try {
        return await exchange(endpoint, request, { clock, connect });
      } catch (error) {
        throw new TtError('unreachable', `no collector answers at ${endpoint.url}: ${messageOf(error)}`, {
          hint: 'is the collector running (tt status on the laptop), and is the tunnel up?',
          exitCode: EXIT_CODES.unreachable,
          retryable: true,
          cause: error,
        });
      }
    },
  };
}

interface Way {
  clock: Pick<Clock, 'after'>;
  connect: (() => Duplex) | undefined;
}

function exchange(endpoint: HttpTarget, { method, path, body, signal, answerBytes = ANSWER_BYTES }: HttpRequest, { clock, connect }: Way): Promise<HttpAnswer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const options = { method, path, headers, ...(signal ? { signal } : {}) };
  return new Promise((resolve, reject) => {
    const onAnswer = (response: IncomingMessage): void => {
      readJson(response, answerBytes).then((json) => resolve({ status: response.statusCode ?? 0, body: json }), reject).finally(cancel);
    };
    const outgoing = start(endpoint, options, connect).on('response', onAnswer);
    const cancel = clock.after(TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    outgoing.on('error', (error) => {
      cancel();
      reject(error);
    });
    outgoing.end(text);
  });
}

function start({ http }: HttpTarget, options: RequestOptions & { path: string }, connect: Way['connect']): ClientRequest {
  if ('pipe' in http) {
    if (connect) return httpRequest({ ...options, createConnection: connect });
    throw new Error('that way was open for one run of tt sync only; a machine with an agent of its own needs a tunnel (tt tunnel add)');
  }
  // No agent of node:http: one request, one connection, nothing kept open.
  if ('socketPath' in http) return httpRequest({ ...options, agent: false, socketPath: http.socketPath });
  return (http.origin.startsWith('https:') ? httpsRequest : httpRequest)(http.origin + options.path, { ...options, agent: false });
}

async function readJson(response: IncomingMessage, answerBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytes) throw new Error('the answer is too large to be a collector’s');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
