/**
 * An HTTP server over a `fetch` function, on a TCP port or a Unix socket. The
 * only importer of @hono/node-server.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { EXIT_CODES, systemCode, TtError } from '../../shared/errors.ts';

export type Fetch = (request: Request) => Response | Promise<Response>;
export type ServeAddress = { host: string; port: number } | { socketPath: string };

export interface HttpServer {
  /** The port that was picked; null for a Unix socket. */
  readonly port: number | null;
  /** Stops accepting, cuts what is still open, removes the socket file. Idempotent. */
  close(): Promise<void>;
}

export interface ServeOptions {
  listen: ServeAddress;
  /** What to set when the port is taken, e.g. `TT_UI_PORT`. */
  portVariable?: string;
}

const HEADERS_TIMEOUT_MS = 5000;
const HEADER_BYTES = 16 * 1024;

/** Resolves when it listens. Throws `port_taken` or `listen_failed`. The caller holds the lock that makes a left socket file its own. */
export async function serve(fetch: Fetch, { listen, portVariable }: ServeOptions): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch,
    // The product's other fetch calls must not depend on whether a server was started.
    overrideGlobalObjects: false,
    createServer,
    serverOptions: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: HEADER_BYTES },
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  if ('socketPath' in listen) removeLeftSocket(listen.socketPath);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: Error) => reject(listenError(error, listen, portVariable)));
    if ('socketPath' in listen) server.listen(listen.socketPath, resolve);
    else server.listen(listen.port, listen.host, resolve);
  });
  if ('socketPath' in listen) chmodSync(listen.socketPath, 0o600);

  const address = server.address();
  let closed: Promise<void> | undefined;
  return {
    port: typeof address === 'object' && address !== null ? address.port : null,
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        // Live streams never end by themselves.
        for (const socket of sockets) socket.destroy();
      });
      return closed;
    },
  };
}

/** Of a crashed collector. Never anything else that lies there. */
function removeLeftSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
}

function listenError(error: Error, listen: ServeAddress, portVariable = 'the port'): TtError {
  const name = 'socketPath' in listen ? listen.socketPath : `${listen.host}:${listen.port}`;
  if (systemCode(error) === 'EADDRINUSE') {
    return new TtError('port_taken', `${name} is in use`, {
      hint: `stop the program that has it, or set ${portVariable} (0 picks a free one)`, exitCode: EXIT_CODES.failed, cause: error,
    });
  }
  return new TtError('listen_failed', `cannot listen on ${name}: ${error.message}`, { hint: 'check the host and port in the configuration', cause: error });
}
