/** The picture of a day. What it says is said again by the table beside it. */
import { memo } from 'hono/jsx/dom';
import { hoursWords } from '../../shared/report-words.ts';
import { durationWords, minuteWords } from '../../shared/status-words.ts';
import { go, sessionAddress } from './route.ts';
import { plain, projectName } from './session-name.tsx';
import { ATTENTION_PX, AXIS_PX, LANE_PX, type Block, type Lane, type Layout } from './timeline-layout.ts';

export const FORM_WORDS = { direct: 'had your attention', delegated: 'at work', waiting: 'waited for you' } as const;

export function laneTitle({ title, session, project, machine }: Omit<Lane, 'y' | 'blocks'>): string {
  return plain(title) || (session === undefined ? projectName(project) || plain(machine) : plain(session).replace(/^([^@]{8})[^@]*/, '$1'));
}

/** `nowMs`: only the date of it matters. */
export const TimelineChart = memo(function Chart({ layout, nowMs }: { layout: Layout; nowMs: number }) {
  const { width, height, lanes, attention, folds, ticks, machines, hatches } = layout;
  const axis = ATTENTION_PX + AXIS_PX;
  return (
    <svg class="timeline" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" onClick={follow}>
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-line" width="1.5" height="6" /></pattern>
      </defs>
      {folds.map(({ x, width: wide, ms }) => <rect key={`fold ${x}`} class="idle" x={x} y={0} width={wide} height={height}><title>{`nothing for ${durationWords(ms)}`}</title></rect>)}
      {folds.map(({ x, width: wide, ms }) => <text key={`text ${x}`} class="idle-text" x={x + wide / 2} y={axis - 5}>{shortWords(ms)}</text>)}
      {ticks.map(({ x }) => <line key={`line ${x}`} class="grid" x1={x} x2={x} y1={ATTENTION_PX} y2={height} />)}
      {ticks.map(({ x, atMs }) => <text key={`tick ${atMs}`} class="tick" x={x + 3} y={axis - 5}>{minuteWords(new Date(atMs).toISOString(), atMs)}</text>)}
      <line class="axis" x1={0} x2={width} y1={ATTENTION_PX} y2={ATTENTION_PX} />
      {machines.map(({ machine, y }) => <line key={`machine ${machine}`} class="grid" x1={0} x2={width} y1={y} y2={y} />)}
      {hatches.map(({ x, y, width: wide, height: high, fromMs, toMs, reason }) => (
        <rect key={`hatch ${y} ${fromMs}`} class="missing" x={x} y={y} width={wide} height={high} fill="url(#hatch)"><title>{`${clock(fromMs, nowMs)} to ${clock(toMs, nowMs)}: not captured, ${plain(reason)}`}</title></rect>
      ))}
      {[...attention, ...lanes].map((lane) => <LaneMarks key={`${lane.y} ${lane.session} ${lane.blocks[0]?.fromMs}`} lane={lane} nowMs={nowMs} />)}
    </svg>
  );
}, (before, after) => before.layout === after.layout);

function LaneMarks({ lane, nowMs }: { lane: Lane; nowMs: number }) {
  const marks = lane.blocks.map((block) => <rect key={String(block.fromMs)} class={block.form} x={block.x} y={block.y} width={block.width} height={block.height}><title>{markWords(lane, block, nowMs)}</title></rect>);
  if (lane.session === undefined) return <g>{marks}</g>;
  return <a href={sessionAddress({ session: lane.session })} tabindex={-1}>{marks}</a>;
}

function markWords(lane: Lane, { form, fromMs, toMs }: Block, nowMs: number): string {
  return `${laneTitle(lane)}${lane.machine === null ? '' : ` on ${plain(lane.machine)}`}\n${clock(fromMs, nowMs)} to ${clock(toMs, nowMs)}, ${durationWords(toMs - fromMs)}: ${FORM_WORDS[form]}`;
}

function clock(ms: number, nowMs: number): string {
  return minuteWords(new Date(ms).toISOString(), nowMs);
}

function shortWords(ms: number): string {
  return hoursWords(ms).replace(/ .*/, '');
}

/** A link of a drawing is none that the page's own way of following knows. */
function follow(event: MouseEvent): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const address = event.target instanceof Element ? event.target.closest('a')?.getAttribute('href') : null;
  if (typeof address !== 'string') return;
  event.preventDefault();
  go(address);
  window.scrollTo(0, 0);
}

/** Beside the picture, line by line: they stay in place while it is moved. */
export const TimelineLabels = memo(function Labels({ layout }: { layout: Layout }) {
  const rows = [...layout.machines.map((machine) => ({ ...machine, lane: undefined })), ...layout.lanes.map((lane) => ({ machine: lane.machine, y: lane.y, lane }))].toSorted((a, b) => a.y - b.y);
  return (
    <div class="lane-names">
      <p class="lane-you">You</p>
      {rows.map(({ machine, lane, y }) => (lane === undefined
        ? <p key={`machine ${y}`} class="lane-machine">{plain(machine) || 'no machine'}</p>
        : <p key={`lane ${y}`} class="lane-name" data-row tabindex={-1}>{lane.session === undefined ? laneTitle(lane) : <a href={sessionAddress({ session: lane.session })} title={laneTitle(lane)}>{laneTitle(lane)}</a>}</p>))}
    </div>
  );
}, (before, after) => before.layout === after.layout);

export const CHART_LEAST_PX = LANE_PX * 10;
