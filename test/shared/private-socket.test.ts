import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { listenPrivately, type CloseSocket } from '../../shared/private-socket.ts';

it('listens where a leftover lies, in a directory and a socket of the owner alone', async () => {
  const directory = join(mkdtempSync(join(tmpdir(), 'tt-')), 'private');
  const path = join(directory, 'control.sock');
  const first = createServer();
  await listenPrivately(first, path);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  first.close();
  writeFileSync(path, 'left over');

  const second = createServer((socket) => socket.end('here'));
  await listenPrivately(second, path);
  const [said] = await once(connect(path).setEncoding('utf8'), 'data') as [string];
  expect(said).toBe('here');
  second.close();
});

it('refuses a path that the system would cut off', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'tt-')), 'x'.repeat(100));
  await expect(listenPrivately(createServer(), path)).rejects.toThrow(/too long for the path of a socket/);
});

it('is closed with its name, unless another process listens under it by then', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tt-'));
  const path = join(directory, 'control.sock');
  const closed = (close: CloseSocket): Promise<void> => new Promise((resolve) => close(resolve));
  await closed(await listenPrivately(createServer(), path));
  expect(readdirSync(directory)).toEqual([]);

  const close = await listenPrivately(createServer(), path);
  const another = createServer((socket) => socket.end('here'));
  const closeAnother = await listenPrivately(another, path);
  await closed(close);
  const [said] = await once(connect(path).setEncoding('utf8'), 'data') as [string];
  expect(said).toBe('here');
  await closed(closeAnother);
  expect(readdirSync(directory)).toEqual([]);
});
