/** All events of a source's files, read from their beginning without an agent: for `export` and `preview`. */
import { closeSync, openSync, readdirSync, readSync, statSync, type Dirent } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { SessionState, TtEvent } from '../shared/event.ts';
import { parseGeneration, type Generation } from '../shared/ids.ts';
import { LINE_BYTES } from '../shared/limits.ts';
import type { ExtractionSink, SourceKind } from './extraction.ts';

export interface StoredFile {
  path: string;
  source: SourceKind;
  mtimeMs: number;
}

/** What one line gave; `bytes` is lent and only good during the call. */
export interface LineFindings {
  bytes: Buffer;
  events: readonly TtEvent[];
  states: readonly SessionState[];
}

/** Below every root of a source, by path. Directories that can not be read are left out. */
export function storedFiles(source: SourceKind): StoredFile[] {
  const paths = source.roots.flatMap((root) => [...filesBelow(root)]).filter((path) => source.matches(path));
  return paths.sort().flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() === true ? [{ path, source, mtimeMs: stats.mtimeMs }] : [];
  });
}

function* filesBelow(directory: string): Generator<string> {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** Reads complete lines in order; `take` returns false to stop. */
export function readStoredLines({ path, source }: StoredFile, take: (findings: LineFindings) => boolean): void {
  const extractor = source.open({ gen: anyGeneration(), path }, undefined);
  if (extractor === undefined) return;
  forEachLine(path, (bytes, start, end) => {
    const events: TtEvent[] = [];
    const states: SessionState[] = [];
    extractor.line(bytes, start, end, collector(events, states));
    return take({ bytes, events, states });
  });
}

function collector(events: TtEvent[], states: SessionState[]): ExtractionSink {
  return {
    event: (event) => events.push(event),
    state: (state) => states.push(state),
    edge() {},
    entry() {},
    unknown() {},
    bad() {},
  };
}

function anyGeneration(): Generation {
  const gen = parseGeneration(randomBytes(16).toString('hex'));
  if (gen === undefined) throw new Error('the platform made no random bytes');
  return gen;
}

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Lines longer than the tailer takes are passed over, as there. */
function forEachLine(path: string, take: (bytes: Buffer, start: number, end: number) => boolean): void {
  const fd = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let pending: Buffer[] = [];
    let pendingBytes = 0;
    let start = 0;
    for (let offset = 0; ;) {
      const read = readSync(fd, chunk, 0, CHUNK_BYTES, offset);
      if (read === 0) return;
      let from = 0;
      for (let newline = chunk.indexOf(NEWLINE); newline !== -1 && newline < read; newline = chunk.indexOf(NEWLINE, from)) {
        const end = offset + newline;
        const rest = chunk.subarray(from, newline);
        const isTooLong = end - start > LINE_BYTES;
        if (!isTooLong && !take(pendingBytes === 0 ? rest : Buffer.concat([...pending, rest]), start, end)) return;
        pending = [];
        pendingBytes = 0;
        start = end + 1;
        from = newline + 1;
      }
      // Beyond the limit nothing more is kept: only its end is still looked for.
      if (pendingBytes <= LINE_BYTES) pending.push(Buffer.from(chunk.subarray(from, read)));
      pendingBytes += read - from;
      offset += read;
    }
  } finally {
    closeSync(fd);
  }
}
