/** One thing that was said or done. Everything in it comes from a log: only ever text. */
import { useState, type Child } from 'hono/jsx/dom';
import { toVisibleLines } from '../../shared/plain-text.ts';
import { clockWords, countWords, plural } from '../../shared/status-words.ts';
import type { TranscriptItem as Item, TranscriptItemDocument } from '../../shared/transcript-document.ts';
import { askFor, messageOf, useLeft } from './answer.ts';
import { plain } from './session-name.tsx';

type Tool = Extract<Item, { kind: 'tool' }>;

interface ItemProps {
  number: number;
  item: Item;
  /** Some of its text is not here. */
  isCut: boolean;
  /** Where all of it is told. */
  whole: string;
  nowMs: number;
}

export function TranscriptItem({ number, item: told, isCut: isToldCut, whole, nowMs }: ItemProps) {
  const [kept, setKept] = useState<{ of: Item; document: TranscriptItemDocument } | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const left = useLeft();
  // Of what was told before it is old: a tool may have given its result since.
  const fetched = kept?.of === told ? kept.document : undefined;
  const { item, is_cut: isCut } = fetched ?? { item: told, is_cut: isToldCut };
  const fetchWhole = (): void => {
    setProblem('');
    askFor<TranscriptItemDocument>(whole, { signal: left }).then((document) => setKept({ of: told, document }), (error: unknown) => setProblem(messageOf(error)));
  };
  // What a tool gave comes later than the tool: who opens it asks for it.
  const open = (): void => void (item.kind === 'tool' && item.result === null && fetchWhole());
  const rest = (
    <>
      {isCut && !fetched && <p><button type="button" class="more" onClick={fetchWhole}>Show all of it<span class="unseen">, number {number}</span></button></p>}
      {isCut && fetched && <p class="note">Only its first million characters.</p>}
      {problem !== '' && <p class="problem">{plain(problem)}</p>}
    </>
  );
  return (
    <li tabindex={-1} data-row data-number={String(number)} class={`said-${item.kind}`}>
      {item.kind === 'tool' ? <ToolUse tool={item} onOpen={open} rest={rest} /> : <Words item={item} nowMs={nowMs} rest={rest} />}
    </li>
  );
}

const SPEAKERS = { text: 'Claude', thinking: 'Claude thinks', summary: 'Summary of what was before' } as const;

/** `rest`: stands below what is cut. */
function Words({ item, nowMs, rest }: { item: Exclude<Item, Tool>; nowMs: number; rest: Child }) {
  const at = item.at === null ? '' : clockWords(item.at, nowMs);
  const text = toVisibleLines(item.text.trim());
  if (item.kind !== 'said' && item.kind !== 'text') return <Folded summary={SPEAKERS[item.kind]} note={at}>{() => <><div class="words">{text}</div>{rest}</>}</Folded>;
  return (
    <>
      <p class="turn-head"><strong>{speakerOf(item)}</strong> {at}{item.kind === 'said' && item.has_image && ' · with an image'}</p>
      <div class={item.kind === 'said' ? 'words prompt' : 'words'}>{text}</div>
      {rest}
    </>
  );
}

function speakerOf(item: Exclude<Item, Tool>): string {
  if (item.kind !== 'said') return SPEAKERS[item.kind];
  return `${item.origin === 'human' ? 'You' : 'Script'}${item.said === 'prompt' ? '' : ` (${plain(item.said)})`}`;
}

function ToolUse({ tool: { tool, summary, input, result }, onOpen, rest }: { tool: Tool; onOpen(): void; rest: Child }) {
  return (
    <Folded summary={`${plain(tool)} ${plain(summary).slice(0, 300)}`} note={gaveWords(result)} isProblem={result?.is_error === true} onOpen={onOpen}>
      {() => (
        <>
          {Object.entries(input).map(([key, value]) => (
            <div key={key}><p class="quiet">{plain(key)}</p><pre tabindex={0}>{toVisibleLines(typeof value === 'string' ? value : JSON.stringify(value, null, 2))}</pre></div>
          ))}
          {result !== null && <div key=" gave"><p class="quiet">{result.is_error ? 'it failed' : 'it gave'}</p><pre tabindex={0}>{toVisibleLines(result.text)}</pre></div>}
          {rest}
        </>
      )}
    </Folded>
  );
}

function gaveWords(result: Tool['result']): string {
  if (result === null) return 'no result';
  const lines = result.text === '' ? 0 : result.text.split('\n').length;
  return `${result.is_error ? 'failed, ' : ''}${result.length > result.text.length ? `${countWords(result.length)} characters` : plural(lines, 'line')}`;
}

interface FoldedProps {
  summary: string;
  note?: string;
  isProblem?: boolean;
  onOpen?(): void;
  children(): Child;
}

/** What is folded is not drawn: of thousands of tools nobody opens more than a few. */
function Folded({ summary, note = '', isProblem = false, onOpen, children }: FoldedProps) {
  const [isOpen, setOpen] = useState(false);
  const toggle = (event: Event): void => {
    const isNow = event.currentTarget instanceof HTMLDetailsElement && event.currentTarget.open;
    setOpen(isNow);
    if (isNow) onOpen?.();
  };
  return (
    <details onToggle={toggle}>
      <summary><span class="folded">{summary}</span>{note !== '' && <span class={isProblem ? 'problem' : 'quiet'}> {note}</span>}</summary>
      {isOpen && children()}
    </details>
  );
}
