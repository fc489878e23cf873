/** A session's file as a conversation: each thing once, tools with what they gave. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readStrings } from '../../shared/session-file/entry-line.ts';
import { eachLine } from '../../shared/session-file/file-lines.ts';
import { parseEntry, textOf } from '../../shared/json-line.ts';
import type { TranscriptItem } from '../../shared/transcript-document.ts';
import { inputWords, readItems, type Item } from './items.ts';

export interface Transcript {
  title: string | null;
  cwd: string | null;
  unreadableLines: number;
  items: TranscriptItem[];
}

const SHOWN_CHARACTERS = 10_000;
/** Beyond this a line is not taken apart: no conversation has it, and parsing it takes many times its size. */
const LONGEST_SHOWN = 32 * 1024 * 1024;
const TITLES = ['"custom-title"', '"ai-title"', '"summary"'] as const;

export function readTranscript(file: string): Transcript {
  const fd = openSync(file, 'r');
  try {
    const reading = createReading();
    eachLine(fd, { from: 0, until: fstatSync(fd).size }, (line) => reading.take(line));
    return reading.finish();
  } finally {
    closeSync(fd);
  }
}

function createReading(): { take(line: Buffer): void; finish(): Transcript } {
  const items: TranscriptItem[] = [];
  const seen = new Set<string>();
  const tools = new Map<string, Extract<TranscriptItem, { kind: 'tool' }>>();
  const titles = new Map<string, string>();
  let [cwd, unreadableLines]: [string | null, number] = [null, 0];
  return {
    take(line) {
      if (line.length === 0) return;
      const strings = line.length > LONGEST_SHOWN ? undefined : readStrings(line);
      if (strings === undefined) {
        unreadableLines += 1;
        return;
      }
      cwd ??= strings.cwd ?? null;
      if (TITLES.some((type) => type === `"${strings.type ?? ''}"`)) keepTitle(line, titles);
      // Some programs write a line many times over.
      if (strings.uuid !== undefined && seen.has(strings.uuid)) return;
      if (strings.uuid !== undefined) seen.add(strings.uuid);
      const { timestamp = null, uuid = null, items: said = [] } = readItems(line) ?? {};
      for (const item of said) addItem(item, { at: timestamp, uuid }, items, tools);
    },
    finish: () => ({ title: titles.get('custom-title') ?? titles.get('ai-title') ?? titles.get('summary') ?? null, cwd, unreadableLines, items }),
  };
}

function keepTitle(line: Buffer, titles: Map<string, string>): void {
  const entry = parseEntry(line.toString('utf8'));
  const title = entry && (textOf(entry, 'customTitle') ?? textOf(entry, 'aiTitle') ?? textOf(entry, 'summary') ?? textOf(entry, 'title'));
  if (entry && title !== undefined) titles.set(textOf(entry, 'type') ?? '', title);
}

type Where = { at: string | null; uuid: string | null };

function addItem(item: Item, where: Where, items: TranscriptItem[], tools: Map<string, Extract<TranscriptItem, { kind: 'tool' }>>): void {
  if (item.kind === 'said') {
    items.push({ kind: 'said', ...where, said: item.said, origin: item.origin, text: item.text, has_image: item.hasImage });
  } else if (item.kind === 'tool_use') {
    const tool = { kind: 'tool' as const, ...where, tool: item.tool, summary: inputWords(item.input), input: item.input, result: null };
    tools.set(item.toolId, tool);
    items.push(tool);
  } else if (item.kind === 'tool_result') {
    const tool = tools.get(item.toolId);
    if (tool) tool.result ??= { text: item.text.slice(0, SHOWN_CHARACTERS), length: item.text.length, is_error: item.isError };
  } else {
    items.push({ kind: item.kind, ...where, text: item.text });
  }
}
