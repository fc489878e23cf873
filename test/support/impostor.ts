/** Something that took the collector's port: it answers everything, accepts everything and acknowledges everything. */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { encodeFrame } from '../../shared/protocol/codec.ts';
import type { FrameSocket } from '../../shared/protocol/frame-socket.ts';
import { createUpgradeServer } from '../../shared/protocol/web-socket.ts';

export interface Impostor {
  readonly url: string;
  readonly port: number;
  /** Every byte that came, as text: requests, bodies and frames. */
  said(): string;
  /** Types of the frames that came, in order. */
  frames(): string[];
  close(): Promise<void>;
}

export interface ImpostorOptions {
  port?: number;
  collectorId: string;
  /** What it sends when a hello came, before it acknowledges two hundred batches. */
  onHello?: (nonce: string, socket: FrameSocket) => void | Promise<void>;
}

export async function openImpostor({ port = 0, collectorId, onHello }: ImpostorOptions): Promise<Impostor> {
  const said: string[] = [];
  const frames: string[] = [];
  const sockets = new Set<Socket>();
  const upgrades = createUpgradeServer(1 << 24);
  const answerOf = (path: string | undefined): object => {
    if (path === '/challenge') return { nonce: 'n'.repeat(22), now: Date.now(), collector_id: collectorId };
    if (path === '/enrol') return { collector_id: collectorId, public_key: 'A'.repeat(43), label: 'devbox', nonce: 'm'.repeat(22), mac: '0'.repeat(64) };
    return { ok: true };
  };
  const server = createServer((request, response) => {
    said.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    request.setEncoding('utf8').on('data', (text: string) => said.push(text));
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(answerOf(request.url))));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  server.on('upgrade', (request, socket, head) => upgrades.accept(request, socket, head, (peer) => ({
    onFrame(data) {
      const text = data.toString('utf8');
      said.push(text);
      const type = /^\{"type":"([a-z]+)"/.exec(text)?.[1] ?? 'something else';
      frames.push(type);
      if (type !== 'hello') return;
      const { nonce } = JSON.parse(text) as { nonce: string };
      Promise.resolve(onHello?.(nonce, peer)).then(() => {
        for (let seq = 1; seq <= 200; seq += 1) peer.send(encodeFrame({ type: 'ack', seq, verdicts: '', refused: [] }));
      }).catch(() => undefined);
    },
    onAlive() {},
    onClose() {},
  })));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`, port: own,
    said: () => said.join('\n'),
    frames: () => [...frames],
    close: () => new Promise((resolve) => {
      upgrades.close();
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    }),
  };
}
