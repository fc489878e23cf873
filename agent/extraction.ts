/**
 * What stands between bytes and events: a source kind says which files are its
 * own and turns their lines into events. The tailer knows no format, an
 * extractor knows no file system.
 */
import type { JsonValue, LineageEdge, SessionState, TtEvent } from '../shared/event.ts';
import type { Generation } from '../shared/ids.ts';

/** Where an extractor puts what a line gave. One sink collects one slice. */
export interface ExtractionSink {
  event(event: TtEvent): void;
  state(state: SessionState): void;
  edge(edge: LineageEdge): void;
  /** UUID of every entry read, event or not; only used after `rewind … replace`. */
  entry(uuid: string): void;
  /** Entry type (or `type/subtype`) that no rule knows: counted and shown, never an error. */
  unknown(type: string): void;
  /** Bytes `[from, to)` of the file hold nothing that parses. The file goes on behind them. */
  bad(from: number, to: number, reason: string): void;
}

/** Reads the lines of one generation in file order. Holds no bytes beyond its bounded carry-over. */
export interface Extractor {
  /**
   * One line without its newline, at `[start, end)` of the file. The buffer is
   * only lent: it is reused after the call. Never throws for what a line holds.
   */
  line(bytes: Buffer, start: number, end: number, sink: ExtractionSink): void;
  /**
   * Everything later lines depend on (cwd, session, held lines, open queue
   * entries), as JSON of ≤ 2 MiB, versioned. An extractor opened with it at the
   * same offset gives exactly the events it would have given without a restart.
   */
  carry(): JsonValue;
}

export interface SourceFile {
  gen: Generation;
  /** Path where it was found; its real content decides everything else. */
  path: string;
}

export interface SourceKind {
  readonly name: 'claude-code' | 'event-log' | 'status-log';
  /** Directories to watch, with all below them. They need not exist yet. */
  readonly roots: readonly string[];
  /** True: its files lie in the roots themselves, and what is below them does not matter to it. */
  readonly isFlat?: true;
  /** Is this path (below one of the roots) a file to tail? */
  matches(path: string): boolean;
  /** `carry` undefined: at offset 0. A carry of another version is refused by returning undefined: read from 0 instead. */
  open(file: SourceFile, carry: JsonValue | undefined): Extractor | undefined;
}
