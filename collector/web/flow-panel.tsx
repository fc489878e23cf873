/** How much comes in: of the last minute by second, of the last day by machine and verdict. */
import { memo } from 'hono/jsx/dom';
import { clockWords, countWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import type { MachineThroughput, Rate, ThroughputDocument } from '../../shared/throughput-document.ts';
import { useAnswer } from './answer.ts';
import { FoldingPanel } from './folding-panel.tsx';
import { Cell, Table } from './panel.tsx';
import { plain } from './session-name.tsx';

const LEAST_MS = 15_000;
const COLUMNS = [{ title: 'Machine' }, { title: 'Last 24 h' }, { title: 'Stored', isNumber: true }, { title: 'Duplicate', isNumber: true }, { title: 'Refused', isNumber: true }] as const;
const HOUR_MS = 3_600_000;
const HOURS = 24;
const BAR_PX = 5;
const HIGH_PX = 18;
const NOW_SECONDS = 5;

/** `stamp`: another one when something may have changed. */
export function FlowPanel({ rate, stamp, nowMs }: { rate: Rate | undefined; stamp: string; nowMs: number }) {
  return (
    <FoldingPanel id="flow" title="What comes in">
      {() => (
        <>
          <LastMinute rate={rate} nowMs={nowMs} />
          <LastDay stamp={stamp} nowMs={nowMs} />
        </>
      )}
    </FoldingPanel>
  );
}

/** As of now: seconds in which no message came had no events. */
export function lastSeconds({ second, stored }: Rate, nowMs: number): number[] {
  const passed = Math.min(stored.length, Math.max(0, Math.floor(nowMs / 1000) - second));
  return [...stored.slice(passed), ...Array.from({ length: passed }, () => 0)];
}

function LastMinute({ rate, nowMs }: { rate: Rate | undefined; nowMs: number }) {
  if (rate === undefined) return <p class="empty">{UNKNOWN}</p>;
  const seconds = lastSeconds(rate, nowMs);
  const sum = seconds.reduce((total, count) => total + count, 0);
  const now = seconds.slice(-NOW_SECONDS).reduce((total, count) => total + count, 0) / NOW_SECONDS;
  const words = sum === 0 ? 'no event in the last minute' : `${plural(sum, 'event')} in the last minute, ${now < 10 ? now.toFixed(1) : countWords(Math.round(now))} a second now`;
  return <p class="last-minute"><Bars counts={seconds} wide={3} high={28} /> <span>{words}</span></p>;
}

/** A picture of what stands beside it in words. */
const Bars = memo(function Strip({ counts, wide, high }: { counts: readonly number[]; wide: number; high: number }) {
  const most = Math.max(1, ...counts);
  const bars = counts.map((count, at) => (count === 0 ? '' : `M${at * wide} ${high}v${-Math.max(1, (count / most) * (high - 2))}h${wide - 1}V${high}z`)).join('');
  return <svg class="bars" width={counts.length * wide} height={high} viewBox={`0 0 ${counts.length * wide} ${high}`} aria-hidden="true"><path class="base" d={`M0 ${high - 0.5}H${counts.length * wide}`} /><path d={bars} /></svg>;
}, (before, after) => before.counts.join() === after.counts.join());

function LastDay({ stamp, nowMs }: { stamp: string; nowMs: number }) {
  // A duplicate is no new event: also when nothing is, it is asked for now and then.
  const { document, error } = useAnswer<ThroughputDocument>('/api/v1/throughput', `${stamp} ${Math.floor(nowMs / LEAST_MS)}`, LEAST_MS);
  if (document === undefined) return error === undefined ? <p class="empty">{UNKNOWN}</p> : <p class="problem">{plain(error)}</p>;
  const sent = document.machines.filter(({ stored, duplicate, refused }) => stored + duplicate + refused > 0);
  const silent = document.machines.length - sent.length;
  return (
    <>
      {sent.length > 0 && (
        <Table label="What came in by machine" columns={COLUMNS}>
          {sent.map((machine) => <Row key={machine.machine_id} machine={machine} asOfMs={Date.parse(document.as_of)} />)}
        </Table>
      )}
      <p class="quiet">Counted since {clockWords(document.since, nowMs)}{silent > 0 && `; nothing came from ${sent.length === 0 ? 'any machine' : plural(silent, 'other machine')}`}. A duplicate was here already, which is normal; what is refused is not.</p>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
    </>
  );
}

function Row({ machine: { machine, stored, duplicate, refused, hours }, asOfMs }: { machine: MachineThroughput; asOfMs: number }) {
  const first = Math.floor(asOfMs / HOUR_MS) - HOURS + 1;
  const counts = Array.from({ length: HOURS }, (_, at) => hours.find(({ from }) => Date.parse(from) === (first + at) * HOUR_MS)?.stored ?? 0);
  return (
    <tr role="row" tabindex={-1} data-row>
      <th role="rowheader" scope="row">{plain(machine)}</th>
      <Cell title="Last 24 h"><Bars counts={counts} wide={BAR_PX} high={HIGH_PX} /></Cell>
      <Cell title="Stored" isNumber>{countWords(stored)}</Cell>
      <Cell title="Duplicate" isNumber>{countWords(duplicate)}</Cell>
      <Cell title="Refused" isNumber><span class={refused > 0 ? 'problem' : ''}>{countWords(refused)}</span></Cell>
    </tr>
  );
}
