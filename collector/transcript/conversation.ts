/** The lines of a session's file as a conversation: what each says for the first time, and what all of them tell of the session. */
import { readStrings } from '../../shared/session-file/entry-line.ts';
import { parseEntry, textOf } from '../../shared/json-line.ts';
import type { TranscriptItem } from '../../shared/transcript-document.ts';
import { inputWords, readItems, type Item } from './items.ts';

export interface ConversationFacts {
  title: string | null;
  cwd: string | null;
  unreadableLines: number;
}

/** Of one line. */
export interface Said {
  /** As the entry prints it. */
  at: string | null;
  uuid: string | null;
  items: Item[];
}

export interface Conversation {
  /** Of one line after the other; undefined: it says nothing, or nothing new. */
  take(line: Buffer): Said | undefined;
  facts(): ConversationFacts;
}

/** Beyond this a line is not taken apart: no conversation has it, and parsing it takes many times its size. */
const LONGEST_SHOWN = 32 * 1024 * 1024;
const TITLES = ['"custom-title"', '"ai-title"', '"summary"'] as const;

export function createConversation(): Conversation {
  const seen = new Set<string>();
  const titles = new Map<string, string>();
  let [cwd, unreadableLines]: [string | null, number] = [null, 0];
  return {
    take(line) {
      if (line.length === 0) return undefined;
      const strings = line.length > LONGEST_SHOWN ? undefined : readStrings(line);
      if (strings === undefined) {
        unreadableLines += 1;
        return undefined;
      }
      cwd ??= strings.cwd ?? null;
      if (TITLES.some((type) => type === `"${strings.type ?? ''}"`)) keepTitle(line, titles);
      // Some programs write a line many times over.
      if (strings.uuid !== undefined && seen.has(strings.uuid)) return undefined;
      if (strings.uuid !== undefined) seen.add(strings.uuid);
      return readSaid(line);
    },
    facts: () => ({ title: titles.get('custom-title') ?? titles.get('ai-title') ?? titles.get('summary') ?? null, cwd, unreadableLines }),
  };
}

/** What a line says, whether or not another said it before. */
export function readSaid(line: Buffer): Said | undefined {
  const entry = readItems(line);
  return entry && { at: entry.timestamp ?? null, uuid: entry.uuid ?? null, items: entry.items };
}

function keepTitle(line: Buffer, titles: Map<string, string>): void {
  const entry = parseEntry(line.toString('utf8'));
  const title = entry && (textOf(entry, 'customTitle') ?? textOf(entry, 'aiTitle') ?? textOf(entry, 'summary') ?? textOf(entry, 'title'));
  if (entry && title !== undefined) titles.set(textOf(entry, 'type') ?? '', title);
}

export type ToolItem = Extract<TranscriptItem, { kind: 'tool' }>;
type ToolResult = Extract<Item, { kind: 'tool_result' }>;

/** As it is shown; a tool without what it gave. */
export function toTranscriptItem(item: Exclude<Item, ToolResult>, where: Pick<Said, 'at' | 'uuid'>): TranscriptItem {
  const { at, uuid } = where;
  if (item.kind === 'said') return { kind: 'said', at, uuid, said: item.said, origin: item.origin, text: item.text, has_image: item.hasImage };
  if (item.kind === 'tool_use') return { kind: 'tool', at, uuid, tool: item.tool, summary: inputWords(item.input), input: item.input, result: null };
  return { kind: item.kind, at, uuid, text: item.text };
}

export function toResult({ text, isError }: ToolResult, characters: number): NonNullable<ToolItem['result']> {
  return { text: text.slice(0, characters), length: text.length, is_error: isError };
}
