/**
 * One growing log as the uplink sees it. What stands in a line follows from its
 * number, so nothing is kept but when it was written, and every line can be read
 * again from any offset.
 */
import { createHash } from 'node:crypto';
import type { Feed, FeedStatus, Slice, SliceReceipt } from '../../agent/feed.ts';
import { buildEventId } from '../../shared/event-id.ts';
import type { JsonValue, TtEvent } from '../../shared/event.ts';
import { parseGeneration, type Generation, type MachineId } from '../../shared/ids.ts';
import type { Lane, Position } from '../../shared/protocol/frames.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import { printTimestamp } from '../../shared/timestamp.ts';

/** Of the imaginary file: about what a line of a harness log has. */
const LINE_BYTES = 3000;
const NO_BYTES = hashBytes(Buffer.of());

export interface LineFeedOptions {
  machineId: MachineId;
  /** Timestamp of line 0; the others follow 100 ms apart. */
  startMs: number;
  now: () => number;
  /** A line was acknowledged, this long after it was written. */
  onStored?: (ms: number) => void;
}

export class LineFeed implements Feed {
  readonly #options: LineFeedOptions;
  readonly #gen: Generation;
  readonly #session: string;
  readonly #writtenAt: number[] = [];
  #acknowledged = 0;
  #cursor = 0;
  #pending: { receipt: SliceReceipt; isAcknowledged: boolean }[] = [];
  #listener: () => void = () => {};

  constructor(options: LineFeedOptions) {
    this.#options = options;
    this.#gen = generationOf(options.machineId);
    this.#session = uuidOf(options.machineId, 0xffff_ffff);
  }

  write(lines: number): void {
    for (let at = 0; at < lines; at += 1) this.#writtenAt.push(this.#options.now());
    if (lines > 0) this.#listener();
  }

  get written(): number {
    return this.#writtenAt.length;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  eventIds(): string[] {
    return Array.from({ length: this.written }, (_, line) => this.#event(line).id);
  }

  hasWork(lane: Lane): boolean {
    return lane === 'live' && this.#cursor < this.written;
  }

  read(lane: Lane, limits: { targetBytes: number; maxEvents: number }): Slice | undefined {
    if (!this.hasWork(lane)) return undefined;
    const first = this.#cursor;
    const printed: string[] = [];
    let printedBytes = 0;
    while (this.#cursor < this.written && printed.length < limits.maxEvents && printedBytes < limits.targetBytes) {
      const text = JSON.stringify(this.#event(this.#cursor));
      printed.push(text);
      printedBytes += text.length;
      this.#cursor += 1;
    }
    const [from, to] = [first * LINE_BYTES, this.#cursor * LINE_BYTES];
    const receipt: SliceReceipt = { gen: this.#gen, from, to };
    this.#pending.push({ receipt, isAcknowledged: false });
    const file = { gen: this.#gen, path: `/home/dev/${this.#session}.jsonl`, born_at: this.#options.startMs, from, to };
    return {
      file: { ...file, prev: this.#hashAt(from), tail: this.#hashAt(to), events: printed.length },
      printed, printedBytes, states: [], edges: [], receipt,
    };
  }

  onWork(listener: () => void): void {
    this.#listener = listener;
  }

  acknowledge(receipt: SliceReceipt): void {
    const slice = this.#pending.find((candidate) => candidate.receipt === receipt);
    if (slice === undefined) return;
    slice.isAcknowledged = true;
    while (this.#pending[0]?.isAcknowledged === true) {
      const until = this.#pending[0].receipt.to / LINE_BYTES;
      for (; this.#acknowledged < until; this.#acknowledged += 1) {
        this.#options.onStored?.(this.#options.now() - (this.#writtenAt[this.#acknowledged] ?? Number.NaN));
      }
      this.#pending.shift();
    }
  }

  *positions(): Iterable<readonly [Generation, number]> {
    if (this.#acknowledged > 0) yield [this.#gen, this.#acknowledged * LINE_BYTES];
  }

  settle(ledger: readonly Position[]): Promise<Generation[]> {
    const stored = ledger.find(([gen]) => gen === this.#gen)?.[1] ?? 0;
    this.#goBack(Math.min(this.#acknowledged, Math.floor(stored / LINE_BYTES)));
    return Promise.resolve([]);
  }

  resync(): boolean {
    this.#goBack(this.#acknowledged);
    this.#listener();
    return false;
  }

  rewind(_gen: Generation, to: number): Promise<void> {
    this.#goBack(Math.min(this.#acknowledged, Math.floor(to / LINE_BYTES)));
    return Promise.resolve();
  }

  reset(): Promise<void> {
    return Promise.reject(new Error('the collector says that an unchanged log has changed'));
  }

  untold(): readonly never[] {
    return [];
  }

  told(): void {}

  status(): FeedStatus {
    const waiting = this.written - this.#acknowledged;
    return {
      backlogBytes: waiting * LINE_BYTES, backlogEvents: waiting, oldestUnackedAt: waiting === 0 ? null : this.#writtenAt[this.#acknowledged] ?? null,
      drainedAt: null, files: 1, unknownEntries: {}, badLines: 0, keptBytes: 0,
      kept: { files: 0, bytes: 0, oldestAt: null, limitBytes: 0 }, gaps: [], problems: [],
    };
  }

  #goBack(to: number): void {
    this.#acknowledged = to;
    this.#cursor = to;
    this.#pending = [];
  }

  #hashAt(offset: number): string {
    return offset === 0 ? NO_BYTES : hashBytes(Buffer.from(`${this.#gen}:${offset}`));
  }

  /** A turn in four lines: prompt, answer, tool call, its result. */
  #event(line: number): TtEvent {
    const { machineId, startMs } = this.#options;
    const timestamp = printTimestamp(startMs + line * 100);
    const uuid = uuidOf(machineId, line);
    const common = { session_id: this.#session, cwd: '/home/dev/app', agent: 'claude-code' };
    const make = (type: string, discriminator: string, rest: Record<string, JsonValue>): TtEvent => ({
      id: buildEventId({ machineId, source: 'remote.agent', type, timestamp, discriminator }),
      timestamp, source: 'remote.agent', type, schema_version: 2, ...common, ...rest,
    });
    switch (line % 4) {
      case 0:
        return make('user_message', uuid, { kind: 'prompt', origin: 'human', length: 240, has_image: false, text: 'x'.repeat(240) });
      case 1:
        return make('assistant_message', uuid, {
          message_id: `msg_${uuid}`, request_id: `req_${uuid}`, model: 'claude-sonnet-4-5', stop_reason: 'tool_use', text: 'y'.repeat(180),
          usage: { input_tokens: 12, output_tokens: line % 900, cache_creation_input_tokens: 300, cache_read_input_tokens: 20_000 },
        });
      case 2:
        return make('agent_tool_use', `toolu_${uuid}`, { entry_uuid: uuid, tool: 'Edit', file: '/home/dev/app/src/main.ts' });
      default:
        return make('agent_tool_result', `toolu_${uuidOf(machineId, line - 1)}`, { entry_uuid: uuid, is_error: false });
    }
  }
}

/** Unique over all machines, as a harness's are. */
function uuidOf(machineId: MachineId, line: number): string {
  return `${machineId.slice(0, 24)}${line.toString(16).padStart(12, '0')}`;
}

function generationOf(machineId: MachineId): Generation {
  const gen = parseGeneration(createHash('sha256').update(machineId).digest('hex').slice(0, 32));
  if (gen === undefined) throw new Error('a hash is no generation');
  return gen;
}
