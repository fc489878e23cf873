/** The turns of a session, newest first. Of a long one only what is near the window is drawn: the rest is room of the right height. */
import { memo, useEffect, useRef, useState } from 'hono/jsx/dom';
import type { Turn } from '../../shared/session-documents.ts';
import { REASON_WORDS } from '../../shared/session-words.ts';
import { clockWords, durationWords, minuteWords } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { plain } from './session-name.tsx';
import { CHUNK_TURNS, type Turns } from './session-fetch.ts';

interface TurnListProps {
  /** Turns of the session, known or not. */
  count: number;
  turns: Turns;
  nowMs: number;
  want(chunk: number): void;
}

/** Until a turn was seen. */
const TURN_PX = 96;
/** Drawn before it comes into the window. */
const NEAR = '2500px';

export const TurnList = memo(function List({ count, turns, nowMs, want }: TurnListProps) {
  const nearness = useRef<Nearness | null>(null);
  nearness.current ??= createNearness();
  const { watch } = nearness.current;
  useEffect(() => () => nearness.current?.close(), []);
  const chunks = Array.from({ length: Math.ceil(count / CHUNK_TURNS) }, (_, at) => at).toReversed();
  return (
    <div class="turn-list">
      {chunks.map((chunk) => {
        const numbers = numbersOf(chunk, count);
        return <Chunk key={String(chunk)} chunk={chunk} numbers={numbers} turns={numbers.flatMap((number) => turns.get(number) ?? [])} nowMs={nowMs} want={want} watch={watch} />;
      })}
    </div>
  );
}, (before, after) => before.count === after.count && before.turns === after.turns);

interface Nearness {
  /** Tells whether the element is near the window, and how high it is, at every change until the returned function is called. */
  watch(element: Element, tell: (isNear: boolean, height: number) => void): () => void;
  close(): void;
}

/** One observer for all: five hundred would each reckon at every frame. */
function createNearness(): Nearness {
  const listeners = new Map<Element, (isNear: boolean, height: number) => void>();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries) listeners.get(target)?.(isIntersecting, boundingClientRect.height);
  }, { rootMargin: NEAR });
  return {
    watch(element, tell) {
      listeners.set(element, tell);
      observer.observe(element);
      return () => {
        listeners.delete(element);
        observer.unobserve(element);
      };
    },
    close: () => observer.disconnect(),
  };
}

/** Newest first. */
function numbersOf(chunk: number, count: number): number[] {
  const last = Math.min(count, (chunk + 1) * CHUNK_TURNS);
  return Array.from({ length: last - chunk * CHUNK_TURNS }, (_, at) => last - at);
}

interface ChunkProps {
  chunk: number;
  numbers: readonly number[];
  /** Of `numbers`, as far as they are known. */
  turns: readonly Turn[];
  nowMs: number;
  want(chunk: number): void;
  watch: Nearness['watch'];
}

const Chunk = memo(function TurnChunk({ chunk, numbers, turns, nowMs, want, watch }: ChunkProps) {
  const place = useRef<HTMLDivElement>(null);
  const [isNear, setNear] = useState(false);
  const [height, setHeight] = useState<number | undefined>(undefined);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    return watch(element, (isNearNow, high) => {
      // Room for what is no longer drawn is as high as it was.
      if (!isNearNow && high > 0) setHeight(high);
      setNear(isNearNow);
    });
  }, []);
  const isKnown = turns.length === numbers.length;
  useEffect(() => {
    if (isNear && !isKnown) want(chunk);
  }, [isNear, isKnown, chunk]);
  if (!isNear || !isKnown) return <div ref={place} class="turn-room" style={{ height: `${height ?? numbers.length * TURN_PX}px` }} />;
  return (
    <div ref={place} class="turn-chunk">
      <ol class="turns" reversed start={numbers[0] ?? 1}>
        {numbers.map((number, at) => {
          const turn = turns[at];
          return turn ? <TurnItem key={String(number)} number={number} turn={turn} nowMs={nowMs} /> : null;
        })}
      </ol>
    </div>
  );
}, (before, after) => before.numbers.length === after.numbers.length && before.turns.length === after.turns.length && before.turns.every((turn, at) => turn === after.turns[at]));

const TurnItem = memo(function Item({ number, turn, nowMs }: { number: number; turn: Turn; nowMs: number }) {
  const lastsMs = Date.parse(turn.last_at) - Date.parse(turn.started_at);
  const tools = turn.tools.map(({ tool, uses, errors }) => `${tool} ×${uses}${errors === 0 ? '' : ` (${errors} failed)`}`).join(', ');
  const waits = turn.waits.map(({ reason, from, to }) => `${REASON_WORDS[reason]} ${to === null ? `since ${minuteWords(from, nowMs)}` : durationWords(Date.parse(to) - Date.parse(from))}`).join(', ');
  return (
    <li tabindex={-1} data-row>
      <p class="turn-head">
        <strong>{number}</strong> {clockWords(turn.started_at, nowMs)} · {turn.kind === 'unknown' ? 'started by what the log does not tell' : turn.kind} · {durationWords(lastsMs)}
        {turn.interrupted && ' · interrupted'}{!turn.ended && !turn.interrupted && ' · no end known'}
        {' · '}{tokensWords(turn.tokens.total)} tokens · {costWords(turn)}
      </p>
      {plain(turn.text) !== '' && <p class="prompt">{plain(turn.text)}</p>}
      {tools !== '' && <p class="quiet">used {plain(tools)}</p>}
      {turn.subagents.length > 0 && <p class="quiet">subagents {plain(turn.subagents.join(', '))}</p>}
      {waits !== '' && <p class="note">waited for you: {waits}</p>}
      {plain(turn.last_line) !== '' && <p class="reply">… {plain(turn.last_line)}</p>}
    </li>
  );
}, (before, after) => before.turn === after.turn && before.number === after.number);
