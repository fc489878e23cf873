/** A peer that speaks bytes: what no client library would send. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type Address = { port: number; host: string } | { path: string };

export function open(address: Address): Socket {
  const socket = connect(address);
  socket.on('error', () => {}); // cut off is what most of these expect
  return socket;
}

/** What came back by the time the other side closed. */
export function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      if (answer.length < 4096) answer += chunk.toString('latin1');
    });
    socket.once('close', () => resolve(answer));
  });
}

/** `401 unauthorised` of an HTTP refusal; `closed` where nothing was said. */
export function refusalIn(answer: string): string {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
  if (status === undefined) return 'closed';
  const code = /"code":"(\w+)"/.exec(answer)?.[1];
  return code === undefined ? status : `${status} ${code}`;
}

export function upgradeHeaders(headers: readonly string[]): string {
  return [
    'GET /agent HTTP/1.1', 'Host: collector', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, ...headers, '', '',
  ].join('\r\n');
}

export async function refusedUpgrade(address: Address, headers: readonly string[]): Promise<string> {
  const socket = open(address);
  socket.write(upgradeHeaders(headers));
  const refusal = refusalIn(await answerOf(socket));
  return refusal;
}

/** Writes the same bytes over and over until so many are written or the other side has gone; never holds more than one chunk. */
export function pour(socket: Socket, chunk: Buffer, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** Head of a masked WebSocket frame (RFC 6455 §5.2) with a zero mask. */
export function frameHead(options: { opcode: number; isLast: boolean; bytes: number }): Buffer {
  const head = Buffer.alloc(14);
  head[0] = (options.isLast ? 0x80 : 0) | options.opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(options.bytes), 2);
  return head;
}
