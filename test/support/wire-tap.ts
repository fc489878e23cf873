/** A TCP proxy between agent and collector that remembers what went through. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { brotliDecompressSync } from 'node:zlib';

export interface WireTap {
  /** Address for `tt-agent join`. */
  readonly url: string;
  readonly connections: number;
  /** Everything agents have sent, as text: requests, and frames unmasked and decompressed. */
  sent(): string;
  /** Everything the collector has answered. */
  received(): string;
  /** Resets every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** `at`: the port it takes itself; 0 picks one. */
export async function openWireTap(port: number, at = 0): Promise<WireTap> {
  const taps: { sent: Buffer[]; received: Buffer[]; sockets: Socket[] }[] = [];
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const tap = { sent: [] as Buffer[], received: [] as Buffer[], sockets: [client, upstream] };
    taps.push(tap);
    client.on('data', (chunk) => tap.sent.push(chunk));
    upstream.on('data', (chunk) => tap.received.push(chunk));
    for (const socket of tap.sockets) socket.on('error', () => tap.sockets.forEach((each) => each.destroy()));
    client.pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, '127.0.0.1', resolve);
  });
  const { port: own } = server.address() as AddressInfo;
  const cut = (): void => {
    for (const { sockets } of taps) for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${own}`,
    get connections() {
      return taps.length;
    },
    sent: () => taps.map(({ sent }) => decode(Buffer.concat(sent))).join('\n'),
    received: () => taps.map(({ received }) => decode(Buffer.concat(received))).join('\n'),
    cut,
    close: () => new Promise((resolve) => {
      cut();
      server.close(() => resolve());
    }),
  };
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** HTTP as it is; behind an upgrade, the payload of each WebSocket frame on a line of its own. */
function decode(bytes: Buffer): string {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1 || !/upgrade: *websocket/i.test(bytes.toString('latin1', 0, headEnd))) return bytes.toString('utf8');
  const texts = [bytes.toString('utf8', 0, headEnd)];
  let at = headEnd + HEAD_END.length;
  for (let frame = frameAt(bytes, at); frame !== undefined; frame = frameAt(bytes, at)) {
    texts.push(textOf(frame.opcode, frame.payload));
    at = frame.end;
  }
  return texts.join('\n');
}

interface Frame {
  opcode: number;
  payload: Buffer;
  end: number;
}

/** RFC 6455 §5.2; undefined where the frame is not whole. */
function frameAt(bytes: Buffer, at: number): Frame | undefined {
  if (at + 2 > bytes.length) return undefined;
  const opcode = bytes.readUInt8(at) & 0x0f;
  const second = bytes.readUInt8(at + 1);
  let length = second & 0x7f;
  let from = at + 2;
  const extra = length === 126 ? 2 : length === 127 ? 8 : 0;
  if (from + extra > bytes.length) return undefined;
  if (extra === 2) length = bytes.readUInt16BE(from);
  if (extra === 8) length = Number(bytes.readBigUInt64BE(from));
  from += extra;
  const isMasked = (second & 0x80) !== 0;
  const mask = isMasked ? bytes.subarray(from, from + 4) : undefined;
  if (isMasked) from += 4;
  if (from + length > bytes.length) return undefined;
  const payload = Buffer.from(bytes.subarray(from, from + length));
  if (mask !== undefined) for (let index = 0; index < length; index += 1) payload[index]! ^= mask[index & 3]!;
  return { opcode, payload, end: from + length };
}

function textOf(opcode: number, payload: Buffer): string {
  if (opcode === 2 && payload[0] === 1) return brotliDecompressSync(payload.subarray(1)).toString('utf8');
  return payload.toString('utf8');
}
