/** One session, asked for anew while it changes; of its turns only those that are looked at, and these stay. */
import { useEffect, useRef, useState } from 'hono/jsx/dom';
import type { SessionPageDocument, Turn, TurnsPageDocument } from '../../shared/session-documents.ts';
import { askFor, useAnswer } from './answer.ts';

/** Turns are asked for and drawn by so many. */
export const CHUNK_TURNS = 25;
/** With each look at the session: a window full of them. */
const NEWEST_TURNS = 25;
/** At most so often. */
const LEAST_MS = 1000;

export type Turns = ReadonlyMap<number, Turn>;

export interface SessionFetch {
  detail: SessionPageDocument | undefined;
  /** By number, from 1. */
  turns: Turns;
  /** Why it can not be shown. */
  error: string | undefined;
  /** Turns of this chunk are looked at: number 0 holds the turns 1 to CHUNK_TURNS. */
  want(chunk: number): void;
}

const addressOf = (name: string): string => `/api/v1/sessions/${encodeURIComponent(name)}`;

/** `stamp`: another one when something may have changed. */
export function useSession(name: string, stamp: string): SessionFetch {
  const { document: detail, error } = useAnswer<SessionPageDocument>(`${addressOf(name)}?turns=${NEWEST_TURNS}`, stamp, LEAST_MS);
  const known = useRef<{ session: string; newest: SessionPageDocument | undefined; turns: Turns; asked: Set<number> }>({ session: '', newest: undefined, turns: new Map(), asked: new Set() });
  const [, setDrawn] = useState(0);
  const state = known.current;
  if (state && detail && state.newest !== detail) {
    const turns = mergeTurns(state.session === detail.session ? state.turns : new Map(), detail);
    if (turns.size <= detail.turn_list.length) state.asked = new Set();
    Object.assign(state, { session: detail.session, newest: detail, turns });
  }
  const isOpen = useRef(true);
  useEffect(() => {
    isOpen.current = true;
    return () => void (isOpen.current = false);
  }, []);
  const want = (chunk: number): void => {
    if (!state || state.asked.has(chunk)) return;
    const { session, asked, newest } = state;
    const count = newest?.turn_count ?? 0;
    const before = (chunk + 1) * CHUNK_TURNS + 1;
    const missing = Array.from({ length: CHUNK_TURNS }, (_, at) => before - 1 - at).some((number) => number <= count && !state.turns.has(number));
    if (!missing) return;
    asked.add(chunk);
    // The last chunk is not full: what is asked for begins where the chunk begins.
    const turns = Math.min(CHUNK_TURNS, count - chunk * CHUNK_TURNS);
    askFor<TurnsPageDocument>(`${addressOf(name)}/turns?turns=${turns}&before=${chunk * CHUNK_TURNS + turns + 1}`).then((page) => {
      if (state.session !== session || !isOpen.current) return;
      state.turns = mergeTurns(state.turns, page);
      setDrawn((count) => count + 1);
    }, () => void asked.delete(chunk));
  };
  return { detail, turns: detail ? (state?.turns ?? new Map()) : new Map(), error, want };
}

/**
 * What was known, with these. A turn that did not change stays the same object:
 * it need not be drawn again, nor the list where none did. Where turns have other numbers than before, because
 * one arrived late between them, nothing that was known holds.
 */
export function mergeTurns(known: Turns, { turn_list: list, first_turn: first }: Pick<SessionPageDocument, 'turn_list' | 'first_turn'>): Turns {
  const isShifted = list.some((turn, at) => (known.get(first + at)?.started_at ?? turn.started_at) !== turn.started_at);
  const held = isShifted ? new Map<number, Turn>() : known;
  const changed = list.flatMap((turn, at) => (JSON.stringify(held.get(first + at)) === JSON.stringify(turn) ? [] : [[first + at, turn] as const]));
  return changed.length === 0 && !isShifted ? known : new Map([...held, ...changed]);
}
