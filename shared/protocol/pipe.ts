/**
 * Several byte streams and short messages over one pair of pipes, such as the
 * stdin and stdout of a command that ssh runs: what speaks HTTP and WebSocket
 * over sockets speaks it over these, unchanged.
 *
 * One side opens streams, the other is given them. A frame is a kind (1 byte),
 * a stream (4 bytes, 0 for messages), a length (4 bytes, both big-endian) and so
 * many bytes. Nothing is encrypted or proved here: that is for ssh and for what
 * is spoken inside.
 */
import { Duplex, type Readable, type Writable } from 'node:stream';

const KINDS = { message: 1, open: 2, data: 3, end: 4, cut: 5 } as const;
type Kind = (typeof KINDS)[keyof typeof KINDS];

const HEADER_BYTES = 9;
/** Longest payload of a frame, so that no stream keeps the others waiting for long. */
export const PIPE_FRAME_BYTES = 64 * 1024;
/** Streams at one time: a challenge, an enrolment and a connection are one after the other. */
const MOST_STREAMS = 16;
const NOTHING = Buffer.alloc(0);

export interface PipeEnds {
  input: Readable;
  output: Writable;
}

export interface PipeEvents {
  /** JSON of the other side, not checked. */
  onMessage(value: unknown): void;
  /** It opened a stream; without this, it may not. */
  onStream?(stream: Duplex): void;
}

export interface Pipe {
  open(): Duplex;
  /** JSON of at most 64 KiB. */
  say(value: unknown): void;
  /** Resolves when the other side ended, or broke the rules; every stream is then destroyed. */
  readonly ended: Promise<void>;
  /** Reads no more; what was said is still written. */
  close(): void;
}

export function createPipe(ends: PipeEnds, events: PipeEvents): Pipe {
  return new FramedPipe(ends, events);
}

class FramedPipe implements Pipe {
  readonly ended: Promise<void>;
  readonly #ends: PipeEnds;
  readonly #events: PipeEvents;
  readonly #streams = new Map<number, PipeStream>();
  /** Who reads slowly stops the whole pipe: memory stays bounded. */
  readonly #full = new Set<number>();
  #unread: Buffer = NOTHING;
  #nextId = 1;
  #isOver = false;
  #resolveEnded = (): void => {};

  constructor(ends: PipeEnds, events: PipeEvents) {
    this.#ends = ends;
    this.#events = events;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    ends.output.on('error', () => this.#finish());
    ends.input.on('error', () => this.#finish());
    ends.input.on('close', () => this.#finish());
    ends.input.on('end', () => this.#finish());
    ends.input.on('data', (chunk: Buffer) => this.#take(chunk));
    // Whoever read up to here may have paused it.
    ends.input.resume();
  }

  open(): Duplex {
    const id = this.#nextId++;
    this.write(KINDS.open, id, NOTHING);
    return this.#add(id);
  }

  say(value: unknown): void {
    this.write(KINDS.message, 0, Buffer.from(JSON.stringify(value), 'utf8'));
  }

  close(): void {
    this.#finish();
    this.#ends.input.destroy();
  }

  /** `done` is called when the bytes were taken, or can not be. */
  write(kind: Kind, id: number, payload: Buffer, done: (error?: Error | null) => void = () => {}): void {
    if (this.#isOver || this.#ends.output.destroyed) return done(new Error('the pipe has ended'));
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(kind, 0);
    header.writeUInt32BE(id, 1);
    header.writeUInt32BE(payload.length, 5);
    this.#ends.output.write(Buffer.concat([header, payload]), done);
  }

  wants(id: number): void {
    if (this.#full.delete(id) && this.#full.size === 0) this.#ends.input.resume();
  }

  gone(id: number, isWhole: boolean): void {
    if (this.#streams.delete(id) && !isWhole) this.write(KINDS.cut, id, NOTHING);
    this.wants(id);
  }

  #add(id: number): PipeStream {
    const stream = new PipeStream(id, this);
    this.#streams.set(id, stream);
    return stream;
  }

  #take(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let at = 0;
    while (!this.#isOver && this.#unread.length - at >= HEADER_BYTES) {
      const length = this.#unread.readUInt32BE(at + 5);
      if (length > PIPE_FRAME_BYTES) return this.#finish();
      const end = at + HEADER_BYTES + length;
      if (this.#unread.length < end) break;
      this.#frame(this.#unread.readUInt8(at), this.#unread.readUInt32BE(at + 1), this.#unread.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    this.#unread = Buffer.from(this.#unread.subarray(at));
  }

  #frame(kind: number, id: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    switch (kind) {
      case KINDS.message: return this.#message(payload);
      case KINDS.open: return this.#opened(id);
      // Of a stream that is gone here: its cut is on the way.
      case KINDS.data: return void (stream?.push(Buffer.from(payload)) === false && this.#pause(id));
      case KINDS.end: return void stream?.push(null);
      case KINDS.cut: return stream?.cut();
      default: return this.#finish();
    }
  }

  #message(payload: Buffer): void {
    let value: unknown;
    try {
      value = JSON.parse(payload.toString('utf8'));
    } catch {
      return this.#finish();
    }
    return this.#events.onMessage(value);
  }

  #opened(id: number): void {
    const { onStream } = this.#events;
    if (!onStream || id === 0 || this.#streams.has(id) || this.#streams.size >= MOST_STREAMS) return this.#finish();
    return onStream(this.#add(id));
  }

  #pause(id: number): void {
    this.#full.add(id);
    this.#ends.input.pause();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of this.#streams.values()) stream.cut();
    this.#resolveEnded();
  }
}

class PipeStream extends Duplex {
  readonly #id: number;
  readonly #pipe: FramedPipe;
  #isCut = false;

  constructor(id: number, pipe: FramedPipe) {
    super({ allowHalfOpen: true });
    this.#id = id;
    this.#pipe = pipe;
    // Who uses it learns of an error by its close.
    this.on('error', () => {});
  }

  /** The other side let go of it. */
  cut(): void {
    this.#isCut = true;
    this.destroy(new Error('the other side closed it'));
  }

  override _read(): void {
    this.#pipe.wants(this.#id);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk.length <= PIPE_FRAME_BYTES) return this.#pipe.write(KINDS.data, this.#id, chunk, done);
    return this.#pipe.write(KINDS.data, this.#id, chunk.subarray(0, PIPE_FRAME_BYTES), (error) => {
      if (error) done(error);
      else this._write(chunk.subarray(PIPE_FRAME_BYTES), _encoding, done);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#pipe.write(KINDS.end, this.#id, NOTHING, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#pipe.gone(this.#id, this.#isCut || (this.writableFinished && this.readableEnded));
    done(error);
  }
}
