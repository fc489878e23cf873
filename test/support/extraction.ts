// Runs a source kind over bytes as the tailer does: whole lines, in file order, with offsets.
import { openTranscript, type TranscriptPlace } from '../../agent/claude/extractor.ts';
import type { ExtractionSink, Extractor } from '../../agent/extraction.ts';
import type { Texts } from '../../agent/privacy/texts.ts';
import { parseGeneration, parseMachineId, type Generation, type MachineId } from '../../shared/ids.ts';
import type { JsonValue, LineageEdge, SessionState, TtEvent } from '../../shared/event.ts';

export const MACHINE = must(parseMachineId('11111111-1111-4111-8111-111111111111'));
export const GENERATION = must(parseGeneration('0'.repeat(32)));
export const FULL_TEXTS: Texts = { isPerProject: false, policyOf: () => 'full' };

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a constant of the tests does not parse');
  return value;
}

/** A text of an event, empty where there is none. */
export function textIn(event: TtEvent, key: string): string {
  const value = event[key];
  return typeof value === 'string' ? value : '';
}

export class Collected implements ExtractionSink {
  events: TtEvent[] = [];
  states: SessionState[] = [];
  edges: LineageEdge[] = [];
  entries: string[] = [];
  unknowns: string[] = [];
  bads: [from: number, to: number, reason: string][] = [];
  event(event: TtEvent): void { this.events.push(event); }
  state(state: SessionState): void { this.states.push(state); }
  edge(edge: LineageEdge): void { this.edges.push(edge); }
  entry(uuid: string): void { this.entries.push(uuid); }
  unknown(type: string): void { this.unknowns.push(type); }
  bad(from: number, to: number, reason: string): void { this.bads.push([from, to, reason]); }

  ofType(type: string): TtEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** `kind` of what a person or a script said, without the answers and with their text. */
  said(): string[] {
    return this.ofType('user_message').map((event) => `${textIn(event, 'kind')}: ${textIn(event, 'text')}`);
  }
}

export interface Run {
  place?: Partial<TranscriptPlace>;
  texts?: Texts;
  gen?: Generation;
  machineId?: MachineId;
}

export function openForTest(run: Run = {}, carry?: JsonValue): Extractor {
  const place = { sessionId: 's-file', agentId: undefined, isSubagent: false, ...run.place };
  const extractor = openTranscript({
    place, machineId: run.machineId ?? MACHINE, gen: run.gen ?? GENERATION, texts: run.texts ?? FULL_TEXTS,
  }, carry);
  if (extractor === undefined) throw new Error('the carry-over was refused');
  return extractor;
}

/** Lines of `bytes` with their offsets; what stands behind the last newline is not a line yet. */
export function linesOf(bytes: Buffer): { bytes: Buffer; start: number; end: number }[] {
  const lines = [];
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    lines.push({ bytes: bytes.subarray(start, end), start, end });
    start = end + 1;
  }
  return lines;
}

export function feed(extractor: Extractor, bytes: Buffer, sink: ExtractionSink, from = 0): void {
  for (const line of linesOf(bytes)) {
    // The buffer is only lent: what the extractor keeps of it would show.
    const lent = Buffer.from(line.bytes);
    if (line.start >= from) extractor.line(lent, line.start, line.end, sink);
    lent.fill(0x7e);
  }
}

/** What a file with these lines (entries, or bytes as they are) gives, read once from the start. */
export function extract(lines: readonly (object | string | Buffer)[], run: Run = {}): Collected {
  const collected = new Collected();
  feed(openForTest(run), fileOf(lines), collected);
  return collected;
}

export function fileOf(lines: readonly (object | string | Buffer)[]): Buffer {
  return Buffer.concat(lines.flatMap((line) => [
    Buffer.isBuffer(line) ? line : Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)), Buffer.from('\n'),
  ]));
}
