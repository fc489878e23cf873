import { decodeAgentFrame, decodeBatch, encodeFrame, peekFrameType, type UncheckedBatch } from '../../shared/protocol/codec.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import type { FrameSocket, FrameSocketEvents } from '../../shared/protocol/frame-socket.ts';
import type { AgentFrame, BatchFrame, CollectorFrame, HelloFrame, StatusFrame } from '../../shared/protocol/frames.ts';
import { positionsDigest } from '../../shared/protocol/positions.ts';

type SmallFrame = Exclude<AgentFrame, BatchFrame>;

/** What the model may do to an answer. */
export interface Mischief {
  /** What to do with a batch: take it, say busy, or take it and never answer. */
  onBatch(): 'take' | 'busy' | 'swallow_answer' | 'ignore';
  /** How to send an answer: once, twice, or after the next one. */
  onAnswer(): 'once' | 'twice' | 'late';
}

export const honest: Mischief = { onBatch: () => 'take', onAnswer: () => 'once' };

interface Stored {
  offset: number;
  tail: string;
}

/** The rules of the wire in a few lines: what it has acknowledged is in `events` and `ledger`. */
export class ModelCollector {
  ledger = new Map<string, Stored>();
  events = new Set<string>();
  readonly batches: UncheckedBatch[] = [];
  readonly small: SmallFrame[] = [];
  readonly sizes: number[] = [];
  mischief: Mischief = honest;
  retryMs = 50;
  #late: string[] = [];
  #socket: FrameSocket | undefined;

  get statuses(): StatusFrame[] {
    return this.small.filter((frame): frame is StatusFrame => frame.type === 'status');
  }

  /** A new connection; its predecessor is never answered again. */
  accept(socket: FrameSocket): FrameSocketEvents {
    this.#socket = socket;
    this.#late = [];
    return {
      onFrame: (data) => {
        if (this.#socket !== socket) return;
        if (peekFrameType(data) === 'batch') {
          this.sizes.push(data.length);
          const decoded = decodeBatch(data.toString('utf8'));
          if (!decoded.ok) throw new Error(`the agent sent a bad batch: ${decoded.reason}`);
          this.#onBatch(decoded.frame);
          return;
        }
        const decoded = decodeAgentFrame(data.toString('utf8'));
        if (!decoded.ok) throw new Error(`the agent sent a bad frame: ${decoded.reason}`);
        this.small.push(decoded.frame);
        if (decoded.frame.type === 'hello') this.onHello(decoded.frame);
        if (decoded.frame.type === 'closed') for (const gen of decoded.frame.gens) this.ledger.delete(gen);
      },
      onAlive() {},
      onClose: () => {
        if (this.#socket === socket) this.#socket = undefined;
      },
    };
  }

  onHello(hello: HelloFrame): void {
    const settled = hello.positions_digest === positionsDigest([...this.ledger].map(([gen, { offset }]) => [gen, offset]));
    this.say({
      type: 'welcome', protocol: 1, capabilities: [], version: 'model', token: 'good', limits: { ...WIRE_LIMITS }, clock: 0, settled,
    });
    if (settled) return;
    const positions = [...this.ledger].map(([gen, { offset, tail }]) => [gen, offset, tail] as const);
    const half = Math.floor(positions.length / 2);
    this.say({ type: 'ledger', positions: positions.slice(0, half), last: false });
    this.say({ type: 'ledger', positions: positions.slice(half), last: true });
  }

  say(frame: CollectorFrame): void {
    this.#socket?.send(encodeFrame(frame));
  }

  #onBatch(batch: UncheckedBatch): void {
    this.batches.push(batch);
    const action = this.mischief.onBatch();
    if (action === 'ignore') return;
    if (action === 'busy') return this.#answer([{ type: 'busy', seq: batch.seq, retry_ms: this.retryMs }]);
    const rewinds = batch.files.flatMap((file): CollectorFrame[] => {
      const stored = this.ledger.get(file.gen) ?? { offset: 0, tail: file.prev };
      if (file.from > stored.offset) return [{ type: 'rewind', seq: batch.seq, gen: file.gen, to: stored.offset }];
      const isOther = file.from === stored.offset ? stored.tail !== file.prev : file.to === stored.offset && stored.tail !== file.tail;
      if (isOther) return [{ type: 'rewind', seq: batch.seq, gen: file.gen, reset: true }];
      return [];
    });
    if (rewinds.length > 0) return this.#answer(rewinds);
    for (const event of batch.events) this.events.add((event as { id: string }).id);
    for (const file of batch.files) {
      const stored = this.ledger.get(file.gen);
      if (!stored || file.to > stored.offset) this.ledger.set(file.gen, { offset: file.to, tail: file.tail });
    }
    if (action === 'take') this.#answer([{ type: 'ack', seq: batch.seq, verdicts: 's'.repeat(batch.events.length), refused: [] }]);
  }

  #answer(frames: readonly CollectorFrame[]): void {
    for (const frame of frames) {
      const text = encodeFrame(frame);
      const how = this.mischief.onAnswer();
      if (how === 'late') {
        this.#late.push(text);
        continue;
      }
      this.#socket?.send(text);
      if (how === 'twice') this.#socket?.send(text);
      for (const held of this.#late.splice(0)) this.#socket?.send(held);
    }
  }
}
