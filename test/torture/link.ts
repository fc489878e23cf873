/** The way between one agent and the collector, byte by byte, and everything that happens on networks. */
import { createServer, connect, type Server, type Socket } from 'node:net';

type Direction = 'up' | 'down';

interface Pair {
  client: Socket;
  upstream: Socket;
}

interface Fault {
  /** Bytes that still pass, in this direction; then the connection breaks, in the middle of a frame. */
  breaksAfter?: { direction: Direction; bytes: number };
  /** Nothing passes, and nobody is told. */
  stalls?: Direction | 'both';
  /** What is sent in this direction vanishes, until the connection breaks: acks, or batches, are lost. */
  swallows?: Direction;
  /** New connections are closed at once. */
  refuses?: boolean;
  /** Each piece is late by up to so many ms, and is at most so large. */
  slow?: { ms: number; bytes: number };
}

export class Link {
  readonly #server: Server;
  readonly #target: () => number;
  readonly #chance: () => number;
  readonly #pairs = new Set<Pair>();
  #fault: Fault = {};
  port = 0;

  constructor(target: () => number, chance: () => number) {
    this.#target = target;
    this.#chance = chance;
    this.#server = createServer((client) => this.#accept(client));
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.port = address.port;
  }

  #accept(client: Socket): void {
    if (this.#fault.refuses === true) return void client.destroy();
    const upstream = connect({ port: this.#target(), host: '127.0.0.1' });
    const pair: Pair = { client, upstream };
    this.#pairs.add(pair);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined); // it closes, and the other one with it
      socket.on('close', () => this.#break(pair));
    }
    this.#pass(pair, 'up');
    this.#pass(pair, 'down');
  }

  #pass(pair: Pair, direction: Direction): void {
    const [from, to] = direction === 'up' ? [pair.client, pair.upstream] : [pair.upstream, pair.client];
    let last = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      from.pause();
      last = last.then(() => this.#forward(pair, direction, to, bytes)).then(() => void from.resume());
    });
    from.on('end', () => {
      last = last.then(() => void to.end());
    });
  }

  async #forward(pair: Pair, direction: Direction, to: Socket, bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      await this.#passable(direction);
      const { slow, breaksAfter, swallows } = this.#fault;
      if (swallows === direction || to.destroyed) return;
      const piece = rest.subarray(0, slow?.bytes ?? rest.length);
      rest = rest.subarray(piece.length);
      if (slow !== undefined) await new Promise((resolve) => setTimeout(resolve, this.#chance() * slow.ms));
      if (breaksAfter?.direction === direction) {
        breaksAfter.bytes -= piece.length;
        if (breaksAfter.bytes <= 0) {
          delete this.#fault.breaksAfter;
          to.write(piece.subarray(0, Math.max(0, piece.length + breaksAfter.bytes)), () => this.#break(pair));
          return;
        }
      }
      if (!to.write(piece)) await new Promise<void>((resolve) => {
        to.once('drain', resolve);
        to.once('close', resolve);
      });
    }
  }

  #passed: (() => void)[] = [];

  async #passable(direction: Direction): Promise<void> {
    while (this.#fault.stalls === direction || this.#fault.stalls === 'both') {
      await new Promise<void>((resolve) => this.#passed.push(resolve));
    }
  }

  #break(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.upstream.resetAndDestroy();
  }

  fail(fault: Fault): void {
    Object.assign(this.#fault, fault);
  }

  cut(): void {
    for (const pair of this.#pairs) this.#break(pair);
  }

  /** Everything passes again. What had lost bytes ends now, as a connection with a hole in it must. */
  heal(): void {
    const hadHoles = this.#fault.swallows !== undefined;
    this.#fault = {};
    if (hadHoles) this.cut();
    for (const passed of this.#passed.splice(0)) passed();
  }

  async close(): Promise<void> {
    this.heal();
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
