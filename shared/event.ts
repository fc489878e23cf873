/**
 * One event type for extraction, wire, import, export and row.
 *
 * An event is flat JSON. Keys this version does not know stay where they are,
 * verbatim, through wire, database and export: an older collector must not lose
 * what a newer agent says (that is how an earlier tool lost 142 of 262 hours).
 */
import type { EventId, Timestamp } from './ids.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** Version of our extraction, kept with every claim: a better one can replace it (`rewind --replace`). */
export const EXTRACTION_SCHEMA_VERSION = 2;

export interface TtEvent {
  id: EventId;
  timestamp: Timestamp;
  source: string;
  type: string;
  /** Absent means 1: made by the earlier tool or a foreign writer. */
  schema_version?: number;
  [key: string]: JsonValue | undefined;
}

/** Wire values of `source`. Others are kept verbatim. */
export const EVENT_SOURCES = {
  tmux: 'remote.tmux',
  agent: 'remote.agent',
  watcher: 'local.watcher',
} as const;

/** Types this version gives a meaning. Others are stored, counted and exported all the same. */
export const EVENT_TYPES = [
  'tmux_pane_focus', 'tmux_scroll', 'window_focus', 'afk_change', 'browser_tab',
  'agent_session', 'user_message', 'assistant_message', 'agent_tool_use', 'agent_tool_result',
  'agent_turn', 'agent_status',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const HARNESS_CLAUDE_CODE = 'claude-code';

/** What a person, or a script in their name, did (`user_message.kind`). */
export type UserMessageKind = 'prompt' | 'command' | 'shell' | 'interrupt' | 'answer';
/** Only `human` is attention; `script` is `claude -p` and the like. */
export type UserMessageOrigin = 'human' | 'script';

/** `message.usage` as an `assistant_message` carries it: only what usage and cost need. */
export interface UsageRecord {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  /** Part of `cache_creation_input_tokens` that lives an hour; absent when the log has no breakdown. */
  cache_creation_1h_input_tokens?: number;
  speed?: string;
  web_search_requests?: number;
  /** The log never wrote the final count: output is a lower bound (claude-logs §4). */
  placeholder?: true;
}

/**
 * Keys of an event that hold words of a person or a model. `texts = redacted`
 * masks secrets in them, `texts = none` removes them (design §8).
 */
export const TEXT_KEYS = ['text', 'window_title'] as const;

/** Last value wins; ordered by (`after`, `offset`), never by arrival (design §4). */
export interface SessionState {
  gen: string;
  offset: number;
  /** Timestamp of the last timestamped entry before it in its file; '' when there is none. */
  after: string;
  session_id: string;
  key: string;
  value: JsonValue;
}

/** State keys whose value is text of a person or a model. */
export const TEXT_STATE_KEYS = ['ai-title', 'custom-title', 'summary', 'last-prompt', 'agent-name', 'tag'] as const;

/** `child` repeats or continues the history of `parent`. */
export interface LineageEdge {
  child: string;
  parent: string;
  via: 'requestSessionId' | 'forkedFrom' | 'continued-in';
}
