/** Reads the next slice of one generation: bytes, lines, events, and the marks at its end. */
import { createHash } from 'node:crypto';
import type { Extractor } from '../extraction.ts';
import type { Slice, SliceReceipt } from '../feed.ts';
import { LINE_BYTES, TAIL_HASH_BYTES } from '../../shared/limits.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import type { BadLines } from './bad-lines.ts';
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { FileAccess } from './file-access.ts';
import { extendPrefix, readRange, readTailHash } from './generation.ts';
import { LongLineScan, type LineSplitter } from './line-splitter.ts';
import type { Reader, Readers } from './readers.ts';
import { SliceSink, type SliceLimits } from './slice-sink.ts';
import { scannedEnd, type TailedFile } from './tailed-file.ts';

export type SliceRead =
  | { kind: 'slice'; slice: Slice }
  /** No further complete line. */
  | { kind: 'nothing' }
  /** Got further, but not to the end of a line: call again. */
  | { kind: 'again' }
  | { kind: 'changed' }
  | { kind: 'replaced' };

export interface SlicesDeps {
  files: FileAccess;
  splitter: LineSplitter;
  readers: Readers;
  badLines: BadLines;
  monotonic(): number;
  countUnknown(type: string): void;
  lost(gap: GapReport): void;
}

/** Longer, and a live line elsewhere would wait for it. */
const SLICE_MS = 4;
const NOTHING = { kind: 'nothing' } as const;

export interface Slices {
  /** Throws the system error of a file that cannot be read. */
  read(file: TailedFile, limits: SliceLimits): SliceRead;
}

export function createSlices(deps: SlicesDeps): Slices {
  return new FileSlices(deps);
}

class FileSlices implements Slices {
  readonly #deps: SlicesDeps;

  constructor(deps: SlicesDeps) {
    this.#deps = deps;
  }

  read(file: TailedFile, limits: SliceLimits): SliceRead {
    const deadline = this.#deps.monotonic() + SLICE_MS;
    const mayContinue = (): boolean => this.#deps.monotonic() < deadline;
    const opened = this.#deps.readers.open(file, mayContinue);
    if (opened.kind === 'warming') return { kind: 'again' };
    if (opened.kind !== 'ready') return opened;
    const { reader, extractor } = opened;
    if (reader.longLine !== undefined) return this.#readLongLine(file, reader, extractor, mayContinue);
    if (!this.#hasCompleteLine(file, reader)) return this.#readUnterminated(file, reader, extractor);

    const sink = this.#sinkFor(file, reader);
    const from = file.positions.cursor.offset;
    const lines = this.#deps.splitter.readLines(reader.fd, from, (bytes, start, end) => {
      sink.line = { bytes, start, end };
      extractor.line(bytes, start, end, sink);
      return !sink.isFull(limits) && mayContinue();
    });
    file.scannedTo = lines.scannedTo;
    // The end that a read met is newer than any look: were it only a look's, a shrunk file would be read for ever.
    file.size = lines.stop === 'end' ? lines.scannedTo : Math.max(file.size, lines.scannedTo);
    if (lines.to > from) return { kind: 'slice', slice: this.#finish(file, reader, sink, lines.to) };
    if (lines.stop === 'long') {
      reader.longLine = new LongLineScan(from);
      return { kind: 'again' };
    }
    return this.#readUnterminated(file, reader, extractor);
  }

  /** Of an unterminated line only the bytes that were not seen yet are searched for its newline. */
  #hasCompleteLine(file: TailedFile, reader: Reader): boolean {
    if (file.scannedTo <= file.positions.cursor.offset) return true;
    if (file.scannedTail !== readTailHash(this.#deps.files, reader.fd, file.scannedTo)) {
      file.scannedTo = 0; // Cut and written anew, maybe to the same size.
      return true;
    }
    const newline = this.#deps.splitter.findNewline(reader.fd, file.scannedTo);
    file.scannedTo = newline.scannedTo;
    if (newline.at === undefined) file.size = newline.scannedTo;
    return newline.at !== undefined;
  }

  #readLongLine(file: TailedFile, reader: Reader, extractor: Extractor, mayContinue: () => boolean): SliceRead {
    const scan = reader.longLine;
    if (scan === undefined) return NOTHING;
    let step = scan.step(this.#deps.files, reader.fd);
    while (step === 'more' && mayContinue()) step = scan.step(this.#deps.files, reader.fd);
    file.scannedTo = scan.scannedTo;
    if (step === 'more') return { kind: 'again' };
    if (step === 'end') {
      file.size = scan.scannedTo;
      return this.#readUnterminated(file, reader, extractor);
    }
    reader.longLine = undefined;
    if (scan.start >= file.countedTo) {
      this.#deps.badLines.record({ gen: file.gen, path: file.path, offset: scan.start, reason: 'line_too_long', ...step });
    }
    return { kind: 'slice', slice: this.#finish(file, reader, this.#sinkFor(file, reader), scan.scannedTo + 1) };
  }

  /** The last line of a file that no longer exists will never get its newline: it counts if it parses. */
  #readUnterminated(file: TailedFile, reader: Reader, extractor: Extractor): SliceRead {
    const from = file.positions.cursor.offset;
    const to = scannedEnd(file);
    if (to > from) file.scannedTail = readTailHash(this.#deps.files, reader.fd, to) ?? '';
    if (file.presence !== 'gone' || to <= from) return NOTHING;
    const bytes = to - from > LINE_BYTES ? undefined : readRange(this.#deps.files, reader.fd, from, to);
    if (bytes === undefined || !isJson(bytes)) {
      file.gap = {
        gen: file.gen, path: file.path, from, to,
        t_from: file.lastTimestamp, t_to: '', reason: 'unterminated',
      };
      this.#deps.lost(file.gap);
      return NOTHING;
    }
    const sink = this.#sinkFor(file, reader);
    sink.line = { bytes, start: from, end: to };
    extractor.line(bytes, from, to, sink);
    return { kind: 'slice', slice: this.#finish(file, reader, sink, to) };
  }

  #sinkFor(file: TailedFile, reader: Reader): SliceSink {
    const sink: SliceSink = new SliceSink({
      unknown: (type) => {
        if (sink.line.start >= file.countedTo) this.#deps.countUnknown(type);
      },
      bad: (from, to, reason) => {
        if (from < file.countedTo) return;
        const bytes = this.#badBytes(sink, reader, from, to);
        this.#deps.badLines.record({
          gen: file.gen, path: file.path, offset: from, length: to - from, reason,
          hash: createHash('sha256').update(bytes).digest('hex'), head: bytes,
        });
      },
    });
    return sink;
  }

  /** Held lines are reported when they are given up: their bytes are behind us. */
  #badBytes(sink: SliceSink, reader: Reader, from: number, to: number): Buffer {
    const { bytes, start, end } = sink.line;
    if (from >= start && to <= end) return bytes.subarray(from - start, to - start);
    return readRange(this.#deps.files, reader.fd, from, Math.min(to, from + LINE_BYTES)) ?? Buffer.alloc(0);
  }

  #finish(file: TailedFile, reader: Reader, sink: SliceSink, to: number): Slice {
    const cursor = file.positions.cursor;
    const tail = hashBytes(readRange(this.#deps.files, reader.fd, Math.max(0, to - TAIL_HASH_BYTES), to) ?? Buffer.alloc(0));
    const receipt: SliceReceipt = { gen: file.gen, from: cursor.offset, to };
    file.prefix = extendPrefix(this.#deps.files, reader.fd, file.prefix, to);
    file.positions.advance(receipt, { offset: to, tail, carry: JSON.stringify(reader.extractor?.carry() ?? null) });
    reader.extractedTo = to;
    file.countedTo = Math.max(file.countedTo, to);
    if (sink.lastTimestamp !== '') file.lastTimestamp = sink.lastTimestamp;
    return {
      file: {
        gen: file.gen, path: file.path, born_at: file.birthMs,
        from: cursor.offset, to, prev: cursor.tail, tail, events: sink.printed.length,
      },
      printed: sink.printed, printedBytes: sink.printedBytes, states: sink.states, edges: sink.edges,
      ...(cursor.offset < file.replaceUntil ? { entries: sink.entries } : {}),
      receipt,
    };
  }
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
