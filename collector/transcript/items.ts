/**
 * What one entry of a session's log says, block by block: what was said and by
 * whom, which tools were used and what they gave. State, progress and what the
 * harness tells itself is nothing.
 */
import { judge } from '../../shared/human.ts';
import { blocksOf, objectOf, parseEntry, textOf, wellFormed, type Entry, type JsonObject } from '../../shared/json-line.ts';
import type { JsonValue, UserMessageKind, UserMessageOrigin } from '../../shared/event.ts';

export type Item =
  | { kind: 'said'; role: 'user'; said: UserMessageKind; origin: UserMessageOrigin; text: string; hasImage: boolean }
  | { kind: 'text' | 'thinking'; role: 'assistant'; text: string }
  /** A summary that stands for what was before it. */
  | { kind: 'summary'; role: 'assistant'; text: string }
  | { kind: 'tool_use'; role: 'tool'; toolId: string; tool: string; input: JsonObject }
  | { kind: 'tool_result'; role: 'tool'; toolId: string; text: string; isError: boolean };

export interface EntryItems {
  uuid: string | undefined;
  /** As the entry prints it. */
  timestamp: string | undefined;
  items: Item[];
}

export function readItems(line: Buffer): EntryItems | undefined {
  const entry = parseEntry(line.toString('utf8'));
  if (entry === undefined) return undefined;
  const items = itemsOf(entry);
  return { uuid: textOf(entry, 'uuid'), timestamp: textOf(entry, 'timestamp'), items };
}

function itemsOf(entry: Entry): Item[] {
  const content = objectOf(entry, 'message')?.['content'];
  if (entry['type'] === 'assistant') return blocksOf(content).flatMap(assistantItem);
  if (entry['type'] === 'user') return [...blocksOf(content).flatMap(resultItem), ...saidItem(entry, content)];
  const attachment = objectOf(entry, 'attachment');
  if (entry['type'] === 'attachment' && attachment?.['type'] === 'queued_command') return saidItem({ ...entry, ...attachment }, attachment['prompt']);
  if (entry['type'] === 'system' && entry['subtype'] === 'local_command') return saidItem(entry, entry['content']);
  return [];
}

function assistantItem(block: JsonObject): Item[] {
  const { type, id, name, input } = block;
  if (type === 'text' || type === 'thinking') {
    const text = block[type];
    return typeof text === 'string' && text.trim() !== '' ? [{ kind: type, role: 'assistant', text }] : [];
  }
  if (type !== 'tool_use' && type !== 'server_tool_use') return [];
  return [{ kind: 'tool_use', role: 'tool', toolId: wordOf(id), tool: wordOf(name) || 'tool', input: isPlain(input) ? input : {} }];
}

function resultItem(block: JsonObject): Item[] {
  if (block['type'] !== 'tool_result') return [];
  return [{ kind: 'tool_result', role: 'tool', toolId: wordOf(block['tool_use_id']), text: resultText(block['content']), isError: block['is_error'] === true }];
}

function resultText(content: JsonValue | undefined): string {
  return blocksOf(content).map((block) => {
    const text = block['text'];
    return typeof text === 'string' ? text : `[${wordOf(block['type'])}]`;
  }).join('\n');
}

/** A subagent's prompts were written by another session: its own words there count as said by a script. */
function saidItem(entry: Entry, content: JsonValue | undefined): Item[] {
  if (entry['isCompactSummary'] === true) {
    const text = blocksOf(content).map((block) => wordOf(block['text'])).join('\n');
    return text === '' ? [] : [{ kind: 'summary', role: 'assistant', text }];
  }
  const verdict = judge(entry, content, { sidechain: false });
  if (verdict.is !== 'said') return [];
  const { kind: said, text, hasImage } = verdict;
  const origin = entry['isSidechain'] === true && entry['promptSource'] === undefined ? 'script' : verdict.origin;
  return [{ kind: 'said', role: 'user', said, origin, text: wellFormed(text), hasImage }];
}

/** The part of a tool's input that tells most, on one line. */
export function inputWords(input: JsonObject): string {
  for (const key of ['command', 'file_path', 'notebook_path', 'path', 'pattern', 'query', 'url', 'description', 'prompt', 'skill']) {
    const value = input[key];
    if (typeof value === 'string' && value !== '') return value.split('\n')[0] ?? '';
  }
  const first = Object.values(input).find((value) => typeof value === 'string');
  return typeof first === 'string' ? (first.split('\n')[0] ?? '') : '';
}

/** All text of an item, as it is searched. */
export function itemText(item: Item): string {
  if (item.kind !== 'tool_use') return item.text;
  const texts: string[] = [];
  const open: JsonValue[] = [item.input];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') texts.push(next);
    // One by one: as arguments of one call, some hundred thousand are too many for the stack.
    else if (typeof next === 'object' && next !== null) for (const value of Object.values(next).toReversed()) open.push(value);
  }
  return [item.tool, ...texts].join('\n');
}

const wordOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
const isPlain = (value: JsonValue | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
