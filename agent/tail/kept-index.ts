/**
 * Which path each kept file had: one line in `kept/index.jsonl`, written before
 * the file is kept, so that `kept/` can be read without any checkpoint. A later
 * line about the same generation counts. Not synced: after a power cut the last
 * lines may be missing; such a file waits for its path to be found again.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { PRIVATE_FILE_MODE, writeFileAtomic, writeFully } from '../../shared/atomic-file.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';

export const KEPT_INDEX_NAME = 'index.jsonl';
/** Lines about files that are kept no more are cleared out once they are the most. */
const STALE_FACTOR = 2;
const STALE_MIN = 1000;

const lineSchema = z.object({ gen: z.string(), path: z.string() });

export interface KeptIndex {
  pathOf(gen: Generation): string | undefined;
  /** Throws the system's error when it cannot be written. */
  put(gen: Generation, path: string): void;
  forget(gen: Generation): void;
  /** Throws nothing: what cannot be tidied is tidied later. */
  tidy(): void;
  close(): void;
}

/** Throws nothing: an index that cannot be read is an empty one. */
export function openKeptIndex(directory: string): KeptIndex {
  const file = join(directory, KEPT_INDEX_NAME);
  const { paths, lines } = load(file);
  let lineCount = lines;
  let fd: number | undefined;

  function close(): void {
    const open = fd;
    fd = undefined;
    try {
      if (open !== undefined) closeSync(open);
    } catch {
      // Of a file system that died: nothing was waiting to be written.
    }
  }

  /** Of a file that somebody removed all lines are written again: one without a name is read by nobody. */
  function opened(): number {
    if (fd !== undefined && isNameless(fd)) close();
    if (fd !== undefined) return fd;
    fd = openSync(file, 'a', PRIVATE_FILE_MODE);
    if (paths.size > 0 && fstatSync(fd).size === 0) writeFully(fd, Buffer.from(printed(paths)));
    return fd;
  }

  return {
    pathOf: (gen) => paths.get(gen),
    put: (gen, path) => {
      if (paths.get(gen) === path) return;
      writeFully(opened(), Buffer.from(printed([[gen, path]])));
      paths.set(gen, path);
      lineCount += 1;
    },
    forget: (gen) => {
      paths.delete(gen);
    },
    tidy: () => {
      if (lineCount < paths.size * STALE_FACTOR + STALE_MIN) return;
      try {
        close();
        writeFileAtomic(file, printed(paths));
        lineCount = paths.size;
      } catch {
        lineCount = paths.size; // Not before as many again have come.
      }
    },
    close,
  };
}

function isNameless(fd: number): boolean {
  try {
    return fstatSync(fd).nlink === 0;
  } catch {
    return true;
  }
}

function printed(paths: Iterable<readonly [gen: Generation, path: string]>): string {
  return [...paths].map(([gen, path]) => `\n${JSON.stringify({ gen, path })}`).join('');
}

function load(file: string): { paths: Map<Generation, string>; lines: number } {
  const paths = new Map<Generation, string>();
  let lines = 0;
  for (const line of readText(file).split('\n')) {
    if (line === '') continue;
    lines += 1;
    const entry = parseLine(line);
    if (entry !== undefined) paths.set(entry.gen, entry.path);
  }
  return { paths, lines };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function parseLine(line: string): { gen: Generation; path: string } | undefined {
  try {
    const parsed = lineSchema.safeParse(JSON.parse(line));
    const gen = parsed.success ? parseGeneration(parsed.data.gen) : undefined;
    return gen === undefined || !parsed.success ? undefined : { gen, path: parsed.data.path };
  } catch {
    return undefined;
  }
}
