/** Collects what the lines of one slice give, printing each event once. */
import type { ExtractionSink } from '../extraction.ts';
import type { LineageEdge, SessionState, TtEvent } from '../../shared/event.ts';
import { asciiWhereRare, printEvent } from './printed-event.ts';

export interface SliceLimits {
  targetBytes: number;
  maxEvents: number;
}

export interface LineRange {
  bytes: Buffer;
  start: number;
  end: number;
}

export interface SliceFindings {
  bad(from: number, to: number, reason: string): void;
  unknown(type: string): void;
}

/** One line may give several events and cannot be taken back: stop before the limit, not at it. */
const EVENT_SHARE = 0.75;
const STATE_OVERHEAD_BYTES = 200;

export class SliceSink implements ExtractionSink {
  readonly printed: string[] = [];
  printedBytes = 0;
  readonly states: SessionState[] = [];
  readonly edges: LineageEdge[] = [];
  readonly entries: string[] = [];
  lastTimestamp = '';
  line: LineRange = { bytes: Buffer.alloc(0), start: 0, end: 0 };
  readonly #findings: SliceFindings;
  #stateBytes = 0;

  constructor(findings: SliceFindings) {
    this.#findings = findings;
  }

  isFull(limits: SliceLimits): boolean {
    return this.printed.length >= limits.maxEvents * EVENT_SHARE || this.printedBytes + this.#stateBytes >= limits.targetBytes;
  }

  event(event: TtEvent): void {
    const printed = printEvent(event);
    if (printed === undefined) return this.bad(this.line.start, this.line.end, 'event_unprintable');
    const { text, bytes } = asciiWhereRare(printed);
    this.printed.push(text);
    this.printedBytes += bytes;
    this.lastTimestamp = event.timestamp;
  }

  state(state: SessionState): void {
    this.states.push(state);
    this.#stateBytes += STATE_OVERHEAD_BYTES + (typeof state.value === 'string' ? state.value.length : STATE_OVERHEAD_BYTES);
  }

  edge(edge: LineageEdge): void {
    this.edges.push(edge);
    this.#stateBytes += STATE_OVERHEAD_BYTES;
  }

  entry(uuid: string): void {
    this.entries.push(uuid);
  }

  unknown(type: string): void {
    this.#findings.unknown(type);
  }

  bad(from: number, to: number, reason: string): void {
    this.#findings.bad(from, to, reason);
  }
}
