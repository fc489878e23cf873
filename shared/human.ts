/**
 * Who is behind an entry: a person, a script in their name, or the harness
 * itself. Counting tool results, reminders and notifications as prompts is the
 * commonest error in this field; on real logs 94 % of `user` entries are tool
 * results. The tests are applied in a fixed order, the first that hits decides.
 */
import { blocksOf, objectOf, textOf, type Entry } from './json-line.ts';
import type { JsonValue, UserMessageKind, UserMessageOrigin } from './event.ts';

export interface Said {
  is: 'said';
  kind: UserMessageKind;
  origin: UserMessageOrigin;
  text: string;
  /** UTF-8 bytes of the words. */
  length: number;
  hasImage: boolean;
}

export type Verdict = Said | { is: 'tool_result' } | { is: 'harness' } | { is: 'unreadable' };

const HARNESS: Verdict = { is: 'harness' };

/** How the harness begins what it writes in the name of the user. */
const HARNESS_PREFIXES = [
  '<task-notification', '[SYSTEM NOTIFICATION', '<teammate-message', '<agent-message', '<local-command-stdout',
  '<local-command-stderr', '<local-command-caveat', '<bash-stdout', '<bash-stderr', '<user-prompt-submit-hook',
  'Stop hook feedback:', 'Caveat:',
];
const HUMAN_SOURCES: ReadonlySet<string> = new Set(['typed', 'queued', 'suggestion_accepted']);
/** Entry points where a person sits in front of the program that speaks through the SDK. */
const ATTENDED_ENTRYPOINTS = /^claude-(vscode|desktop|jetbrains|intellij)/;
const REMINDER_OPEN = '<system-reminder>';
const REMINDER_CLOSE = '</system-reminder>';
const COMMAND_TAG = /<command-(name|message|args|contents?)>([\s\S]*?)<\/command-\1>/g;
const IDE_WRAPPER = /<ide_(opened_file|selection)>[\s\S]*?<\/ide_\1>/g;
const INTERRUPT = '[Request interrupted by user';

/** Where the entry stands: what the file says about it besides its own keys. */
export interface Standing {
  /** In a subagent's file, or marked as a side chain. */
  sidechain: boolean;
}

/** The verdict on a `user` entry or a queued prompt with this content. */
export function judge(entry: Entry, content: JsonValue | undefined, standing: Standing): Verdict {
  if (holdsToolResult(entry, content)) return { is: 'tool_result' };
  const originKind = originKindOf(entry);
  const source = textOf(entry, 'promptSource');
  if (standing.sidechain && originKind !== 'human' && source !== 'typed' && source !== 'queued') return HARNESS;
  if (entry['isCompactSummary'] === true || entry['isVisibleInTranscriptOnly'] === true) return HARNESS;
  if (entry['isMeta'] === true) return HARNESS;
  if (typeof content !== 'string' && !Array.isArray(content)) return { is: 'unreadable' };
  if (originKind !== undefined) return originKind === 'human' ? said(content, 'human') : HARNESS;
  if (source !== undefined) return judgeBySource(source, entry, content);
  return judgeByText(entry, content);
}

function originKindOf(entry: Entry): string | undefined {
  const origin = objectOf(entry, 'origin');
  return origin === undefined ? undefined : textOf(origin, 'kind');
}

function holdsToolResult(entry: Entry, content: JsonValue | undefined): boolean {
  if (entry['toolUseResult'] !== undefined || entry['sourceToolAssistantUUID'] !== undefined) return true;
  return Array.isArray(content) && blocksOf(content).some((block) => block['type'] === 'tool_result');
}

function judgeBySource(source: string, entry: Entry, content: JsonValue): Verdict {
  if (HUMAN_SOURCES.has(source)) return said(content, 'human');
  return source === 'sdk' ? said(content, originByEntrypoint(entry)) : HARNESS;
}

/** Programs name themselves `sdk-cli` (`claude -p`), `sdk-ts`, …; older versions name nobody. */
export function originByEntrypoint(entry: Entry): UserMessageOrigin {
  const entrypoint = textOf(entry, 'entrypoint');
  if (entrypoint !== undefined && ATTENDED_ENTRYPOINTS.test(entrypoint)) return 'human';
  const bySdk = textOf(entry, 'promptSource') === 'sdk' || entrypoint?.startsWith('sdk') === true;
  return bySdk ? 'script' : 'human';
}

function judgeByText(entry: Entry, content: JsonValue): Verdict {
  const text = withoutReminders(wordsOf(content).text);
  if (HARNESS_PREFIXES.some((prefix) => text.startsWith(prefix))) return HARNESS;
  if (textOf(entry, 'interruptedMessageId') !== undefined) {
    return { is: 'said', kind: 'interrupt', origin: 'human', text, length: Buffer.byteLength(text), hasImage: false };
  }
  return said(content, originByEntrypoint(entry));
}

/** Somebody said it: what kind of thing is it? */
function said(content: JsonValue, origin: UserMessageOrigin): Verdict {
  const words = wordsOf(content);
  const text = withoutReminders(words.text);
  if (text.startsWith(INTERRUPT)) return spoken('interrupt', text, { origin, hasImage: false });
  const command = slashCommandOf(text);
  if (command !== undefined) return spoken('command', command, { origin, hasImage: words.hasImage });
  if (text.startsWith('<bash-input>')) {
    return spoken('shell', text.replace(/^<bash-input>([\s\S]*?)(<\/bash-input>)?\s*$/, '$1'), { origin, hasImage: false });
  }
  const bare = text.startsWith('<ide_') ? withoutReminders(text.replace(IDE_WRAPPER, '')) : text;
  if (bare === '' && !words.hasImage) return HARNESS;
  if (bare !== words.text.replace(LEADING_BLANK, '')) return spoken('prompt', bare, { origin, hasImage: words.hasImage });
  // Nothing taken off: as typed, and its blocks counted without what we put between them.
  return { is: 'said', kind: 'prompt', origin, ...words };
}

function spoken(kind: UserMessageKind, text: string, more: { origin: UserMessageOrigin; hasImage: boolean }): Said {
  return { is: 'said', kind, text, length: Buffer.byteLength(text), ...more };
}

interface Words {
  text: string;
  length: number;
  hasImage: boolean;
}

export function wordsOf(content: JsonValue | undefined): Words {
  const texts: string[] = [];
  let hasImage = false;
  for (const block of blocksOf(content)) {
    const text = block['type'] === 'text' ? block['text'] : undefined;
    if (typeof text === 'string') texts.push(text);
    if (block['type'] === 'image') hasImage = true;
  }
  return { text: texts.join('\n'), length: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0), hasImage };
}

const LEADING_BLANK = /^[\s\uFEFF]+/;

/** Without leading blanks and the reminders that the harness puts before what somebody typed. */
function withoutReminders(text: string): string {
  let rest = text.replace(LEADING_BLANK, '');
  while (rest.startsWith(REMINDER_OPEN)) {
    const end = rest.indexOf(REMINDER_CLOSE);
    if (end === -1) return '';
    rest = rest.slice(end + REMINDER_CLOSE.length).replace(LEADING_BLANK, '');
  }
  return rest;
}

/** `/name args` where the text is nothing but a command's tags. */
function slashCommandOf(text: string): string | undefined {
  if (!text.startsWith('<command-name>') && !text.startsWith('<command-message>')) return undefined;
  if (text.replace(COMMAND_TAG, '').trim() !== '') return undefined;
  const tags = new Map([...text.matchAll(COMMAND_TAG)].map(([, name = '', value = '']) => [name, value.trim()]));
  const name = tags.get('name') ?? tags.get('message') ?? '';
  const command = `${name.startsWith('/') ? '' : '/'}${name}`;
  const args = tags.get('args') ?? '';
  return args === '' ? command : `${command} ${args}`;
}
