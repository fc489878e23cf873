/** A day: attention above the axis, the sessions of each machine below it. */
import { useEffect, useMemo, useRef, useState } from 'hono/jsx/dom';
import { completenessWords, hoursWords, periodWords } from '../../shared/report-words.ts';
import type { TimelineDocument } from '../../shared/timeline-document.ts';
import { UNKNOWN } from '../../shared/status-words.ts';
import { useAnswer } from './answer.ts';
import { FoldingPanel } from './folding-panel.tsx';
import { plain } from './session-name.tsx';
import { CHART_LEAST_PX, TimelineChart, TimelineLabels } from './timeline-chart.tsx';
import { layoutOf } from './timeline-layout.ts';
import { TimelineTable } from './timeline-table.tsx';

const LEAST_MS = 10_000;
const MOST_ZOOM = 32;
const TODAY = 'today';

/** `stamp`: another one when something may have changed. */
export function TodayPanel({ stamp, nowMs }: { stamp: string; nowMs: number }) {
  const [date, setDate] = useState(TODAY);
  // Also of a day that is over: something may arrive late.
  const { document, error } = useAnswer<TimelineDocument>(`/api/v1/timeline?date=${date}`, stamp, LEAST_MS);
  const today = useRef('');
  if (date === TODAY && document) today.current = document.date;
  const step = (days: number): void => setDate((from) => dateAfter(from === TODAY ? (today.current ?? '') : from, days, today.current ?? ''));
  const title = date === TODAY ? 'Today' : periodWords({ type: 'day', start: date, end: date });
  return (
    <FoldingPanel id="today" title={title} note={document ? sumWords(document) : ''}>
      {() => <Day document={document} error={error} isToday={date === TODAY} nowMs={nowMs} onStep={step} onToday={() => setDate(TODAY)} />}
    </FoldingPanel>
  );
}

interface DayProps {
  document: TimelineDocument | undefined;
  error: string | undefined;
  isToday: boolean;
  nowMs: number;
  onStep(days: number): void;
  onToday(): void;
}

function Day({ document, error, isToday, nowMs, onStep, onToday }: DayProps) {
  const [zoom, setZoom] = useState(1);
  const [isFolded, setFolded] = useState(true);
  const [isTable, setTable] = useState(false);
  return (
    <>
      <div class="tools" role="toolbar" aria-label="Day">
        <button type="button" data-key="[" onClick={() => onStep(-1)} title="the day before: [">← Day before</button>
        <button type="button" data-key="]" disabled={isToday} onClick={() => onStep(1)} title="the day after: ]">Day after →</button>
        {!isToday && <button type="button" onClick={onToday}>Today</button>}
        <button type="button" data-key="+" disabled={zoom >= MOST_ZOOM} onClick={() => setZoom(zoom * 2)} title="closer: +">Closer</button>
        <button type="button" data-key="-" disabled={zoom <= 1} onClick={() => setZoom(zoom / 2)} title="farther: -">Farther</button>
        <button type="button" data-key="0" disabled={zoom <= 1} onClick={() => setZoom(1)} title="all of it: 0">Whole</button>
        <button type="button" data-key="f" aria-pressed={isFolded ? 'true' : 'false'} onClick={() => setFolded(!isFolded)} title="fold or show idle time: f">Idle folded</button>
        <button type="button" data-key="v" aria-pressed={isTable ? 'true' : 'false'} onClick={() => setTable(!isTable)} title="rows instead of a picture: v">As a table</button>
        <span class="day-legend"><span class="legend-mark direct">your attention</span><span class="legend-mark delegated">at work</span><span class="legend-mark waiting">waited for you</span><span class="legend-mark missing">not captured</span></span>
      </div>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
      {document === undefined && error === undefined && <p class="empty">{UNKNOWN}</p>}
      {document && <DayBody document={document} view={{ zoom, isFolded, isTable }} nowMs={nowMs} />}
    </>
  );
}

function DayBody({ document, view, nowMs }: { document: TimelineDocument; view: { zoom: number; isFolded: boolean; isTable: boolean }; nowMs: number }) {
  const isEmpty = document.attention.length === 0 && document.machines.every(({ sessions }) => sessions.length === 0);
  const isMissing = document.machines.some(({ not_captured: missing }) => missing.length > 0);
  return (
    <>
      {isEmpty && <p class="empty">{isMissing ? 'Nothing is known of this day, and not all of it was captured.' : 'Nothing happened on this day.'}</p>}
      {(!isEmpty || isMissing) && (view.isTable ? <TimelineTable document={document} nowMs={nowMs} /> : <Picture document={document} zoom={view.zoom} isFolded={view.isFolded} nowMs={nowMs} />)}
      {!document.completeness.complete && <p class="note">{plain(completenessWords(document.completeness, nowMs))}</p>}
    </>
  );
}

function Picture({ document, zoom, isFolded, nowMs }: { document: TimelineDocument; zoom: number; isFolded: boolean; nowMs: number }) {
  const window = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = window.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  const layout = useMemo(() => (width === 0 ? undefined : layoutOf(document, Math.max(CHART_LEAST_PX, width) * zoom, isFolded)), [document, width, zoom, isFolded]);
  // What was in the middle stays there; at first that is the present.
  const middle = useRef(1);
  useEffect(() => {
    const element = window.current;
    if (element) element.scrollLeft = (middle.current ?? 1) * element.scrollWidth - element.clientWidth / 2;
  }, [zoom, width]);
  const scrolled = (): void => {
    const element = window.current;
    if (element && element.scrollWidth > element.clientWidth) middle.current = (element.scrollLeft + element.clientWidth / 2) / element.scrollWidth;
  };
  return (
    <>
      <div class="day">
        {layout && <TimelineLabels layout={layout} />}
        <div class="day-window" ref={window} tabindex={0} role="group" aria-label="The day as a picture; the table says the same" onScroll={scrolled}>
          {layout && <TimelineChart layout={layout} nowMs={nowMs} />}
        </div>
      </div>
      {layout !== undefined && layout.hidden > 0 && <p class="quiet">{layout.hidden} more sessions are in the table.</p>}
    </>
  );
}

function sumWords({ time_direct_ms: direct, time_delegated_ms: delegated, time_waiting_ms: waiting }: TimelineDocument): string {
  return `${hoursWords(direct)} direct, ${hoursWords(delegated)} delegated, ${hoursWords(waiting)} waited for you`;
}

/** Dates are of the collector's zone: they are reckoned with, never made of a time of here. */
export function dateAfter(date: string, days: number, today: string): string {
  const at = Date.parse(`${date}T12:00:00Z`);
  if (Number.isNaN(at)) return TODAY;
  const next = new Date(at + days * 86_400_000).toISOString().slice(0, 10);
  return next >= today ? TODAY : next;
}
