/**
 * One connection between two programs, as TCP would carry it: nothing overtakes,
 * nothing comes twice, and nothing is lost but what was on the way when it broke.
 * A direction may stall: a tunnel that is half open, or an ack that takes its time.
 */
import type { FrameSocket, FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import type { ManualClock } from '../support/manual-clock.ts';

export type Side = 'agent' | 'collector';

interface Direction {
  lastArrival: number;
  isStalled: boolean;
  /** What waits behind a stall. */
  held: ((receiver: FrameSocketEvents) => void)[];
  /** What is on the way counts only while this has not changed. */
  epoch: number;
}

const OTHER: Record<Side, Side> = { agent: 'collector', collector: 'agent' };

export class Link {
  readonly #clock: ManualClock;
  readonly #delayMs: () => number;
  readonly #sent: (bytes: Buffer, isBinary: boolean) => void;
  readonly #receivers: Partial<Record<Side, FrameSocketEvents>> = {};
  readonly #closed = new Set<Side>();
  readonly #to: Record<Side, Direction> = { agent: newDirection(), collector: newDirection() };

  constructor(clock: ManualClock, delayMs: () => number, sent: (bytes: Buffer, isBinary: boolean) => void) {
    this.#clock = clock;
    this.#sent = sent;
    this.#delayMs = delayMs;
  }

  get isStalled(): boolean {
    return this.#to.agent.isStalled || this.#to.collector.isStalled;
  }

  attach(side: Side, events: FrameSocketEvents): void {
    this.#receivers[side] = events;
  }

  stall(to: Side): void {
    this.#to[to].isStalled = true;
  }

  /** What waited arrives now, in order. */
  release(): void {
    for (const side of ['agent', 'collector'] as const) {
      const direction = this.#to[side];
      if (!direction.isStalled) continue;
      direction.isStalled = false;
      const held = direction.held.splice(0);
      for (const task of held) this.#deliver(side, task);
    }
  }

  /** The connection breaks and both ends learn of it. `arrives`: what is on the way still gets there. */
  cut({ arrives }: { arrives: boolean }): void {
    for (const side of ['agent', 'collector'] as const) this.#breakTowards(side, arrives);
  }

  /** The program at `side` is gone: it hears nothing any more, and the other end is told by its kernel. */
  die(side: Side, { arrives }: { arrives: boolean }): void {
    if (this.#closed.has(side)) return;
    this.#closed.add(side);
    this.#breakTowards(OTHER[side], arrives);
  }

  #breakTowards(side: Side, arrives: boolean): void {
    if (!arrives) {
      this.#to[side].epoch += 1;
      if (!this.#to[side].isStalled) this.#to[side].held = [];
    }
    this.#deliver(side, () => this.#end(side, 1006, ''));
  }

  #deliver(to: Side, task: (receiver: FrameSocketEvents) => void): void {
    const direction = this.#to[to];
    const { epoch } = direction;
    const at = Math.max(direction.lastArrival, this.#clock.monotonic() + this.#delayMs());
    direction.lastArrival = at;
    this.#clock.after(at - this.#clock.monotonic(), () => {
      if (epoch !== direction.epoch || this.#closed.has(to)) return;
      if (direction.isStalled) {
        direction.held.push(task);
        return;
      }
      const receiver = this.#receivers[to];
      if (receiver !== undefined) task(receiver);
    });
  }

  #end(side: Side, code: number, reason: string): void {
    if (this.#closed.has(side)) return;
    this.#closed.add(side);
    this.#receivers[side]?.onClose(code, reason);
  }

  socket(side: Side): FrameSocket {
    const other = OTHER[side];
    return {
      send: (data, options) => {
        if (this.#closed.has(side)) return false;
        const isBinary = options?.isBinary ?? typeof data !== 'string';
        const bytes = Buffer.from(data);
        this.#sent(bytes, isBinary);
        this.#deliver(other, (receiver) => receiver.onFrame(bytes, isBinary));
        return true;
      },
      bufferedBytes: 0,
      ping: () => {
        this.#deliver(other, (receiver) => {
          receiver.onAlive();
          this.#deliver(side, (self) => self.onAlive());
        });
      },
      close: (code, reason) => {
        this.#deliver(other, () => {
          this.#deliver(side, () => this.#end(side, code, reason));
          this.#end(other, code, reason);
        });
      },
      terminate: () => {
        this.#deliver(other, () => this.#end(other, 1006, ''));
        this.#clock.after(0, () => this.#end(side, 1006, ''));
      },
    };
  }
}

function newDirection(): Direction {
  return { lastArrival: 0, isStalled: false, held: [], epoch: 0 };
}
