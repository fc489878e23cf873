/**
 * The control socket of a running collector: HTTP and JSON on a Unix socket that
 * only its owner can open (0600 in a 0700 directory). `POST /v1/METHOD`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { listenPrivately } from '../../shared/private-socket.ts';
import { CONTROL_VERSION, isControlMethod, type ControlHandlers } from './control-methods.ts';
import { dispatch } from './dispatch.ts';

const BODY_BYTES = 16 * 1024 * 1024;
/** A backup takes minutes: so often whoever asked hears that it is still being worked on (102, RFC 2518 §10.1). */
export const PROCESSING_MS = 5_000;

export interface ControlServer {
  /** Resolves when what was being answered is answered. Idempotent. */
  close(): Promise<void>;
}

export interface ControlServerDeps {
  handlers: ControlHandlers;
  log: Log;
  clock: Pick<Clock, 'every'>;
}

/** The caller holds the collector's lock: whatever lies at `socketPath` is a leftover. */
export async function openControlServer(socketPath: string, { handlers, log, clock }: ControlServerDeps): Promise<ControlServer> {
  const server = createServer((request, response) => {
    const stop = clock.every(PROCESSING_MS, () => {
      if (!response.headersSent) response.writeProcessing();
    });
    response.once('close', stop);
    answer(request, handlers)
      .then((body) => send(response, 200, body), (error: unknown) => sendError(response, error, log))
      .catch(() => response.destroy());
  });
  await listenPrivately(server, socketPath);
  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

async function answer(request: IncomingMessage, handlers: ControlHandlers): Promise<unknown> {
  const name = new RegExp(`^/v${CONTROL_VERSION}/([a-z.]+)$`).exec(request.url ?? '')?.[1];
  if (request.method !== 'POST' || name === undefined || !isControlMethod(name)) {
    throw new TtError('control_unknown', `this collector has no ${request.method} ${request.url}`, {
      hint: 'the running collector is another version: restart it', exitCode: EXIT_CODES.version_skew,
    });
  }
  return dispatch(name, await readJson(request), handlers, (message) => new TtError('control_malformed', message, {
    hint: 'the running collector is another version: restart it', exitCode: EXIT_CODES.version_skew,
  }));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) throw new TtError('control_too_large', 'the request is larger than 16 MiB', { hint: 'send it in parts' });
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  return value;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

function sendError(response: ServerResponse, error: unknown, log: Log): void {
  if (error instanceof TtError) {
    const { code, message, hint, exitCode } = error;
    return send(response, 422, { code, message, hint, exit_code: exitCode });
  }
  log.error({ error: messageOf(error) }, 'a control request failed');
  send(response, 500, { code: 'internal', message: messageOf(error), hint: 'look at the log of the collector', exit_code: EXIT_CODES.failed });
}
