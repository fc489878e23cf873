/** Sessions in words, the same in the terminal and on the page. */
import type { WaitingReason } from './session-documents.ts';

export const REASON_WORDS: Readonly<Record<WaitingReason, string>> = {
  permission: 'permission', question: 'question', turn_done: 'turn done',
};
