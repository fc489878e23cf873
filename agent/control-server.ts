/** A running agent's control socket: JSON over HTTP on a Unix socket that only its owner can open. */
import { createServer, type IncomingMessage } from 'node:http';
import * as z from 'zod';
import { messageOf, TtError } from '../shared/errors.ts';
import { listenPrivately } from '../shared/private-socket.ts';

export interface ControlServer {
  /** Idempotent. */
  close(): Promise<void>;
}

/** `GET /status` → what answers it. The body of a GET is undefined. A body that is not understood is answered 400, what throws otherwise 500. */
export type ControlHandlers = Readonly<Record<string, (body: unknown) => unknown>>;

const REQUEST_BYTES = 64 * 1024;

/** The caller holds the agent's lock: whatever lies at `socketPath` is a leftover. */
export async function openControlServer(socketPath: string, handlers: ControlHandlers): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(request, handlers).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(body));
    }).catch(() => response.destroy());
  });
  const closeSocket = await listenPrivately(server, socketPath);
  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= new Promise((resolve) => {
        closeSocket(resolve);
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

async function answer(request: IncomingMessage, handlers: ControlHandlers): Promise<{ status: number; body: unknown }> {
  const name = `${request.method ?? ''} ${request.url ?? ''}`;
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  if (handler === undefined) {
    return { status: 404, body: { code: 'not_found', hint: `there is ${Object.keys(handlers).join(', ')}` } };
  }
  let body: unknown;
  try {
    body = request.method === 'GET' ? undefined : await readBody(request);
  } catch (error) {
    return { status: 400, body: { code: 'bad_request', hint: messageOf(error) } };
  }
  try {
    return { status: 200, body: await handler(body) };
  } catch (error) {
    if (error instanceof z.ZodError) return { status: 400, body: { code: 'bad_request', hint: z.prettifyError(error) } };
    return { status: 500, body: { code: error instanceof TtError ? error.code : 'failed', hint: messageOf(error) } };
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > REQUEST_BYTES) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
