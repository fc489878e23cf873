/** Looks for words in the archived sessions of every machine; the address says for what. */
import { useEffect, useRef, useState, type Child } from 'hono/jsx/dom';
import type { Role, SearchDocument, SearchHit } from '../../shared/search-document.ts';
import { bytesWords, clockWords, countWords, plural } from '../../shared/status-words.ts';
import type { MachineStatus } from '../../shared/status.ts';
import { useAnswer } from './answer.ts';
import { FILTER_ID } from './keys.ts';
import { become, transcriptAddress, withParameters, type Asked } from './route.ts';
import { plain, projectName } from './session-name.tsx';

const ROLES: readonly (readonly [Role, string])[] = [['user', 'you'], ['assistant', 'Claude'], ['tool', 'tools']];
/** Nothing is asked while somebody types. */
const PAUSE_MS = 150;
const SCREENFUL = 20;
const MOST = 200;

interface SearchProps {
  asked: Asked;
  machines: readonly Pick<MachineStatus, 'machine_id' | 'label'>[];
  nowMs: number;
}

export function SearchPage({ asked, machines, nowMs }: SearchProps) {
  const [typed, setTyped] = useState(asked);
  const [limit, setLimit] = useState(SCREENFUL);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  // An address that is another, and not by what was typed here: somebody went back or forth, or followed a link.
  const address = addressOf(asked);
  const shown = useRef(address);
  const own = useRef(address);
  if (shown.current !== address) {
    shown.current = address;
    if (own.current !== address) setTyped(asked);
    own.current = address;
  }
  // Keys and timers can come before what was typed last is drawn.
  const latest = useRef({ typed, asked });
  latest.current = { typed, asked };
  const ask = (): void => {
    own.current = addressOf(latest.current?.typed ?? typed);
    setLimit(SCREENFUL);
    become(own.current);
  };
  useEffect(() => {
    if (addressOf(typed) === address) return undefined;
    const timer = setTimeout(ask, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const change = (event: Event): void => {
    const { target } = event;
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
    const next = { ...(latest.current?.typed ?? typed), [target.name]: target.value };
    latest.current = { typed: next, asked: latest.current?.asked ?? asked };
    setTyped(next);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
    event.preventDefault();
    if (event.key === 'ArrowDown') document.querySelector<HTMLElement>('#found [data-row]')?.focus();
    else if (isAsked(latest.current ?? { typed, asked })) document.querySelector<HTMLElement>('#found:not(.older) [data-row] a')?.click();
    else ask();
  };
  return (
    <article aria-label="Search">
      <form class="search" role="search" onInput={change} onSubmit={(event: Event) => event.preventDefault()}>
        <label class="unseen" for={FILTER_ID}>Words to look for</label>
        <input ref={field} id={FILTER_ID} class="words-sought" name="query" type="search" value={typed.query} onKeyDown={press} placeholder="Words that were said" autocomplete="off" spellcheck={false} maxlength={1000} />
        <Choice name="machine" label="Machine" value={typed.machine} all="every machine" options={machines.map(({ label }) => [label, label])} />
        <label>Project <input name="project" type="text" value={typed.project} placeholder="every project" autocomplete="off" spellcheck={false} /></label>
        <Choice name="role" label="Said by" value={typed.role} all="anybody" options={ROLES} />
      </form>
      {asked.query.trim() === ''
        ? <p class="quiet">Words as they stand; “in a row” in quotes; OR; -without; begin* with. ↓ leads to what was found, Enter opens it.</p>
        : <Found asked={asked} limit={limit} onMore={() => setLimit(MOST)} nowMs={nowMs} />}
    </article>
  );
}

/** Else what is shown was found for other words. */
function isAsked({ typed, asked }: { typed: Asked; asked: Asked }): boolean {
  return addressOf(typed) === addressOf(asked);
}

function addressOf(asked: Asked): string {
  return withParameters('/search', { ...asked });
}

interface ChoiceProps {
  name: string;
  label: string;
  value: string;
  all: string;
  options: readonly (readonly [value: string, words: string])[];
}

function Choice({ name, label, value, all, options }: ChoiceProps) {
  const isKnown = value === '' || options.some(([each]) => each === value);
  return (
    <label>{label} <select name={name} value={value}>
      <option key="" value="" selected={value === ''}>{all}</option>
      {!isKnown && <option key={value} value={value} selected>{plain(value)}</option>}
      {options.map(([each, words]) => <option key={each} value={each} selected={each === value}>{plain(words)}</option>)}
    </select></label>
  );
}

interface FoundProps {
  asked: Asked;
  limit: number;
  onMore(): void;
  nowMs: number;
}

function Found({ asked, limit, onMore, nowMs }: FoundProps) {
  const { document, error } = useAnswer<SearchDocument>(withParameters('/api/v1/search', { ...asked, limit: String(limit) }), '', 0);
  // While the next is looked for the last stays: nothing flickers under who types.
  const last = useRef<SearchDocument | undefined>(undefined);
  last.current = document ?? last.current;
  const shown = last.current;
  if (error !== undefined && !document) return <p class="problem">{plain(error)}</p>;
  if (shown === undefined) return <p class="empty" role="status">Looking …</p>;
  const { hits, indexed_files: files, is_newest_only: isNewestOnly } = shown;
  return (
    <section id="found" aria-label="Found" class={document ? '' : 'older'}>
      <p class="quiet" role="status">{summaryOf(shown)}</p>
      {files === 0 && <p>Session files are kept for the machines that you choose: <code>tt archive on LABEL</code>.</p>}
      <ol class="rows hits">{hits.map((hit) => <Hit key={`${hit.machine} ${hit.session} ${hit.uuid ?? ''} ${hit.snippet}`} hit={hit} nowMs={nowMs} />)}</ol>
      {isNewestOnly && <p class="quiet">Of the newest that were found; more words narrow it.</p>}
      {hits.length >= limit && limit < MOST && <p><button type="button" onClick={onMore}>Show more</button></p>}
    </section>
  );
}

function summaryOf({ hits, indexed_files: files, indexed_bytes: bytes }: SearchDocument): string {
  if (files === 0) return 'No session is archived yet.';
  const where = `in ${plural(files, 'file')}, ${bytesWords(bytes)}`;
  return hits.length === 0 ? `Nothing found ${where}.` : `${countWords(hits.length)} found ${where}.`;
}

const BY: Readonly<Record<Role, string>> = { user: 'you', assistant: 'Claude', tool: 'a tool' };

function Hit({ hit, nowMs }: { hit: SearchHit; nowMs: number }) {
  const { session, machine, agent_id: agent, project, role, at, uuid } = hit;
  const head = [projectName(project), machine, BY[role], at === null ? '' : clockWords(at, nowMs), agent === null ? '' : `subagent ${agent}`].map(plain).filter((words) => words !== '').join(' · ');
  const move = (event: KeyboardEvent): void => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const row = event.currentTarget instanceof Element ? event.currentTarget : null;
    const next = event.key === 'ArrowDown' ? row?.nextElementSibling : (row?.previousElementSibling ?? document.getElementById(FILTER_ID));
    if (next instanceof HTMLElement) next.focus();
    event.preventDefault();
  };
  return (
    <li tabindex={-1} data-row onKeyDown={move}>
      <p class="turn-head"><a href={transcriptAddress(`${session}@${machine}`, { agent, entry: uuid })}>{head}</a> <span title={plain(project)}>{plain(session.slice(0, 8))}</span></p>
      <p class="words">{marked(hit)}</p>
    </li>
  );
}

/** The marks are places in the text: nothing in it is ever a tag. */
function marked({ snippet, marks }: SearchHit): Child[] {
  const parts: Child[] = [];
  let at = 0;
  for (const [from, to] of marks) {
    parts.push(snippet.slice(at, from), <mark key={String(from)}>{snippet.slice(from, to)}</mark>);
    at = to;
  }
  return [...parts, snippet.slice(at)];
}
