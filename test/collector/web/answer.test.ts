import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { askFor, isTimeOut, reasonOf } from '../../../collector/web/answer.ts';

/** What a question to a server that does this throws. */
async function thrown(listener: RequestListener, longestMs?: number): Promise<unknown> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await askFor(`http://127.0.0.1:${port}/`, {}, longestMs);
    throw new Error('it was answered');
  } catch (error) {
    return error;
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

const refuses = (status: number): RequestListener => (_request, response) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":{"code":"c","message":"m","hint":"h"}}');
};

it.each([[400, false], [404, false], [500, false], [503, true]])('a refusal with status %i may pass: %s', async (status, isPassing) => {
  expect(reasonOf(await thrown(refuses(status)))).toEqual({ error: 'm: h', code: 'c', isPassing });
});

it('a connection that is cut may be another one the next time, and so may an answer that is none', async () => {
  expect(reasonOf(await thrown((request) => request.socket.destroy()))).toMatchObject({ code: undefined, isPassing: true });
  expect(reasonOf(await thrown((_request, response) => response.end('<title>')))).toMatchObject({ code: undefined, isPassing: true });
});

it('an answer that does not come in time is told from a connection that is cut', async () => {
  const late = await thrown(() => {}, 10);
  expect([isTimeOut(late), reasonOf(late)]).toMatchObject([true, { error: expect.stringMatching(/^no answer within /) as string, isPassing: true }]);
  expect(isTimeOut(await thrown((request) => request.socket.destroy()))).toBe(false);
});
