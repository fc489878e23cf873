/**
 * Keeps the search index up with the archive: what was appended is read from
 * where it was left, what was written anew is read again, what is gone is taken
 * out. In slices, so that whoever runs it can stop, or leave the machine to others.
 */
import { readSync } from 'node:fs';
import { join } from 'node:path';
import { parseArchiveName } from '../../shared/archive-name.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import { markOf } from '../../shared/protocol/archive-mark.ts';
import { openIfThere, readAt } from '../../shared/regular-file.ts';
import { eachLine } from '../../shared/session-file/file-lines.ts';
import { readStrings } from '../../shared/session-file/entry-line.ts';
import { ROLES } from '../../shared/search-document.ts';
import { parseTimestamp } from '../../shared/timestamp.ts';
import { directoriesIn, fileAt, sidecarsOf, transcriptsIn, type FoundFile } from '../session-files/session-files.ts';
import type { IndexedFile, Passage, SearchWriter } from '../store/search-index.ts';
import { readItems } from '../transcript/items.ts';
import { searchedText } from './searched-text.ts';

export interface IndexerDeps {
  archiveDir: string;
  index: SearchWriter;
  /** One file that cannot be read, or made sense of, keeps none of the others out; it is tried again at the next look. */
  onUnreadable(name: string, problem: string): void;
}

/** After each slice. */
export interface IndexProgress {
  doneBytes: number;
  /** All that this look has to read. */
  totalBytes: number;
}

/** Of one file and one transaction. */
const SLICE_BYTES = 1024 * 1024;
/** What is longer is no conversation: an image, or a whole file. */
const LONGEST_LINE = 8 * 1024 * 1024;
/** One of these stands in every line that says something; most lines of old logs hold none, and are not parsed. */
const SPEAKING = ['"type":"user"', '"type":"assistant"', '"queued_command"', '"local_command"'];

/** One look at the whole archive; stops between any two steps where the caller stops asking. */
export function* indexArchive({ archiveDir, index, onUnreadable }: IndexerDeps): Generator<IndexProgress, void> {
  const known = new Map(index.files().map((file) => [file.name, file]));
  const found = archivedFiles(archiveDir);
  const sessions = new Set([...found.values()].map(sessionOf));
  const gone = [...known.values()].filter(({ name }) => !found.has(name));
  for (const { file } of gone) index.empty(file);
  // One that only has another project's directory now is read again from there.
  const isForgotten = gone.some((file) => !sessions.has(sessionOf(file)));
  // A file is known until its words are gone from the disk: whoever is stopped in between finds here what is left to do.
  if (gone.length > 0 && (!isForgotten || index.purge())) index.drop(gone.map(({ file }) => file));
  // What is found first is what was written last: rows are in the order of writing.
  const changed = [...found.values()].filter(({ name, file }) => !isSeen(known.get(name), file)).sort((a, b) => a.file.mtimeMs - b.file.mtimeMs);
  const totalBytes = changed.reduce((sum, { name, file }) => sum + Math.max(0, file.bytes - (known.get(name)?.offset ?? 0)), 0);
  let doneBytes = 0;
  for (const archived of changed) {
    try {
      for (const read of indexFile(archived, known.get(archived.name), index)) {
        doneBytes += read;
        yield { doneBytes, totalBytes };
      }
    } catch (error) {
      // Of the index itself, or of its disk: no other file would fare better.
      if ((systemCode(error) ?? '').startsWith('SQLITE_')) throw error;
      onUnreadable(archived.name, messageOf(error));
    }
  }
}

interface ArchivedFile {
  name: string;
  machine: string;
  session: string;
  file: FoundFile;
}

/** Transcripts of sessions and their subagents, by name. */
function archivedFiles(archiveDir: string): Map<string, ArchivedFile> {
  const found = new Map<string, ArchivedFile>();
  for (const machine of directoriesIn(archiveDir)) {
    const projectsDir = join(archiveDir, machine, 'projects');
    for (const project of directoriesIn(projectsDir)) {
      const names = [...directoriesIn(join(projectsDir, project)).flatMap((session) => [...sidecarsOf({ projectsDir, project, sessionId: session }).keys()]), ...transcriptsIn(join(projectsDir, project))];
      for (const name of names) {
        const parsed = parseArchiveName(`${project}/${name}`);
        const file = fileAt(join(projectsDir, project, name));
        if (!parsed || !file || !isConversation(name)) continue;
        const whole = `${machine}/projects/${parsed.name}`;
        found.set(whole, { name: whole, machine, session: parsed.session, file });
      }
    }
  }
  return found;
}

const sessionOf = ({ machine, session }: { machine: string; session: string }): string => `${machine}/${session}`;
const isConversation = (name: string): boolean => name.endsWith('.jsonl') && !name.endsWith('/journal.jsonl');

function isSeen(known: IndexedFile | undefined, { bytes, mtimeMs }: FoundFile): boolean {
  return known !== undefined && known.size === bytes && known.mtime === mtimeMs;
}

/** Yields the bytes read with each slice. */
function* indexFile({ name, machine, session, file: { path } }: ArchivedFile, known: IndexedFile | undefined, index: SearchWriter): Generator<number> {
  const open = openIfThere(path);
  if (open === undefined) return;
  const { fd, stat: { size, mtimeMs: mtime } } = open;
  try {
    const indexed = known ?? index.add({ name, machine, session });
    let offset = indexed.offset;
    if (offset > 0 && (offset > size || markOf(offset, reader(fd)) !== indexed.mark)) {
      index.empty(indexed.file);
      offset = 0;
    }
    for (;;) {
      const slice = readSlice(fd, offset, size);
      const isEnd = slice.to === offset || slice.to >= size;
      index.store(indexed.file, {
        passages: slice.passages, cwd: slice.cwd, offset: slice.to, mark: markOf(slice.to, reader(fd)) ?? '',
        // Only what was read to its end is seen.
        size: isEnd ? size : -1, mtime,
      });
      yield slice.to - offset;
      offset = slice.to;
      if (isEnd) return;
    }
  } finally {
    open.close();
  }
}

interface Slice {
  passages: Passage[];
  cwd: string | null;
  to: number;
}

function readSlice(fd: number, from: number, size: number): Slice {
  const passages: Passage[] = [];
  let cwd: string | null = null;
  const take = (line: Buffer, start: number): void => {
    if (line.length > LONGEST_LINE || !SPEAKING.some((mark) => line.includes(mark))) return;
    cwd ??= readStrings(line)?.cwd ?? null;
    passages.push(...passagesOf(line, start));
  };
  let to = eachLine(fd, { from, until: Math.min(size, from + SLICE_BYTES) }, take);
  // A line that is longer than a slice.
  if (to === from && from + SLICE_BYTES < size) to = eachLine(fd, { from, until: lineEnd(fd, from, size) }, take);
  return { passages, cwd, to };
}

function passagesOf(line: Buffer, start: number): Passage[] {
  const entry = readItems(line);
  if (!entry) return [];
  const timestamp = entry.timestamp === undefined ? undefined : parseTimestamp(entry.timestamp);
  const atMs = timestamp === undefined ? null : Date.parse(timestamp);
  return entry.items.flatMap((item, number) => {
    if (item.kind === 'thinking') return [];
    return [{ start, length: line.length, item: number, role: ROLES.indexOf(item.role), atMs, text: searchedText(item) }];
  });
}

function lineEnd(fd: number, from: number, size: number): number {
  const buffer = Buffer.allocUnsafe(SLICE_BYTES);
  for (let at = from + SLICE_BYTES; at < size; at += buffer.length) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), at);
    const newline = buffer.subarray(0, read).indexOf(10);
    if (newline !== -1) return at + newline + 1;
    if (read === 0) break;
  }
  return size;
}

function reader(fd: number): (from: number, length: number) => Buffer {
  return (from, length) => readAt(fd, from, length);
}
