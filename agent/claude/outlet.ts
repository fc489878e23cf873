/**
 * The way out for events and states of one transcript: nothing passes before its
 * working directory is known, and no text passes the text policy.
 */
import { ASSISTANT_TEXT_CHARACTERS, PROMPT_TEXT_BYTES } from '../../shared/limits.ts';
import type { JsonValue, SessionState, TtEvent } from '../../shared/event.ts';
import type { ExtractionSink } from '../extraction.ts';
import type { NamedDirectories } from '../privacy/named-directories.ts';
import { filterText, isTextState } from '../privacy/texts.ts';
import { cutToBytes, lastCharacters, wellFormed } from '../../shared/json-line.ts';
import { withCwd, type Held, type HeldItems } from './held.ts';
import { capText } from './session-state.ts';

/**
 * Longest part of a text that is looked at. Longer than what is kept of it, so
 * that a secret is recognised even where the cut goes through it.
 */
const PROMPT_WINDOW = 8192;
const ASSISTANT_WINDOW = 2048;

export class Outlet {
  readonly #directories: NamedDirectories;
  readonly #held: HeldItems;

  constructor(directories: NamedDirectories, held: HeldItems) {
    this.#directories = directories;
    this.#held = held;
  }

  event(event: TtEvent, sink: ExtractionSink): void {
    if (event['cwd'] !== undefined) sink.event(this.#filtered(event, event['cwd']));
    else if (!this.#held.hold({ event: windowed(event) })) {
      this.#flush(sink);
      sink.event(this.#filtered(event, undefined));
    }
  }

  state(state: SessionState, cwd: string | undefined, sink: ExtractionSink): void {
    if (!isTextState(state.key)) sink.state(typeof state.value === 'string' ? { ...state, value: capText(state.value) } : state);
    else if (cwd !== undefined) this.#textState(state, cwd, sink);
    else if (!this.#held.hold({ state: { ...state, value: typeof state.value === 'string' ? state.value.slice(0, PROMPT_WINDOW) : state.value } })) {
      this.#flush(sink);
      this.#textState(state, undefined, sink);
    }
  }

  /** From here on the file has told its working directory, or that it has another one. */
  cwdKnown(cwd: string, sink: ExtractionSink): void {
    this.#directories.add(cwd);
    if (this.#held.isEmpty) return;
    for (const held of this.#held.release()) this.#release(held, cwd, sink);
  }

  carry(): JsonValue {
    return this.#held.carry();
  }

  #flush(sink: ExtractionSink): void {
    for (const held of this.#held.release()) this.#release(held, undefined, sink);
  }

  #release(held: Held, cwd: string | undefined, sink: ExtractionSink): void {
    if ('state' in held) this.#textState(held.state, cwd, sink);
    else sink.event(this.#filtered(cwd === undefined ? held.event : withCwd(held.event, cwd), cwd));
  }

  #textState(state: SessionState, cwd: string | undefined, sink: ExtractionSink): void {
    const text = typeof state.value === 'string' ? this.#allowed(state.value.slice(0, PROMPT_WINDOW), cwd) : undefined;
    if (text !== undefined) sink.state({ ...state, value: capText(text) });
  }

  #allowed(text: string, cwd: string | undefined): string | undefined {
    return filterText(text, this.#directories.policyIn(cwd));
  }

  #filtered(event: TtEvent, cwd: JsonValue | undefined): TtEvent {
    const text = event['text'];
    if (typeof text !== 'string') return event;
    const kept = this.#allowed(windowOf(event, text), typeof cwd === 'string' ? cwd : undefined);
    if (kept === undefined) delete event['text'];
    else event['text'] = event.type === 'assistant_message' ? lastCharacters(kept, ASSISTANT_TEXT_CHARACTERS) : cutToBytes(kept, PROMPT_TEXT_BYTES);
    return event;
  }
}

function windowOf(event: TtEvent, text: string): string {
  if (event.type === 'assistant_message') return text.length <= ASSISTANT_WINDOW ? text : wellFormed(text.slice(-ASSISTANT_WINDOW));
  return windowOfPrompt(text);
}

/** As much of a prompt as is looked at: what waits need hold no more of it. */
export function windowOfPrompt(text: string): string {
  return text.length <= PROMPT_WINDOW ? text : wellFormed(text.slice(0, PROMPT_WINDOW));
}

function windowed(event: TtEvent): TtEvent {
  const text = event['text'];
  return typeof text === 'string' ? { ...event, text: windowOf(event, text) } : event;
}
