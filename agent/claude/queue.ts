/**
 * Prompts typed while the harness was busy, in versions before 2.1.97: they went
 * into a queue, and one that was taken up in the middle of a turn has no entry
 * but its `enqueue` and a `remove` that does not say what it removed. Later
 * versions write an entry for each; there the queue says nothing new.
 *
 * Limit: `remove` also means "taken back into the editor". A text that comes
 * again as the very next prompt is not counted twice; one that was changed
 * before it was sent is.
 */
import { createHash } from 'node:crypto';
import type { JsonValue } from '../../shared/event.ts';
import { isObject, textOf, timeOf, type Entry, type EntryTime, type JsonObject } from '../../shared/json-line.ts';
import { judge, wordsOf } from '../../shared/human.ts';

/** A prompt that only the queue knows. */
export interface QueuedPrompt extends EntryTime {
  discriminator: string;
  sessionId: string;
  text: string;
}

const OPEN_LIMIT = 64;
const FIRST_VERSION_WITH_ENTRIES = [2, 1, 97];

interface Waiting {
  /** Undefined: the harness queued it, or a command, which waits for the end of the turn. */
  prompt: QueuedPrompt | undefined;
  key: string;
}

export class PromptQueue {
  #open: Waiting[] = [];
  /** Removed before any entry told the version. */
  #undecided: QueuedPrompt[] = [];
  #lastTaken: string | undefined;
  #decidedBy: string | undefined;

  /** Prompts that this operation shows to have been taken up. */
  operation(entry: Entry, sessionId: string, version: string | undefined): QueuedPrompt[] {
    if (version !== undefined && writesEntries(version)) return [];
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
    if (!writesEntries(version)) return decided;
    this.#open = [];
    this.#lastTaken = undefined;
    return [];
  }

  /** An entry says the same: is it one that was counted when it left the queue? */
  wasCounted(text: string): boolean {
    const counted = this.#lastTaken !== undefined && this.#lastTaken === text.trim();
    this.#lastTaken = undefined;
    const at = this.#open.findIndex(({ prompt }) => prompt !== undefined && prompt.text.trim() === text.trim());
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
    this.#open.push({ key, prompt: isPrompt ? { ...time, sessionId, text: verdict.text, discriminator: `q-${key}` } : undefined });
    if (this.#open.length > OPEN_LIMIT) this.#open.shift();
  }

  #remove(entry: Entry, version: string | undefined): QueuedPrompt[] {
    const said = textOf(entry, 'content');
    const at = said === undefined ? 0 : this.#open.findIndex(({ prompt }) => prompt?.text === said);
    const [removed] = at === -1 ? [] : this.#open.splice(at, 1);
    if (removed?.prompt === undefined) return [];
    this.#lastTaken = removed.prompt.text.trim();
    if (version !== undefined) return [removed.prompt];
    this.#undecided = [...this.#undecided, removed.prompt].slice(-OPEN_LIMIT);
    return [];
  }

  carry(): JsonValue {
    const print = (prompt: QueuedPrompt): JsonObject => ({
      discriminator: prompt.discriminator, sessionId: prompt.sessionId, text: prompt.text, timestamp: prompt.raw ?? prompt.timestamp,
    });
    return {
      open: this.#open.map(({ key, prompt }) => ({ key, prompt: prompt === undefined ? null : print(prompt) })),
      undecided: this.#undecided.map(print),
      taken: this.#lastTaken ?? null,
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
    queue.#lastTaken = textOf(carry, 'taken');
    return queue;
  }
}

function promptFrom(row: JsonValue | undefined): QueuedPrompt | undefined {
  if (!isObject(row)) return undefined;
  const time = timeOf(row);
  const [discriminator, sessionId, text] = [textOf(row, 'discriminator'), textOf(row, 'sessionId'), textOf(row, 'text')];
  if (time === undefined || discriminator === undefined || sessionId === undefined || text === undefined) return undefined;
  return { ...time, discriminator, sessionId, text };
}

function writesEntries(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  for (const [place, first] of FIRST_VERSION_WITH_ENTRIES.entries()) {
    const part = parts[place] ?? 0;
    if (part !== first) return part > first;
  }
  return true;
}

/** From these versions on every turn of a terminal session ends with a `turn_duration`. */
export function hasTurnDuration(version: string | undefined): boolean {
  return version !== undefined && writesEntries(version);
}

/** 16 hex characters over texts that may hold anything: length-prefixed by JSON. */
export function hash16(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
