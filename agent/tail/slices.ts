/** Reads the next slice of one generation: bytes, lines, events, and the marks at its end. */
import { createHash } from 'node:crypto';
import type { Extractor } from '../extraction.ts';
import type { Slice, SliceReceipt } from '../feed.ts';
import { LINE_BYTES } from '../../shared/limits.ts';
import type { BadLines } from './bad-lines.ts';
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { FileAccess } from './file-access.ts';
import { extendPrefix, readRange } from './generation.ts';
import type { LineSplitter } from './line-splitter.ts';
import { LongLineScan } from './long-line-scan.ts';
import type { Reader, Readers } from './readers.ts';
import { isAtPlace, placeAt, seamBytes, type Place, type ReadPlace } from './seam.ts';
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
const CHANGED = { kind: 'changed' } as const;

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
    if (!this.#mayHaveLine(file, reader)) return this.#readUnterminated(file, reader, extractor);
    const sink = this.#sinkFor(file, reader);
    return this.#readLines(file, { reader, extractor, sink }, () => !sink.isFull(limits) && mayContinue());
  }

  #readLines(file: TailedFile, { reader, extractor, sink }: { reader: Reader; extractor: Extractor; sink: SliceSink }, mayContinue: () => boolean): SliceRead {
    const from = file.positions.cursor;
    const { to, stop, scanned } = this.#deps.splitter.readLines(reader.fd, from, (bytes, start, end) => {
      sink.line = { bytes, start, end };
      extractor.line(bytes, start, end, sink);
      return mayContinue();
    });
    if (stop === 'changed' && to.offset === from.offset) return CHANGED;
    noteScanned(file, scanned, { isEnd: stop === 'end' });
    // What came before a change in the middle was read well; the next slice meets the change.
    if (stop === 'changed') file.verifiedMtimeMs = Number.NaN;
    if (to.offset > from.offset) return { kind: 'slice', slice: this.#finish(file, reader, sink, to) };
    if (stop === 'long') {
      reader.longLine = new LongLineScan(this.#deps.files, from);
      return { kind: 'again' };
    }
    return this.#readUnterminated(file, reader, extractor);
  }

  /** Of an unterminated line only the bytes that were not seen yet are searched for its newline. */
  #mayHaveLine(file: TailedFile, reader: Reader): boolean {
    if (file.scannedTo <= file.positions.cursor.offset) return true;
    const newline = this.#deps.splitter.findNewline(reader.fd, { offset: file.scannedTo, tail: file.scannedTail });
    if (newline.kind === 'none') noteScanned(file, newline.scanned, { isEnd: true });
    else file.scannedTo = 0; // The line is read whole; or its beginning was cut and written anew, maybe to the same size.
    return newline.kind !== 'none';
  }

  #readLongLine(file: TailedFile, reader: Reader, extractor: Extractor, mayContinue: () => boolean): SliceRead {
    const scan = reader.longLine;
    if (scan === undefined) return NOTHING;
    let step = scan.step(reader.fd);
    while (step.kind === 'more' && mayContinue()) step = scan.step(reader.fd);
    if (step.kind === 'changed') {
      reader.longLine = undefined;
      file.scannedTo = 0;
      return { kind: 'again' };
    }
    if (step.kind === 'line') {
      const { kind: _, to, ...line } = step;
      reader.longLine = undefined;
      noteScanned(file, to, { isEnd: false });
      if (scan.start >= file.countedTo) {
        this.#deps.badLines.record({ gen: file.gen, path: file.path, offset: scan.start, reason: 'line_too_long', ...line });
      }
      return { kind: 'slice', slice: this.#finish(file, reader, this.#sinkFor(file, reader), to) };
    }
    noteScanned(file, scan.scanned, { isEnd: step.kind === 'end' });
    return step.kind === 'end' ? this.#readUnterminated(file, reader, extractor) : { kind: 'again' };
  }

  /** The last line of a file that no longer exists will never get its newline: it counts if it parses. */
  #readUnterminated(file: TailedFile, reader: Reader, extractor: Extractor): SliceRead {
    const from = file.positions.cursor;
    const end = scannedEnd(file);
    if (file.presence !== 'gone' || end <= from.offset) return NOTHING;
    const before = seamBytes(from.offset);
    const bytes = end - from.offset > LINE_BYTES ? undefined : readRange(this.#deps.files, reader.fd, from.offset - before, end);
    if (bytes !== undefined && !isAtPlace(from, bytes.subarray(0, before))) return CHANGED;
    const line = bytes?.subarray(before);
    if (bytes === undefined || line === undefined || !isJson(line)) {
      file.gap = {
        gen: file.gen, path: file.path, from: from.offset, to: end,
        t_from: file.lastTimestamp, t_to: '', reason: 'unterminated',
      };
      this.#deps.lost(file.gap);
      return NOTHING;
    }
    const sink = this.#sinkFor(file, reader);
    sink.line = { bytes: line, start: from.offset, end };
    extractor.line(line, from.offset, end, sink);
    return { kind: 'slice', slice: this.#finish(file, reader, sink, placeAt(bytes, bytes.length, end)) };
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

  /** The hash is of the bytes as they were read: were the file read again, it would vouch for whatever stands there by now. */
  #finish(file: TailedFile, reader: Reader, sink: SliceSink, { offset: to, tail }: ReadPlace): Slice {
    const cursor = file.positions.cursor;
    if (sink.lastTimestamp !== '') file.lastTimestamp = sink.lastTimestamp;
    const receipt: SliceReceipt = { gen: file.gen, from: cursor.offset, to, lastTimestamp: file.lastTimestamp };
    file.prefix = extendPrefix(this.#deps.files, reader.fd, file.prefix, to);
    file.positions.advance(receipt, { offset: to, tail, carry: JSON.stringify(reader.extractor?.carry() ?? null) });
    reader.extractedTo = to;
    file.countedTo = Math.max(file.countedTo, to);
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

/** The end that a read met is newer than any look: were it only a look's, a shrunk file would be read for ever. */
function noteScanned(file: TailedFile, scanned: Place, { isEnd }: { isEnd: boolean }): void {
  file.scannedTo = scanned.offset;
  file.scannedTail = scanned.tail ?? '';
  file.size = isEnd ? scanned.offset : Math.max(file.size, scanned.offset);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
