/** The turns of a session, newest first. */
import { memo } from 'hono/jsx/dom';
import type { Turn } from '../../shared/session-documents.ts';
import { REASON_WORDS } from '../../shared/session-words.ts';
import { clockWords, durationWords, minuteWords } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { LongList } from './long-list.tsx';
import type { Rows } from './paged-answer.ts';
import { plain } from './session-name.tsx';
import { CHUNK_TURNS } from './session-fetch.ts';

interface TurnListProps {
  /** Turns of the session, known or not. */
  count: number;
  turns: Rows<Turn>;
  nowMs: number;
  /** Why turns that are looked at are not here. */
  problem: string | undefined;
  want(chunk: number): void;
}

/** Until a turn was seen. */
const TURN_PX = 96;

export const TurnList = memo(function List({ count, turns, nowMs, problem, want }: TurnListProps) {
  return (
    <LongList
      count={count} rows={turns} chunkRows={CHUNK_TURNS} rowPx={TURN_PX} isNewestFirst problem={problem} want={want}
      rowOf={(number, turn: Turn) => <TurnItem key={String(number)} number={number} turn={turn} nowMs={nowMs} />}
    />
  );
}, (before, after) => before.count === after.count && before.turns === after.turns && before.problem === after.problem);

const TurnItem = memo(function Item({ number, turn, nowMs }: { number: number; turn: Turn; nowMs: number }) {
  const lastsMs = Date.parse(turn.last_at) - Date.parse(turn.started_at);
  const tools = turn.tools.map(({ tool, uses, errors }) => `${tool} ×${uses}${errors === 0 ? '' : ` (${errors} failed)`}`).join(', ');
  const waits = turn.waits.map(({ reason, from, to }) => `${REASON_WORDS[reason]} ${to === null ? `since ${minuteWords(from, nowMs)}` : durationWords(Date.parse(to) - Date.parse(from))}`).join(', ');
  return (
    <li tabindex={-1} data-row data-number={String(number)}>
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
