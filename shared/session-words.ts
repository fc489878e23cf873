/** Sessions in words, the same in the terminal and on the page. */
import type { SessionDocument, Waiting, WaitingReason } from './session-documents.ts';
import { plural } from './status-words.ts';

export const REASON_WORDS: Readonly<Record<WaitingReason, string>> = {
  permission: 'permission', question: 'question', turn_done: 'turn done',
};

const SHORT_ID = 8;
const UUID_START = /^[0-9a-f]{8}-[0-9a-f]{4}-/;

/** `6f1c2a90@devbox`: enough for `tt sessions show`. A machine that was never enrolled here has only an ID. */
export function shortName({ session_id: id, machine }: Pick<SessionDocument, 'session_id' | 'machine'>): string {
  const short = UUID_START.test(id) ? id.slice(0, SHORT_ID) : id;
  if (machine === null) return short;
  return `${short}@${UUID_START.test(machine) ? machine.slice(0, SHORT_ID) : machine}`;
}

/** `waiting: permission`; with `?` where its machine is away and it was so when it was heard of last. */
export function stateWords({ state, waiting_for, as_of }: Pick<SessionDocument, 'state' | 'waiting_for' | 'as_of'>): string {
  const words = waiting_for === null || waiting_for === 'turn_done' ? state : `${state}: ${REASON_WORDS[waiting_for]}`;
  return as_of === null ? words : `${words}?`;
}

/** `permission to use Bash`: what a session waits for. */
export function reasonWords({ reason, tool }: Pick<Waiting, 'reason' | 'tool'>): string {
  return tool === null ? REASON_WORDS[reason] : `${REASON_WORDS[reason]} to use ${tool}`;
}

/** `2 sessions need you.` */
export function needsWords(count: number): string {
  return count === 0 ? 'Nobody waits for you.' : `${plural(count, 'session')} ${count === 1 ? 'needs' : 'need'} you.`;
}
