import { randomBytes } from 'node:crypto';
import type { Feed, FeedStatus, Slice, SliceReceipt } from '../../agent/feed.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';
import type { GapReport, Lane, Position } from '../../shared/protocol/frames.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';

/** One event a line, ten bytes a line: the simplest file that can be half sent. */
export const LINE = 10;

interface ModelFile {
  name: string;
  gen: Generation;
  lines: number;
  /** Events that each line gives. */
  eventsPerLine: number;
  acknowledged: number;
  cursor: number;
  pending: { receipt: SliceReceipt; isAcknowledged: boolean }[];
  lane: Lane;
  replaceUntil: number;
}

export function mintGeneration(): Generation {
  const gen = parseGeneration(randomBytes(16).toString('hex'));
  if (!gen) throw new Error('no generation');
  return gen;
}

export function eventId(name: string, line: number, index: number): string {
  return `${name}/${line}/${index}`;
}

export function tailAt(gen: string, offset: number): string {
  return offset === 0 ? hashBytes(Buffer.of()) : hashBytes(Buffer.from(`${gen}:${offset}`));
}

/** Keeps the promises of `Feed` with files that are numbers, and forgets nothing it was told. */
export class ModelFeed implements Feed {
  readonly files: ModelFile[] = [];
  /** Called at every move of a checkpoint, with where it is now. */
  onCheckpoint: (gen: Generation, offset: number) => void = () => {};
  linesPerSlice = 3;
  resyncs = 0;
  readonly gaps: GapReport[] = [];
  readonly toldGaps: GapReport[] = [];
  #listener: () => void = () => {};

  add(name: string, lane: Lane, lines = 0, eventsPerLine = 1): ModelFile {
    const file: ModelFile = {
      name, lane, lines, eventsPerLine, gen: mintGeneration(), acknowledged: 0, cursor: 0, pending: [], replaceUntil: 0,
    };
    this.files.push(file);
    this.#listener();
    return file;
  }

  append(file: ModelFile, lines: number): void {
    file.lines += lines;
    this.#listener();
  }

  get isDrained(): boolean {
    return this.files.every((file) => file.acknowledged === file.lines * LINE);
  }

  hasWork(lane: Lane): boolean {
    return this.files.some((file) => file.lane === lane && file.cursor < file.lines * LINE);
  }

  read(lane: Lane, limits: { targetBytes: number; maxEvents: number }): Slice | undefined {
    const index = this.files.findIndex((file) => file.lane === lane && file.cursor < file.lines * LINE);
    const file = this.files[index];
    if (!file) return undefined;
    // Live files take turns.
    if (lane === 'live') this.files.push(...this.files.splice(index, 1));
    const from = file.cursor;
    const first = from / LINE;
    const perSlice = Math.max(1, Math.min(this.linesPerSlice, Math.floor(limits.maxEvents / file.eventsPerLine)));
    const last = Math.min(file.lines, first + perSlice);
    const printed: string[] = [];
    const states = [];
    for (let line = first; line < last; line += 1) {
      for (let at = 0; at < file.eventsPerLine; at += 1) printed.push(JSON.stringify({ id: eventId(file.name, line, at) }));
      states.push({ gen: file.gen, offset: line * LINE, after: '', session_id: file.name, key: 'line', value: line });
    }
    const to = last * LINE;
    const receipt: SliceReceipt = { gen: file.gen, from, to };
    file.pending.push({ receipt, isAcknowledged: false });
    file.cursor = to;
    return {
      file: {
        gen: file.gen, path: `/${file.name}`, born_at: null, from, to,
        prev: tailAt(file.gen, from), tail: tailAt(file.gen, to), events: printed.length,
      },
      printed, printedBytes: printed.reduce((sum, text) => sum + text.length, 0), states, edges: [],
      ...(from < file.replaceUntil ? { entries: [file.name] } : {}),
      receipt,
    };
  }

  onWork(listener: () => void): void {
    this.#listener = listener;
  }

  acknowledge(receipt: SliceReceipt): void {
    for (const file of this.files) {
      const slice = file.pending.find((candidate) => candidate.receipt === receipt);
      if (!slice) continue;
      slice.isAcknowledged = true;
      while (file.pending[0]?.isAcknowledged) {
        file.acknowledged = file.pending[0].receipt.to;
        file.pending.shift();
        this.onCheckpoint(file.gen, file.acknowledged);
      }
    }
  }

  *positions(): Iterable<readonly [Generation, number]> {
    for (const file of this.files) yield [file.gen, file.acknowledged];
  }

  async settle(ledger: readonly Position[]): Promise<Generation[]> {
    await Promise.resolve();
    const stored = new Map(ledger.map(([gen, offset]) => [gen, offset]));
    for (const file of this.files) this.#lower(file, Math.min(file.acknowledged, stored.get(file.gen) ?? 0));
    const known = new Set<string>(this.files.map(({ gen }) => gen));
    return ledger.flatMap(([gen]) => (known.has(gen) ? [] : [parseGeneration(gen) ?? mintGeneration()]));
  }

  resync(): boolean {
    this.resyncs += 1;
    for (const file of this.files) this.#lower(file, file.acknowledged);
    this.#listener();
    return false;
  }

  async rewind(gen: Generation, to: number, { replace }: { replace: boolean }): Promise<void> {
    await Promise.resolve();
    const file = this.files.find((candidate) => candidate.gen === gen);
    if (!file) return;
    if (replace) file.replaceUntil = file.lines * LINE;
    this.#lower(file, Math.min(file.acknowledged, to));
    this.#listener();
  }

  async reset(gen: Generation): Promise<void> {
    await Promise.resolve();
    const file = this.files.find((candidate) => candidate.gen === gen);
    if (!file) return;
    file.gen = mintGeneration();
    this.#lower(file, 0);
    this.#listener();
  }

  untold(): readonly GapReport[] {
    return this.gaps.filter((gap) => !this.toldGaps.includes(gap));
  }

  told(gaps: readonly GapReport[]): void {
    this.toldGaps.push(...gaps);
  }

  status(): FeedStatus {
    const waiting = this.files.reduce((sum, file) => sum + file.lines * LINE - file.acknowledged, 0);
    return {
      backlogBytes: waiting, backlogEvents: waiting / LINE, oldestUnackedAt: null, drainedAt: null, files: this.files.length,
      unknownEntries: {}, badLines: 0, keptBytes: 0, kept: { files: 0, bytes: 0, oldestAt: null, limitBytes: 0 }, gaps: this.gaps, problems: [],
    };
  }

  #lower(file: ModelFile, to: number): void {
    file.acknowledged = to;
    file.cursor = to;
    file.pending = [];
  }
}
