/** Entries that say how a session stands: no time of their own, the last one wins. */
import { STATE_VALUE_BYTES } from '../../shared/limits.ts';
import type { JsonValue } from '../../shared/event.ts';
import { cutToBytes, isDeeperThan, objectOf, type Entry } from '../../shared/json-line.ts';

export interface StateValue {
  key: string;
  value: JsonValue;
}

const STATE_DEPTH = 16;

/** Type of the entry (and key of the state) → the key that holds its value. */
const TEXT_STATES: Readonly<Record<string, string>> = {
  'ai-title': 'aiTitle',
  'custom-title': 'customTitle',
  summary: 'summary',
  mode: 'mode',
  'permission-mode': 'permissionMode',
  'last-prompt': 'lastPrompt',
  tag: 'tag',
  'agent-name': 'agentName',
  'agent-setting': 'agentSetting',
  relocated: 'relocatedCwd',
  'continued-in': 'continuedInSessionId',
};

/** Types of the entries that say how a session stands. */
export const STATE_TYPES: ReadonlySet<string> = new Set([...Object.keys(TEXT_STATES), 'cost-state', 'worktree-state', 'pr-link']);

export function isStateType(type: string): boolean {
  return STATE_TYPES.has(type);
}

/** Undefined where the entry says nothing we keep. */
export function stateOf(type: string, entry: Entry): StateValue | undefined {
  // Written at exit and on /clear. Its totals are cumulative and inherited by forks: they are never added up.
  if (type === 'cost-state') return { key: 'ended', value: true };
  if (type === 'worktree-state') return capped(type, objectOf(entry, 'worktreeSession') ?? null);
  if (type === 'pr-link') return capped(type, prLink(entry));
  const key = TEXT_STATES[type];
  const text = key === undefined ? undefined : entry[key];
  return typeof text === 'string' ? { key: type, value: text } : undefined;
}

function prLink(entry: Entry): JsonValue {
  const link: Record<string, JsonValue> = {};
  for (const key of ['prNumber', 'prRepository', 'prUrl']) {
    const value = entry[key];
    if (typeof value === 'string' || typeof value === 'number') link[key] = value;
  }
  return link;
}

function capped(key: string, value: JsonValue): StateValue | undefined {
  if (isDeeperThan(value, STATE_DEPTH) || Buffer.byteLength(JSON.stringify(value)) > STATE_VALUE_BYTES) return undefined;
  return { key, value };
}

/** A text value as it may leave: within the cap. */
export function capText(text: string): string {
  return cutToBytes(text, STATE_VALUE_BYTES);
}
