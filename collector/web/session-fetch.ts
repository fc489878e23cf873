/** One session with its turns, asked for anew while it changes. */
import type { SessionPageDocument, Turn, TurnsPageDocument } from '../../shared/session-documents.ts';
import { usePages, type PagedAnswer } from './paged-answer.ts';
import { answerAddress } from './route.ts';

/** A window full of them. */
export const CHUNK_TURNS = 25;

export type SessionFetch = PagedAnswer<SessionPageDocument, Turn>;

/** `stamp`: another one when something may have changed. */
export function useSession(name: string, stamp: string): SessionFetch {
  const address = answerAddress(name);
  return usePages<SessionPageDocument, Turn>({
    newest: `${address}?turns=${CHUNK_TURNS}`, chunkRows: CHUNK_TURNS,
    before: (number, turns) => `${address}/turns?turns=${turns}&before=${number}`,
    pageOf: ({ turn_list: rows, first_turn: first, turn_count: count }: TurnsPageDocument) => ({ rows, first, count }),
    keyOf: ({ started_at: startedAt }) => startedAt,
  }, stamp);
}
