/** What an event says, in a few words; the same in the terminal and on the page. */
import type { TtEvent } from './event.ts';

const KEYS = ['action', 'kind', 'tool', 'status', 'file', 'text', 'tmux_session', 'window_title', 'cwd'];
const MOST_KEYS = 3;
const MOST_CHARACTERS = 100;

/** As it came: whoever shows it makes it plain text. */
export function eventWords(event: TtEvent): string {
  const words = KEYS.map((key) => event[key]).filter((value): value is string => typeof value === 'string' && value !== '');
  return words.slice(0, MOST_KEYS).join(' · ').slice(0, MOST_CHARACTERS);
}
