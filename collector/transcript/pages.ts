/**
 * A conversation in pages, out of a file that may be large and grow: kept is where
 * each item stands, not what it says, and only what was appended is read again.
 */
import { fstatSync } from 'node:fs';
import { markOf } from '../../shared/protocol/archive-mark.ts';
import { openRegular, readAt } from '../../shared/regular-file.ts';
import { eachLine } from '../../shared/session-file/file-lines.ts';
import { PAGE_TEXT_CHARACTERS, type TranscriptItem, type TranscriptPageItem } from '../../shared/transcript-document.ts';
import { createConversation, readSaid, toResult, toTranscriptItem, type Conversation, type ConversationFacts, type Said } from './conversation.ts';

export interface TranscriptPart extends ConversationFacts {
  items: TranscriptPageItem[];
  /** Number of the first of them, from 1. */
  first: number;
  count: number;
  /** Number of the first item of the entry that was asked for. */
  place: number | null;
}

export interface PartWanted {
  /** At most so many. */
  items: number;
  /** The last of those before the item of this number. */
  before: number;
  /** Instead: those around this entry, where it is there. */
  uuid: string | undefined;
}

export interface TranscriptPages {
  /** Undefined: there is no such file any more. */
  part(path: string, wanted: PartWanted): TranscriptPart | undefined;
  /** One whole; undefined: there is none of this number. */
  item(path: string, number: number): TranscriptPageItem | undefined;
}

interface Place {
  /** Bytes of its line. */
  start: number;
  length: number;
  /** Of the items of its line. */
  at: number;
}

interface PlacedItem extends Place {
  /** Where it stands what a tool gave. */
  result: Place | undefined;
}

interface Indexed {
  inode: number;
  /** Read up to here, and what says that this is still the same. */
  offset: number;
  mark: string;
  conversation: Conversation;
  items: PlacedItem[];
  /** Index in `items` by the ID of a tool's use, and by the entry. */
  tools: Map<string, number>;
  entries: Map<string, number>;
}

/** Files whose places are kept. */
const KEPT_FILES = 8;
const WHOLE_CHARACTERS = 1_000_000;

export function createTranscriptPages(): TranscriptPages {
  const kept = new Map<string, Indexed>();
  const reading = <T>(path: string, read: (fd: number, indexed: Indexed) => T): T | undefined => {
    const file = openRegular(path);
    if (file === undefined) return undefined;
    try {
      const indexed = bringUpToDate(file.fd, kept.get(path));
      kept.delete(path);
      kept.set(path, indexed);
      for (const oldest of [...kept.keys()].slice(0, -KEPT_FILES)) kept.delete(oldest);
      return read(file.fd, indexed);
    } finally {
      file.close();
    }
  };
  return {
    part: (path, wanted) => reading(path, (fd, indexed) => partOf(fd, indexed, wanted)),
    item: (path, number) => reading(path, (fd, { items }) => {
      const placed = items[number - 1];
      return placed && createItemReader(fd, WHOLE_CHARACTERS)(placed);
    }),
  };
}

function bringUpToDate(fd: number, known: Indexed | undefined): Indexed {
  const { ino: inode, size } = fstatSync(fd);
  const read = (from: number, length: number): Buffer => readAt(fd, from, length);
  const isSame = known !== undefined && known.inode === inode && known.offset <= size && markOf(known.offset, read) === known.mark;
  const indexed = isSame ? known : { inode, offset: 0, mark: '', conversation: createConversation(), items: [], tools: new Map(), entries: new Map() };
  if (isSame && size === indexed.offset) return indexed;
  indexed.offset = eachLine(fd, { from: indexed.offset, until: size }, (line, start) => {
    const said = indexed.conversation.take(line);
    if (said) place(said, { start, length: line.length }, indexed);
  });
  indexed.mark = markOf(indexed.offset, read) ?? '';
  return indexed;
}

function place({ uuid, items: said }: Said, line: Pick<Place, 'start' | 'length'>, { items, tools, entries }: Indexed): void {
  for (const [at, item] of said.entries()) {
    const index = item.kind === 'tool_result' ? tools.get(item.toolId) : items.length;
    const tool = item.kind === 'tool_result' && index !== undefined ? items[index] : undefined;
    if (tool) tool.result ??= { ...line, at };
    if (item.kind !== 'tool_result') items.push({ ...line, at, result: undefined });
    if (item.kind === 'tool_use') tools.set(item.toolId, items.length - 1);
    if (uuid !== null && index !== undefined && !entries.has(uuid)) entries.set(uuid, index);
  }
}

function partOf(fd: number, { items, entries, conversation }: Indexed, { items: most, before, uuid }: PartWanted): TranscriptPart {
  const found = uuid === undefined ? undefined : entries.get(uuid);
  const end = Math.min(items.length, found === undefined ? before - 1 : Math.max(most, found + Math.ceil(most / 2)));
  const from = Math.max(0, end - most);
  return {
    ...conversation.facts(), items: items.slice(from, end).map(createItemReader(fd, PAGE_TEXT_CHARACTERS)),
    first: from + 1, count: items.length, place: found === undefined ? null : found + 1,
  };
}

/** Items of one line follow each other: it is read once. */
function createItemReader(fd: number, characters: number): (placed: PlacedItem) => TranscriptPageItem {
  let last: { start: number; said: Said | undefined } | undefined;
  const saidAt = ({ start, length }: Place): Said | undefined => {
    if (last?.start !== start) last = { start, said: readSaid(readAt(fd, start, length)) };
    return last.said;
  };
  return (placed) => {
    const said = saidAt(placed);
    const item = said?.items[placed.at];
    // The file was written over just now: the next look begins anew.
    if (!said || !item || item.kind === 'tool_result') return { item: { kind: 'text', at: null, uuid: null, text: '' }, is_cut: false };
    const shown = cut(toTranscriptItem(item, said), characters);
    if (placed.result === undefined || shown.item.kind !== 'tool') return shown;
    const gave = readSaid(readAt(fd, placed.result.start, placed.result.length))?.items[placed.result.at];
    if (gave?.kind !== 'tool_result') return shown;
    const result = toResult(gave, characters);
    return { item: { ...shown.item, result }, is_cut: shown.is_cut || result.length > result.text.length };
  };
}

function cut(item: TranscriptItem, characters: number): TranscriptPageItem {
  if (item.kind !== 'tool') return { item: { ...item, text: item.text.slice(0, characters) }, is_cut: item.text.length > characters };
  let isCut = false;
  const input: unknown = JSON.parse(JSON.stringify(item.input), (_key, value: unknown) => {
    if (typeof value !== 'string' || value.length <= characters) return value;
    isCut = true;
    return value.slice(0, characters);
  });
  // Of many short ones: only what tells most.
  const isLong = JSON.stringify(input).length > 4 * characters;
  const summary = item.summary.slice(0, characters);
  return { item: { ...item, summary, input: isLong ? {} : toRecord(input) }, is_cut: isCut || isLong || summary !== item.summary };
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
