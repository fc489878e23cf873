/** The only importer of ws: real sockets behind `FrameSocket`, for both sides. */
import type { IncomingMessage } from 'node:http';
import type { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { FrameSocket, FrameSocketEvents } from './frame-socket.ts';

function toFrameSocket(socket: WebSocket): FrameSocket {
  return {
    send(data, options) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(data, { binary: options?.isBinary ?? typeof data !== 'string' });
      return true;
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    ping() {
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    },
    close: (code, reason) => socket.close(code, reason.slice(0, 120)),
    terminate: () => socket.terminate(),
  };
}

function listen(socket: WebSocket, events: FrameSocketEvents): void {
  socket.binaryType = 'nodebuffer';
  socket.on('message', (data, isBinary) => events.onFrame(data as Buffer, isBinary));
  socket.on('ping', () => events.onAlive());
  socket.on('pong', () => events.onAlive());
  // Every error is followed by a close, which carries the code; without a listener it would end the process.
  socket.on('error', () => {});
  socket.on('close', (code, reason) => events.onClose(code, reason.toString('utf8')));
}

export interface DialOptions {
  token: string;
  handshakeTimeoutMs: number;
  maxFrameBytes: number;
  /** Instead of a socket to the URL's host: a stream that leads to the collector already. */
  connect?: () => Duplex;
}

export interface DialRefusal {
  /** HTTP status of a refused upgrade, when there was one. */
  status: number | undefined;
  message: string;
}

/** Dials once. `onRefused` instead of `onOpen` when the upgrade fails; then nothing else is called. */
export function dial(
  url: string,
  options: DialOptions,
  handlers: { onOpen(socket: FrameSocket): FrameSocketEvents; onRefused(refusal: DialRefusal): void },
): { abort(): void } {
  const socket = new WebSocket(url, {
    headers: { authorization: `Bearer ${options.token}` },
    handshakeTimeout: options.handshakeTimeoutMs,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    ...(isOwnHost(url) ? { generateMask: leaveUnmasked } : {}),
    ...(options.connect ? { createConnection: asSocket(options.connect) } : {}),
  });
  let status: number | undefined;
  let settled = false;
  const refuse = (message: string): void => {
    if (settled) return;
    settled = true;
    handlers.onRefused({ status, message });
  };
  socket.on('unexpected-response', (request, response) => {
    status = response.statusCode;
    response.resume();
    refuse(`the collector answered ${status}`);
    request.destroy();
  });
  socket.on('error', (error) => refuse(error.message));
  socket.on('close', () => refuse('closed before it was open'));
  socket.on('open', () => {
    settled = true;
    listen(socket, handlers.onOpen(toFrameSocket(socket)));
  });
  return { abort: () => socket.terminate() };
}

/**
 * RFC 6455 §10.3 has clients mask their frames, so that what a web page sends can
 * not look like HTTP to a proxy on the way. There is no proxy between an agent and
 * a loopback port or Unix socket, and masking costs each side a pass over all bytes.
 */
function isOwnHost(url: string): boolean {
  return /^(ws\+unix:|ws:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/])/.test(url);
}

/** The key of a frame is zero unless this fills it. */
function leaveUnmasked(key: Buffer): void {
  key.fill(0);
}

/** The package is typed for sockets and hands this to node:http, which takes any stream. */
function asSocket(connect: () => unknown): typeof createConnection {
  return connect as typeof createConnection;
}

export interface UpgradeServer {
  /** Completes an upgrade that the caller has authenticated. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, onOpen: (socket: FrameSocket) => FrameSocketEvents): void;
  close(): void;
}

export function createUpgradeServer(maxFrameBytes: number): UpgradeServer {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  return {
    accept: (request, socket, head, onOpen) => {
      server.handleUpgrade(request, socket, head, (webSocket) => listen(webSocket, onOpen(toFrameSocket(webSocket))));
    },
    close: () => server.close(),
  };
}

