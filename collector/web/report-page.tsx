/** A report at an address of its own: where the time of a day, a week or a month went, and to whom it is said to belong. */
import { useRef, useState } from 'hono/jsx/dom';
import type { ReportDocument, ReportGroup, ReportRow } from '../../shared/report-documents.ts';
import { completenessWords, hoursWords, periodWords } from '../../shared/report-words.ts';
import { clockWords, countWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { act, useActing, type Run } from './actions.ts';
import { CompletenessMark } from './completeness-mark.tsx';
import { useAnswer } from './answer.ts';
import { Cell, Panel, Table } from './panel.tsx';
import { Question } from './question.tsx';
import { ReportRowEdits, ReportRowName } from './report-row.tsx';
import { dateIn, datesOf, stepDate } from './report-period.ts';
import { reportAddress, REPORT_GROUPS, REPORT_PERIODS, type Route } from './route.ts';
import { Said } from './said.tsx';
import { plain } from './session-name.tsx';

/** Between two looks at what may have changed. */
const LEAST_MS = 2000;

type ReportRoute = Extract<Route, { page: 'reports' }>;

export function ReportPage({ route, stamp, nowMs }: { route: ReportRoute; stamp: string; nowMs: number }) {
  const { period, by } = route;
  // Which day it is, is for the collector to say: this browser may be in another zone.
  const { document, error, askAgain } = useAnswer<ReportDocument>(`/api/v1/report?${whenOf(route)}&by=${by}`, stamp, LEAST_MS);
  const zone = useRef<string | undefined>(undefined);
  zone.current = document?.timezone ?? zone.current;
  const today = dateIn(zone.current ?? undefined, nowMs);
  return (
    <article aria-label="Report">
      <Chooser period={period} date={route.date ?? today} by={by} today={today} />
      {error !== undefined && <p class="problem">{plain(error)}</p>}
      {document && <Report document={document} period={period} nowMs={nowMs} onChange={askAgain} />}
      {!document && error === undefined && <p class="empty">{UNKNOWN}</p>}
    </article>
  );
}

function whenOf({ period, date }: ReportRoute): string {
  if (date === null) return `period=${period}`;
  const { start, end } = datesOf(period, date);
  return `start=${start}&end=${end}`;
}

/** Every choice is a link: it can be opened, kept and sent. */
function Chooser({ period, date, by, today }: Pick<ReportRoute, 'period' | 'by'> & { date: string; today: string }) {
  const { start, end } = datesOf(period, date);
  // From the present week to today, not to its Monday.
  const within = start <= today && today < end ? today : start;
  return (
    <nav class="chooser" aria-label="Which report">
      <p>
        <a class="button" data-key="[" href={reportAddress({ period, by, date: stepDate(period, date, -1) })}>← <span>before</span> <kbd>[</kbd></a>{' '}
        {end <= today ? <a class="button" data-key="]" href={reportAddress({ period, by, date: end })}><span>after</span> → <kbd>]</kbd></a> : null}{' '}
        {REPORT_PERIODS.map((each) => <a key={each} class="choice" href={reportAddress({ period: each, by, date: within })} aria-current={each === period ? 'true' : undefined}>{each}</a>)}
      </p>
      <p>
        by {REPORT_GROUPS.map((group) => <a key={group} class="choice" href={reportAddress({ period, date, by: group })} aria-current={group === by ? 'true' : undefined}>{group}</a>)}
      </p>
    </nav>
  );
}

const TITLES: Readonly<Record<ReportGroup, string>> = { stream: 'Stream', project: 'Project', machine: 'Machine', day: 'Day', session: 'Session', tag: 'Tag' };

interface ReportProps {
  document: ReportDocument;
  period: ReportRoute['period'];
  nowMs: number;
  /** Something was changed: what is shown is old. */
  onChange(): void;
}

function Report({ document, period, nowMs, onChange }: ReportProps) {
  const acting = useActing();
  const { by, totals, completeness } = document;
  const rows = document.rows.filter((row) => row.time_total_ms > 0 || row.time_waiting_ms > 0 || by === 'day');
  const title = periodWords({ ...document.period, type: period });
  const columns = [{ title: TITLES[by] }, ...['Direct', 'Delegated', 'Together', 'Waited for you', 'Sessions'].map((each) => ({ title: each, isNumber: true as const })), ...(isEdited(by) ? [{ title: 'Change' }] : [])];
  const run: Run = (work, onDone) => acting.run(work, () => {
    onChange();
    onDone?.();
  });
  const takeBack = (): void => run(async () => {
    const { undone } = await act<{ undone: Undone | null }>('streams.undo', { act: null });
    return undone === null ? 'Nothing is assigned.' : `Taken back: ${plural(undone.assignments, 'assignment')} by ${undone.assigned_by} of ${clockWords(undone.assigned_at, Date.now())}; what was said before holds again.`;
  });
  return (
    <Panel id="report" title={title} note={`${document.timezone}, by ${by}`}>
      <p class={completeness.complete ? 'quiet' : 'note'}>{plain(completenessWords(completeness, nowMs))}</p>
      {rows.length === 0 && <p class="empty">No time in this period.</p>}
      {rows.length > 0 && (
        <Table label={`${title}, by ${by}`} columns={columns}>
          {rows.map((row) => <Row key={row.key ?? ''} row={row} document={document} run={run} isBusy={acting.isBusy} />)}
          <TotalRow key="total of all" document={document} />
        </Table>
      )}
      <Said {...acting} />
      {rows.length > 0 && <Notes totals={totals} by={by} />}
      {isEdited(by) && <TakeBack isBusy={acting.isBusy} onYes={takeBack} />}
    </Panel>
  );
}

interface Undone {
  assigned_by: string;
  assigned_at: string;
  assignments: number;
}

/** It asks: nothing brings back what was taken back. */
function TakeBack({ isBusy, onYes }: { isBusy: boolean; onYes(): void }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <p class="actions"><button type="button" data-key="u" disabled={isBusy} onClick={() => setAsked(true)}>Take the last assignment back <kbd>u</kbd></button></p>
      <Question isOpen={isAsked} title="Take the last assignment back" verb="Take it back" isGrave onYes={onYes} onClose={() => setAsked(false)}>
        <p>What was assigned last, here or by a command, is forgotten, and what was said before holds again. To have it back it must be assigned anew.</p>
      </Question>
    </>
  );
}

export function isEdited(by: ReportGroup): boolean {
  return by === 'stream' || by === 'session' || by === 'project';
}

interface RowProps {
  row: ReportRow;
  document: ReportDocument;
  run: Run;
  isBusy: boolean;
}

function Row({ row, document, run, isBusy }: RowProps) {
  const { by, totals, completeness: { complete } } = document;
  // Where no session tells when it waits, a row's zero is not known to be one.
  const waited = totals.time_waiting_ms === null ? null : row.time_waiting_ms;
  return (
    <tr role="row" tabindex={-1} data-row>
      <th role="rowheader" scope="row"><ReportRowName row={row} by={by} run={run} /></th>
      <Number title="Direct" words={hoursWords(row.time_direct_ms)} isComplete={complete} />
      <Number title="Delegated" words={hoursWords(row.time_delegated_ms)} isComplete={complete} />
      <Number title="Together" words={hoursWords(row.time_total_ms)} isComplete={complete} />
      <Number title="Waited for you" words={waited === null ? UNKNOWN : hoursWords(waited)} isComplete={complete} />
      <Number title="Sessions" words={countWords(row.sessions)} isComplete={complete} />
      {isEdited(by) && <Cell title="Change"><ReportRowEdits row={row} by={by} run={run} isBusy={isBusy} /></Cell>}
    </tr>
  );
}

/** Not the sum of the rows: what was done at the same time is counted once. */
function TotalRow({ document: { by, totals, completeness: { complete } } }: { document: ReportDocument }) {
  const bound = totals.waiting_unknown_sessions > 0 ? '≥ ' : '';
  return (
    <tr role="row" tabindex={-1} data-row class="total">
      <th role="rowheader" scope="row">All</th>
      <Number title="Direct" words={hoursWords(totals.time_direct_ms)} isComplete={complete} />
      <Number title="Delegated" words={hoursWords(totals.time_delegated_ms)} isComplete={complete} />
      <Number title="Together" words={hoursWords(totals.time_total_ms)} isComplete={complete} />
      <Number title="Waited for you" words={totals.time_waiting_ms === null ? UNKNOWN : bound + hoursWords(totals.time_waiting_ms)} isComplete={complete} />
      <Number title="Sessions" words={countWords(totals.sessions)} isComplete={complete} />
      {isEdited(by) && <Cell title="Change" />}
    </tr>
  );
}

function Number({ title, words, isComplete }: { title: string; words: string; isComplete: boolean }) {
  return <Cell title={title} isNumber>{words} <CompletenessMark isComplete={isComplete} /></Cell>;
}

function Notes({ totals, by }: Pick<ReportDocument, 'totals' | 'by'>) {
  const unassigned = totals.unassigned_direct_ms + totals.unassigned_delegated_ms;
  const notes = [
    `Up to ${plural(totals.peak_sessions, 'session')} at once.`,
    ...(totals.leverage === null ? [] : [`${totals.leverage.toFixed(1)} delegated hours per direct hour.`]),
    ...(unassigned === 0 ? [] : [`Of no stream yet: ${hoursWords(totals.unassigned_direct_ms)} direct, ${hoursWords(totals.unassigned_delegated_ms)} delegated; by session they can be assigned.`]),
    ...(totals.waiting_unknown_sessions === 0 ? [] : [`${plural(totals.waiting_unknown_sessions, 'session')} can not tell when they wait.`]),
    ...(by === 'tag' ? ['A stream counts in full under each of its tags.'] : []),
  ];
  return <p class="quiet">{notes.join(' ')}</p>;
}
