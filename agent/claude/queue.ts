/**
 * Prompts typed while the harness was busy, in versions before 2.1.97: they went
 * into a queue, and one that was taken up in the middle of a turn has no entry
 * but its `enqueue` and a `remove` that does not say what it removed. Later
 * versions write an entry for each; there the queue says nothing new.
 *
 * Limits: `remove` also means "taken back into the editor". A text that comes
 * again as the very next prompt is not counted twice; one that was changed
 * before it was sent is. What waits holds the beginning of a text only, and past
 * `QUEUED_BYTES` none: such a prompt counts, with its true length, without words.
 */
import { createHash } from 'node:crypto';
import type { JsonValue } from '../../shared/event.ts';
import { isObject, numberOf, textOf, timeOf, type Entry, type EntryTime, type JsonObject } from '../../shared/json-line.ts';
import { judge, wordsOf } from '../../shared/human.ts';
import { windowOfPrompt } from './outlet.ts';

/** A prompt that only the queue knows. */
export interface QueuedPrompt extends EntryTime {
  discriminator: string;
  sessionId: string;
  /** As much of it as is ever looked at, and the bytes that takes as JSON. */
  text: string;
  bytes: number;
  /** UTF-8 bytes of the whole text. */
  length: number;
  /** Of the whole text, trimmed. */
  hash: string;
}

type Words = Pick<QueuedPrompt, 'text' | 'bytes' | 'length' | 'hash'>;

const OPEN_LIMIT = 64;
/** Words that wait, as JSON: with what else is carried below the 2 MiB that a carry-over may take. */
const QUEUED_BYTES = 512 * 1024;
const FIRST_WHOLE_VERSION = [2, 1, 97];

interface Waiting {
  /** Undefined: the harness queued it, or a command, which waits for the end of the turn. */
  prompt: QueuedPrompt | undefined;
  key: string;
}

export class PromptQueue {
  #open: Waiting[] = [];
  /** Removed before any entry told the version. */
  #undecided: QueuedPrompt[] = [];
  /** Hash of the text that left the queue last. */
  #lastTaken: string | undefined;
  #decidedBy: string | undefined;

  /** Prompts that this operation shows to have been taken up. */
  operation(entry: Entry, sessionId: string, version: string | undefined): QueuedPrompt[] {
    if (writesWholeTurns(version)) return [];
    const operation = entry['operation'];
    if (operation === 'remove') return this.#remove(entry, version);
    if (operation === 'enqueue') this.#enqueue(entry, sessionId);
    else if (operation === 'dequeue') this.#open.shift();
    else if (operation === 'popAll') this.#open = [];
    return [];
  }

  /** The version is known now: what waited for it is decided. */
  decide(version: string): QueuedPrompt[] {
    if (version === this.#decidedBy) return [];
    this.#decidedBy = version;
    const decided = this.#undecided;
    this.#undecided = [];
    if (!writesWholeTurns(version)) return decided;
    this.#open = [];
    this.#lastTaken = undefined;
    return [];
  }

  /** An entry says the same: is it one that was counted when it left the queue? */
  wasCounted(text: string): boolean {
    // In later versions nothing ever waits: no text is hashed for nothing.
    if (this.#lastTaken === undefined && this.#open.length === 0) return false;
    const hash = hashOf(text);
    const counted = this.#lastTaken === hash;
    this.#lastTaken = undefined;
    const at = this.#open.findIndex(({ prompt }) => prompt?.hash === hash);
    if (at !== -1) this.#open.splice(at, 1);
    return counted;
  }

  #enqueue(entry: Entry, sessionId: string): void {
    const time = timeOf(entry);
    const content = entry['content'];
    const text = wordsOf(content).text;
    if (time === undefined) return;
    const key = hash16(sessionId, time.raw ?? time.timestamp, text);
    if (this.#open.some((waiting) => waiting.key === key)) return;
    const verdict = judge({}, content, { sidechain: false });
    const isPrompt = verdict.is === 'said' && verdict.kind === 'prompt' && verdict.text !== '' && !/^[/!]/.test(verdict.text.trim());
    this.#open.push({ key, prompt: isPrompt ? { ...time, sessionId, discriminator: `q-${key}`, ...this.#kept(verdict.text) } : undefined });
    if (this.#open.length > OPEN_LIMIT) this.#open.shift();
  }

  #kept(whole: string): Words {
    const waiting = [...this.#open.map(({ prompt }) => prompt), ...this.#undecided];
    const taken = waiting.reduce((sum, prompt) => sum + (prompt?.bytes ?? 0), 0);
    const beginning = beginningOf(windowOfPrompt(whole));
    const fitting = taken + beginning.bytes > QUEUED_BYTES ? beginningOf('') : beginning;
    return { ...fitting, length: Buffer.byteLength(whole), hash: hashOf(whole) };
  }

  #remove(entry: Entry, version: string | undefined): QueuedPrompt[] {
    const said = textOf(entry, 'content');
    const hash = said === undefined ? undefined : hashOf(said);
    const at = hash === undefined ? 0 : this.#open.findIndex(({ prompt }) => prompt?.hash === hash);
    const [removed] = at === -1 ? [] : this.#open.splice(at, 1);
    if (removed?.prompt === undefined) return [];
    this.#lastTaken = removed.prompt.hash;
    if (version !== undefined) return [removed.prompt];
    this.#undecided = [...this.#undecided, removed.prompt].slice(-OPEN_LIMIT);
    return [];
  }

  carry(): JsonValue {
    const print = (prompt: QueuedPrompt): JsonObject => ({
      discriminator: prompt.discriminator, sessionId: prompt.sessionId, timestamp: prompt.raw ?? prompt.timestamp,
      text: prompt.text, length: prompt.length, hash: prompt.hash,
    });
    return {
      open: this.#open.map(({ key, prompt }) => ({ key, prompt: prompt === undefined ? null : print(prompt) })),
      undecided: this.#undecided.map(print),
      taken_hash: this.#lastTaken ?? null,
    };
  }

  static from(carry: JsonObject): PromptQueue {
    const queue = new PromptQueue();
    const rows = (key: string): JsonObject[] => {
      const value = carry[key];
      return Array.isArray(value) ? value.filter(isObject) : [];
    };
    queue.#open = rows('open').map((row) => ({ key: textOf(row, 'key') ?? '', prompt: promptFrom(row['prompt']) }));
    queue.#undecided = rows('undecided').flatMap((row) => promptFrom(row) ?? []);
    const taken = textOf(carry, 'taken');
    queue.#lastTaken = textOf(carry, 'taken_hash') ?? (taken === undefined ? undefined : hashOf(taken));
    return queue;
  }
}

/** Earlier releases carried whole texts, with neither length nor hash, and the text that left last as `taken`. */
function promptFrom(row: JsonValue | undefined): QueuedPrompt | undefined {
  if (!isObject(row)) return undefined;
  const time = timeOf(row);
  const [discriminator, sessionId, text] = [textOf(row, 'discriminator'), textOf(row, 'sessionId'), row['text']];
  if (time === undefined || discriminator === undefined || sessionId === undefined || typeof text !== 'string') return undefined;
  return {
    ...time, discriminator, sessionId, ...beginningOf(windowOfPrompt(text)),
    length: numberOf(row, 'length') ?? Buffer.byteLength(text), hash: textOf(row, 'hash') ?? hashOf(text),
  };
}

/**
 * From 2.1.97 on each prompt has an entry of its own, queued or not, and each
 * turn of a terminal session ends with a `turn_duration`. False for no version.
 */
export function writesWholeTurns(version: string | undefined): boolean {
  if (version === undefined) return false;
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  for (const [place, first] of FIRST_WHOLE_VERSION.entries()) {
    const part = parts[place] ?? 0;
    if (part !== first) return part > first;
  }
  return true;
}

function hashOf(text: string): string {
  return hash16(text.trim());
}

function beginningOf(text: string): Pick<Words, 'text' | 'bytes'> {
  return { text, bytes: Buffer.byteLength(JSON.stringify(text)) };
}

/** 16 hex characters over texts that may hold anything: length-prefixed by JSON. */
export function hash16(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
