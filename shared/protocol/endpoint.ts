/**
 * Where an agent dials. `http(s)://host:port`, `tt+unix:///path/of.sock` or
 * `tt+pipe:RUN`, one run of `tt sync`; the text itself, normalised here, is
 * signed into the agent's token.
 */
import { EXIT_CODES, TtError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { SOCKET_PATH_BYTES } from '../private-socket.ts';

export interface Endpoint {
  /** Normalised text. */
  url: string;
  /** `ws`/`wss` URL of the upgrade; a Unix socket uses the `ws+unix:` form of the ws package. */
  webSocketUrl(path: string): string;
  /** For `node:http`: a socket path, an origin, or the pipe that the process was started with. */
  http: { socketPath: string } | { origin: string } | { pipe: true };
  /** Frames to a loopback address are not compressed. */
  isLoopback: boolean;
}

const PIPE = /^tt\+pipe:[0-9a-f]{16,64}$/;
/** What survives as it is in a `ws+unix:` URL, which the ws package cuts at a colon and does not decode. */
const SOCKET_PATH = /^\/[\w./~@+,=-]+$/;

/** An address that holds for one run alone. */
export function isPipeEndpoint(url: string): boolean {
  return PIPE.test(url);
}

/** Throws `endpoint_invalid`. What it returns as `url` parses to itself. */
export function parseEndpoint(text: string): Endpoint {
  // No host is dialled; what crosses the network is ssh's.
  if (isPipeEndpoint(text)) return { url: text, webSocketUrl: (route) => `ws://localhost${route}`, http: { pipe: true }, isLoopback: false };
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw invalid(text, error);
  }
  if (url.protocol === 'tt+unix:') {
    const path = url.pathname;
    if (url.host !== '' || url.search !== '' || url.hash !== '' || !SOCKET_PATH.test(path)) throw invalid(text);
    if (path.length > SOCKET_PATH_BYTES) throw tooLong(path);
    return {
      url: `tt+unix://${path}`,
      webSocketUrl: (route) => `ws+unix://${path}:${route}`,
      http: { socketPath: path },
      // The socket is the near end of a tunnel: what goes through it crosses a network.
      isLoopback: false,
    };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(text);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') throw invalid(text);
  return {
    url: url.origin,
    webSocketUrl: (route) => `${url.origin.replace(/^http/, 'ws')}${route}`,
    http: { origin: url.origin },
    isLoopback: isLoopback(url.hostname),
  };
}

export function isEndpoint(text: string): boolean {
  try {
    parseEndpoint(text);
    return true;
  } catch {
    return false;
  }
}

function tooLong(path: string): TtError {
  return new TtError('endpoint_invalid', `${path} is too long for a Unix socket (${path.length} bytes, ${SOCKET_PATH_BYTES} fit)`, {
    hint: 'use a shorter directory, such as one below /tmp', exitCode: EXIT_CODES.usage,
  });
}

function invalid(text: string, cause?: unknown): TtError {
  return new TtError('endpoint_invalid', `${JSON.stringify(text)} is not an address of a collector`, {
    hint: 'give http://HOST:PORT, https://HOST:PORT or tt+unix:///PATH (letters, digits and ._-/ only), as `tt machines add` prints it',
    exitCode: EXIT_CODES.usage,
    cause,
  });
}
