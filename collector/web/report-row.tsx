/** A row of a report: its name, and what can be said of it without leaving the page. */
import { useLayoutEffect, useRef, useState } from 'hono/jsx/dom';
import type { ReportGroup, ReportRow } from '../../shared/report-documents.ts';
import { plural } from '../../shared/status-words.ts';
import { act, type Run } from './actions.ts';
import { machineAddress, reportAddress } from './route.ts';
import { plain } from './session-name.tsx';
import { StreamQuestion } from './stream-question.tsx';

interface RowProps {
  row: ReportRow;
  by: ReportGroup;
  run: Run;
}

export function ReportRowName({ row, by, run }: RowProps) {
  const { key, tags } = row;
  const name = plain(row.name) || (key ?? '');
  const address = key === null ? undefined : addressOf(by, key);
  const [isTagging, setTagging] = useState(false);
  const [isNaming, setNaming] = useState(false);
  const isStream = by === 'stream' && key !== null;
  const rename = (to: string, onDone: () => void): void => run(async () => {
    await act('streams.change', { change: 'rename', stream: key, name: to });
    return `${name} is ${to} now.`;
  }, onDone);
  const tag = (added: string, onDone: () => void): void => run(async () => {
    await act('streams.change', { change: 'tag', stream: key, tags: added.split(',').map((each) => each.trim()).filter((each) => each !== '') });
    return `${name} has the tag ${added} now.`;
  }, onDone);
  const untag = (removed: string): void => run(async () => {
    await act('streams.change', { change: 'untag', stream: key, tags: [removed] });
    return `${name} has the tag ${removed} no more.`;
  });
  if (isNaming) return <InlineField label={`New name of ${name}`} value={row.name} onEnter={rename} onClose={() => setNaming(false)} />;
  return (
    <>
      {address === undefined ? <span class={key === null ? 'quiet' : ''}>{name}</span> : <a href={address} title={by === 'project' ? plain(key) : undefined}>{name}</a>}
      {tags.map((each) => (
        <span key={each} class="tag">{plain(each)}{isStream && <button type="button" title={`Remove the tag ${plain(each)}`} aria-label={`Remove the tag ${plain(each)} of ${name}`} onClick={() => untag(each)}>×</button>}</span>
      ))}
      {isStream && !isTagging && <button type="button" class="slight" data-key="e" onClick={() => setNaming(true)}>Rename<span class="unseen"> {name}</span> <kbd>e</kbd></button>}
      {isStream && !isTagging && <button type="button" class="slight" data-key="t" onClick={() => setTagging(true)}>Tag<span class="unseen"> {name}</span> <kbd>t</kbd></button>}
      {isTagging && <InlineField label={`Tag for ${name}`} value="" onEnter={tag} onClose={() => setTagging(false)} />}
    </>
  );
}

function addressOf(by: ReportGroup, key: string): string | undefined {
  if (by === 'machine') return machineAddress(key);
  if (by === 'session') return `/sessions/${encodeURIComponent(key)}`;
  return by === 'day' ? reportAddress({ period: 'day', date: key, by: 'stream' }) : undefined;
}

interface InlineFieldProps {
  label: string;
  value: string;
  onEnter(value: string, onDone: () => void): void;
  onClose(): void;
}

/** In place of what it changes: Enter does it, Esc and going elsewhere leave it. The row has the focus afterwards. */
function InlineField({ label, value, onEnter, onClose }: InlineFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const leave = (): void => {
    const row = field.current?.closest<HTMLElement>('[data-row]');
    onClose();
    row?.focus();
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== 'Escape') return;
    event.preventDefault();
    const typed = field.current?.value.trim() ?? '';
    if (event.key === 'Escape' || typed === value) leave();
    else onEnter(typed, leave);
  };
  return <input ref={field} class="inline" type="text" value={value} aria-label={label} autocomplete="off" spellcheck={false} onKeyDown={press} onBlur={onClose} />;
}

/** Merging and assigning need another stream: they ask for it. */
export function ReportRowEdits({ row, by, run, isBusy }: RowProps & { isBusy: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const { key } = row;
  const name = plain(row.name) || (key ?? '');
  if (key === null) return null;
  const isStream = by === 'stream';
  const merge = (into: string): void => run(async () => {
    await act('streams.change', { change: 'merge', from: key, into });
    return `${name} is part of it now.`;
  });
  const assign = (stream: string | null, isNew: boolean): void => run(async () => {
    const document = by === 'session' ? { assign_by_session: [{ session_id: key.replace(/@[^@]*$/, ''), stream }] } : { assign_by_cwd: [{ cwd: key, stream }] };
    const { changed } = await act<{ changed: number }>('streams.assign', { document, by: 'user', create: isNew, dry_run: false });
    return `${name}: ${plural(changed, 'event')} changed; u takes it back.`;
  });
  return (
    <>
      <button type="button" class="slight" data-key={isStream ? 'm' : 's'} disabled={isBusy} onClick={() => setOpen(true)}>
        {isStream ? 'Merge' : 'Assign'}<span class="unseen"> {name}</span> <kbd>{isStream ? 'm' : 's'}</kbd>
      </button>
      {isOpen && (
        <StreamQuestion
          title={isStream ? `Merge ${name} into another stream` : `Which stream does ${name} belong to?`}
          verb={isStream ? 'Merge' : 'Assign'} isMerge={isStream} without={isStream ? key : undefined}
          onChosen={isStream ? (into) => merge(into ?? '') : assign} onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
