import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { ExtractionSink, Extractor, SourceFile, SourceKind } from '../../../agent/extraction.ts';
import { formatEventId } from './line-event.ts';

/** One event per line, its ID from the line's content; `bad…` lines are bad, `deep…` cannot be printed. */
export function lineSource(roots: readonly string[], options: { onLine?: (file: SourceFile, text: string) => void } = {}): SourceKind {
  return {
    name: 'event-log',
    roots,
    matches: (path) => basename(path).endsWith('.jsonl'),
    open: (file, carry) => {
      if (carry !== undefined && (typeof carry !== 'object' || carry === null || Array.isArray(carry) || carry['v'] !== 1)) return undefined;
      const before = typeof carry === 'object' && carry !== null && !Array.isArray(carry) ? carry['lines'] : 0;
      return new LineExtractor(file, typeof before === 'number' ? before : 0, options.onLine);
    },
  };
}

class LineExtractor implements Extractor {
  readonly #file: SourceFile;
  readonly #onLine: ((file: SourceFile, text: string) => void) | undefined;
  #lines: number;

  constructor(file: SourceFile, lines: number, onLine?: (file: SourceFile, text: string) => void) {
    this.#file = file;
    this.#lines = lines;
    this.#onLine = onLine;
  }

  line(bytes: Buffer, start: number, end: number, sink: ExtractionSink): void {
    const text = bytes.toString();
    this.#onLine?.(this.#file, text);
    this.#lines += 1;
    sink.entry(text);
    if (text.startsWith('bad')) return sink.bad(start, end, 'not_json');
    if (text.startsWith('unknown')) return sink.unknown(text);
    if (text.startsWith('type ')) return sink.unknown(text.slice('type '.length));
    if (text.startsWith('state')) {
      sink.state({ gen: this.#file.gen, offset: start, after: '', session_id: 's', key: 'k', value: text });
      return;
    }
    if (text.startsWith('nothing')) return;
    sink.event({ ...formatEventId(createHash('sha1').update(text).digest('hex')), line: text, nth: this.#lines });
  }

  carry(): { v: number; lines: number } {
    return { v: 1, lines: this.#lines };
  }
}
