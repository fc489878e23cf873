import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../../shared/protocol/endpoint.ts';
import { createUpgradeServer, dial } from '../../../shared/protocol/web-socket.ts';

describe('an endpoint', () => {
  it.each([
    ['http://127.0.0.1:7071', 'http://127.0.0.1:7071', 'ws://127.0.0.1:7071/agent', true],
    ['http://localhost:7071/', 'http://localhost:7071', 'ws://localhost:7071/agent', true],
    ['http://[::1]:7071', 'http://[::1]:7071', 'ws://[::1]:7071/agent', true],
    ['HTTPS://Collector.Example:443/', 'https://collector.example', 'wss://collector.example/agent', false],
    ['tt+unix:///run/user/1000/tt/a-1.sock', 'tt+unix:///run/user/1000/tt/a-1.sock', 'ws+unix:///run/user/1000/tt/a-1.sock:/agent', false],
  ])('%s is dialled at its WebSocket URL', (text, url, webSocketUrl, isLoopback) => {
    const endpoint = parseEndpoint(text);
    expect([endpoint.url, endpoint.webSocketUrl('/agent'), endpoint.isLoopback]).toEqual([url, webSocketUrl, isLoopback]);
    expect(parseEndpoint(endpoint.url).url).toBe(url);
  });

  it('of a Unix socket is a path to node:http, any other an origin', () => {
    expect(parseEndpoint('tt+unix:///tmp/a.sock').http).toEqual({ socketPath: '/tmp/a.sock' });
    expect(parseEndpoint('http://127.0.0.1:1').http).toEqual({ origin: 'http://127.0.0.1:1' });
  });

  it.each([
    '', 'devbox', '127.0.0.1:7071', 'ws://127.0.0.1:7071', 'ftp://x', 'http://127.0.0.1:7071/agent', 'http://127.0.0.1:7071/?x=1',
    'http://127.0.0.1:7071/#x', 'http://me@127.0.0.1:7071', 'http://127.0.0.1:99999', 'tt+unix://host/path', 'tt+unix:///',
    'tt+unix:relative', 'tt+unix:///a:b', 'tt+unix:///a%20b', 'tt+unix:///a b', 'tt+unix:///%E0%A4', 'tt+unix:///a?b', 'tt+unix:///a#b',
  ])('is not %j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'endpoint_invalid', exitCode: 2 }) as Error);
  });

  it('is not a socket whose path the system would cut off', () => {
    expect(() => parseEndpoint(`tt+unix:///${'x'.repeat(103)}`)).toThrow(/too long/);
    expect(parseEndpoint(`tt+unix:///${'x'.repeat(102)}`).isLoopback).toBe(false);
  });
});

describe('dialling the endpoint of a Unix socket', () => {
  it('reaches the route on that socket with the token', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tt-ep-'));
    const socketPath = join(directory, 'a-1.sock');
    const upgrades = createUpgradeServer(1024);
    const server = createServer();
    try {
      const seen = new Promise((resolve) => {
        server.on('upgrade', (request, socket, head) => {
          upgrades.accept(request, socket, head, (opened) => ({
            onFrame: (data) => {
              resolve([request.url, request.headers.authorization, data.toString()]);
              opened.close(1000, 'done');
            },
            onAlive() {}, onClose() {},
          }));
        });
      });
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      const closed = new Promise((resolve, reject) => {
        const url = parseEndpoint(`tt+unix://${socketPath}`).webSocketUrl('/agent');
        dial(url, { token: 'a.b.c', handshakeTimeoutMs: 5000, maxFrameBytes: 1024 }, {
          onOpen(socket) {
            socket.send('hello');
            return { onFrame() {}, onAlive() {}, onClose: (code, reason) => resolve([code, reason]) };
          },
          onRefused: (refusal) => reject(new Error(refusal.message)),
        });
      });
      expect(await seen).toEqual(['/agent', 'Bearer a.b.c', 'hello']);
      expect(await closed).toEqual([1000, 'done']);
    } finally {
      server.close();
      upgrades.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
