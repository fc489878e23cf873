import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serve, type Fetch } from '../../../collector/http/serve.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-serve-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hello: Fetch = (incoming) => new Response(new URL(incoming.url).pathname);
const overSocket = (socketPath: string): Promise<string> => new Promise((resolve, reject) => {
  request({ socketPath, path: '/x', agent: false }, (response) => {
    response.setEncoding('utf8').on('data', resolve);
  }).on('error', reject).end();
});

it('answers on a port that it picked, and names one that is taken', async () => {
  const server = await serve(hello, { listen: { host: '127.0.0.1', port: 0 } });
  expect(await (await fetch(`http://127.0.0.1:${server.port}/a`)).text()).toBe('/a');
  const again = serve(hello, { listen: { host: '127.0.0.1', port: server.port ?? 0 }, portVariable: 'TT_UI_PORT' });
  await expect(again).rejects.toMatchObject({ code: 'port_taken', hint: expect.stringContaining('TT_UI_PORT') as string });
  await server.close();
  await expect(fetch(`http://127.0.0.1:${server.port}/a`)).rejects.toThrow('fetch failed');
});

it('answers on a private socket, takes one that was left, and removes its own', async () => {
  const socketPath = join(folder, 'x.sock');
  const first = await serve(hello, { listen: { socketPath } });
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  expect(await overSocket(socketPath)).toBe('/x');
  await first.close();
  expect(existsSync(socketPath)).toBe(false);
});

it('does not remove what is no socket', async () => {
  const socketPath = join(folder, 'notes.txt');
  writeFileSync(socketPath, 'mine');
  await expect(serve(hello, { listen: { socketPath } })).rejects.toMatchObject({ code: 'port_taken' });
  expect(existsSync(socketPath)).toBe(true);
});

it('closes although a stream is open, and more than once', async () => {
  const server = await serve(() => new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) })), { listen: { host: '127.0.0.1', port: 0 } });
  const reader = (await fetch(`http://127.0.0.1:${server.port}/`)).body!.getReader();
  await reader.read();
  await Promise.all([server.close(), server.close()]);
  await expect(reader.read()).rejects.toThrow('terminated');
});

it('tells who answers when the one that asked has gone', async () => {
  let come: (request: Request) => void = () => {};
  const came = new Promise<Request>((resolve) => (come = resolve));
  let end: (response: Response) => void = () => {};
  const server = await serve((incoming) => {
    come(incoming);
    return new Promise((resolve) => (end = resolve));
  }, { listen: { host: '127.0.0.1', port: 0 } });
  const asking = new AbortController();
  const asked = fetch(`http://127.0.0.1:${server.port}/`, { signal: asking.signal }).then(() => 'answered', String);
  const { signal } = await came;
  const gone = once(signal, 'abort');
  asking.abort();
  await gone;
  expect(await asked).toMatch(/^AbortError/);
  end(new Response('too late'));
  await server.close();
});
