import type { Clock } from '../../shared/clock.ts';
import type { FrameSocket, FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';

/** Two joined ends of one connection in memory, on a clock that a test holds. */
export interface SocketPair {
  agent: FrameSocket;
  collector: FrameSocket;
  /** Both must be attached before anything arrives. */
  attach(side: Side, events: FrameSocketEvents): void;
  /** The way breaks: what is on it is gone; each end learns of it, or (`silently`) neither does. */
  cut(options?: { silently?: boolean }): void;
  readonly isOpen: boolean;
}
export type Side = 'agent' | 'collector';

export interface SocketPairOptions {
  /** Delay of the next frame in ms; frames of one direction never overtake each other. */
  delayMs: () => number;
}

export function createSocketPair(clock: Clock, { delayMs }: SocketPairOptions): SocketPair {
  const events: Partial<Record<Side, FrameSocketEvents>> = {};
  const lastArrival: Record<Side, number> = { agent: 0, collector: 0 };
  const closed = new Set<Side>();
  let isBroken = false;

  const other = (side: Side): Side => (side === 'agent' ? 'collector' : 'agent');

  function deliver(to: Side, task: (receiver: FrameSocketEvents) => void): void {
    const at = Math.max(lastArrival[to], clock.monotonic() + delayMs());
    lastArrival[to] = at;
    clock.after(at - clock.monotonic(), () => {
      const receiver = events[to];
      if (!isBroken && !closed.has(to) && receiver) task(receiver);
    });
  }

  function end(side: Side, code: number, reason: string): void {
    if (closed.has(side)) return;
    closed.add(side);
    clock.after(0, () => events[side]?.onClose(code, reason));
  }

  function socketOf(side: Side): FrameSocket {
    return {
      send(data, options) {
        if (closed.has(side)) return false;
        const isBinary = options?.isBinary ?? typeof data !== 'string';
        const bytes = Buffer.from(data);
        deliver(other(side), (receiver) => receiver.onFrame(bytes, isBinary));
        return true;
      },
      bufferedBytes: 0,
      ping() {
        deliver(other(side), (receiver) => {
          receiver.onAlive();
          deliver(side, (self) => self.onAlive());
        });
      },
      close(code, reason) {
        // What was sent before still arrives.
        deliver(other(side), () => end(other(side), code, reason));
        deliver(side, () => end(side, code, reason));
      },
      terminate() {
        const peer = other(side);
        deliver(peer, () => end(peer, 1006, ''));
        end(side, 1006, '');
      },
    };
  }

  return {
    agent: socketOf('agent'),
    collector: socketOf('collector'),
    attach: (side, receiver) => {
      events[side] = receiver;
    },
    cut({ silently } = {}) {
      isBroken = true;
      if (silently) return;
      end('agent', 1006, '');
      end('collector', 1006, '');
    },
    get isOpen() {
      return !isBroken && closed.size === 0;
    },
  };
}
