/** Why bytes are lost, in words; the same in the terminal and on the page. */
import type { GapReport } from './protocol/frames.ts';

export type GapReason = GapReport['reason'];

const REASON_WORDS: Readonly<Record<GapReason, string>> = {
  truncated: 'truncated before it was read',
  released: 'let go before it was acknowledged, because the room for kept files was full',
  unterminated: 'deleted in the middle of its last line',
};

/** A reason of a newer agent is printed as it is. */
export function reasonWords(reason: string): string {
  return isKnown(reason) ? REASON_WORDS[reason] : reason;
}

function isKnown(reason: string): reason is GapReason {
  return Object.hasOwn(REASON_WORDS, reason);
}
