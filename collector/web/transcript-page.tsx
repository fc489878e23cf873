/** All that was said in a session, as far as its files are kept here; it goes on by itself. */
import { useRef } from 'hono/jsx/dom';
import type { SessionPageDocument } from '../../shared/session-documents.ts';
import { clockWords, countWords, plural } from '../../shared/status-words.ts';
import type { TranscriptPage as Transcript, TranscriptPageItem } from '../../shared/transcript-document.ts';
import { useAnswer } from './answer.ts';
import { CopyButton } from './copy-button.tsx';
import { LongList } from './long-list.tsx';
import { usePages } from './paged-answer.ts';
import { answerAddress, machineAddress, sessionAddress, transcriptAddress, withParameters, type Route } from './route.ts';
import { plain } from './session-name.tsx';
import { TranscriptItem } from './transcript-item.tsx';

type TranscriptRoute = Extract<Route, { page: 'transcript' }>;

const CHUNK_ITEMS = 50;
/** Until one was seen. */
const ITEM_PX = 70;
/** What was said so lately is probably going on: then its end is what is looked for. */
const GOING_ON_MS = 15 * 60_000;

/** `stamp`: another one when something may have been said. */
export function TranscriptPage({ route, stamp, nowMs }: { route: TranscriptRoute; stamp: string; nowMs: number }) {
  const { name, agent, entry } = route;
  return (
    <article aria-label="Transcript">
      <p><a data-key="w" href={sessionAddress({ session: name })}>The session and its turns</a> <kbd>w</kbd></p>
      <Conversation key={`${name} ${agent ?? ''} ${entry ?? ''}`} name={name} agent={agent} entry={entry} stamp={stamp} nowMs={nowMs} />
    </article>
  );
}

function Conversation({ name, agent, entry, stamp, nowMs }: Omit<TranscriptRoute, 'page'> & { stamp: string; nowMs: number }) {
  const source = `${answerAddress(name)}/transcript`;
  const of = { agent: agent ?? '' };
  const { document, rows, count, error, code, problem, want } = usePages<Transcript, TranscriptPageItem>({
    newest: withParameters(source, { ...of, items: String(CHUNK_ITEMS) }), chunkRows: CHUNK_ITEMS,
    before: (number, items) => withParameters(source, { ...of, items: String(items), before: String(number) }),
    pageOf: ({ items, first_item: first, item_count: total }) => ({ rows: items, first, count: total }),
    keyOf: ({ item }) => `${item.kind} ${item.uuid ?? item.at ?? ''}`,
  }, stamp);
  const begin = useBegin({ source, agent, entry }, document, nowMs);
  if (code === 'no_transcript') return <NotKept name={name} />;
  return (
    <>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
      {document && <Head name={name} document={document} nowMs={nowMs} />}
      {document && begin.at === undefined && begin.error !== undefined && <p class="problem">{plain(begin.error)}</p>}
      {document && begin.at !== undefined && (
        <section id="said" aria-label="What was said">
          {count === 0 ? <p class="empty">Nothing was said yet.</p> : (
            <LongList
              count={count} rows={rows} chunkRows={CHUNK_ITEMS} rowPx={ITEM_PX} beginAt={begin.at ?? undefined} problem={problem} want={want}
              rowOf={(number, { item, is_cut: isCut }: TranscriptPageItem) => (
                <TranscriptItem key={String(number)} number={number} item={item} isCut={isCut} whole={withParameters(`${source}/${number}`, of)} nowMs={nowMs} />
              )}
            />
          )}
        </section>
      )}
    </>
  );
}

interface Begin {
  /** Undefined: not known yet; null: at its beginning. */
  at: number | 'end' | null | undefined;
  /** Why it is not known yet. */
  error: string | undefined;
}

/** It is settled once: what comes later moves nobody. */
function useBegin({ source, agent, entry }: { source: string; agent: string | null; entry: string | null }, newest: Transcript | undefined, nowMs: number): Begin {
  const settled = useRef<{ at: number | 'end' | null } | null>(null);
  const { document, error, isPassing } = useAnswer<Transcript>(withParameters(source, { agent: agent ?? '', entry: entry ?? '', items: '1' }), '', 0);
  if (!settled.current && newest && (document || (error !== undefined && !isPassing))) {
    const lastAt = newest.items.at(-1)?.item.at ?? null;
    const isGoingOn = lastAt !== null && nowMs - Date.parse(lastAt) < GOING_ON_MS;
    settled.current = { at: entry === null ? (isGoingOn ? 'end' : null) : (document?.place ?? null) };
  }
  return { at: settled.current?.at, error };
}

function Head({ name, document, nowMs }: { name: string; document: Transcript; nowMs: number }) {
  const { title, session, machine, cwd, agent_id: agentId, item_count: count, items, subagents, others, unreadable_lines: unreadable } = document;
  const last = items.at(-1)?.item.at ?? null;
  const facts = [
    ...(agentId === null ? [] : [`subagent ${agentId}`]), machine ?? 'this computer', ...(cwd === null ? [] : [cwd]), plural(count, 'item'),
    ...(last === null ? [] : [`the last of ${clockWords(last, nowMs)}`]), ...(unreadable === 0 ? [] : [`${plural(unreadable, 'line')} can not be read`]),
  ];
  return (
    <>
      <h2 class="session-title" tabindex={-1}>{plain(title) || plain(session)}</h2>
      <p class="quiet">{plain(facts.join(' · '))}</p>
      {others.map(({ machine: other, entries }) => (
        <p key={other ?? ''} class="note">{countWords(entries)} more {entries === 1 ? 'entry stands' : 'entries stand'} in {other === null ? 'another file of it' : <a href={transcriptAddress(`${session}@${other}`)}>its file on {plain(other)}</a>}.</p>
      ))}
      {agentId !== null && <p><a href={transcriptAddress(name)}>The conversation that it belongs to</a></p>}
      {agentId === null && subagents.length > 0 && (
        <details>
          <summary>{plural(subagents.length, 'subagent')}</summary>
          <ul>{subagents.map((each) => <li key={each}><a href={transcriptAddress(name, { agent: each })}>{plain(each)}</a></li>)}</ul>
        </details>
      )}
    </>
  );
}

/** Not an error: keeping session files is asked for, machine by machine. */
function NotKept({ name }: { name: string }) {
  const { document, error } = useAnswer<SessionPageDocument>(`${answerAddress(name)}?turns=1`, '', 0);
  if (document === undefined) return <p class={error === undefined ? 'empty' : 'problem'}>{plain(error ?? null)}</p>;
  const { machine, title, session } = document;
  const label = machine ?? 'LABEL';
  const command = `tt archive on ${label}`;
  return (
    <>
      <h2 class="session-title">{plain(title) || plain(session)}</h2>
      <p>The files of this session are not kept here, so only its events are known. To keep those of {plain(machine) || 'its machine'} from now on, and all that is still there:</p>
      <p><code>{plain(command)}</code> <CopyButton text={plain(command)} what="the command that keeps session files" /></p>
      <p class="quiet">Its owner must allow it: <code>archive = true</code> in config.toml there. Nothing in these files is masked.</p>
      {machine !== null && <p><a href={machineAddress(machine)}>How far that is on {plain(machine)}</a></p>}
    </>
  );
}
