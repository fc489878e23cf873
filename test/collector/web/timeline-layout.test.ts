import { describe, expect, it } from 'vitest';
import { dateAfter } from '../../../collector/web/today-panel.tsx';
import { layoutOf, MOST_LANES, type Layout } from '../../../collector/web/timeline-layout.ts';
import { rowsOf } from '../../../collector/web/timeline-table.tsx';
import { timelineDocumentSchema, type AgentBlock, type TimelineDocument } from '../../../shared/timeline-document.ts';

const at = (hour: number): string => new Date(Date.UTC(2026, 0, 5) + hour * 3_600_000).toISOString();
const block = (from: number, to: number, form: AgentBlock['form'] = 'delegated'): AgentBlock => ({ from: at(from), to: at(to), form });
const lane = (session: string, ...blocks: AgentBlock[]) => ({ session: `${session}@devbox`, session_id: session, machine: 'devbox', title: null, project: null, blocks });

function day(change: Partial<TimelineDocument> = {}): TimelineDocument {
  return timelineDocumentSchema.parse({
    schema: 1, timezone: 'UTC', date: '2026-01-05', from: at(0), to: at(24), as_of: at(24), time_direct_ms: 0, time_delegated_ms: 0, time_waiting_ms: 0, attention: [],
    machines: [{ machine: 'devbox', not_captured: [], sessions: [lane('a', block(9, 10)), lane('b', block(15, 15.5, 'waiting'))] }],
    completeness: { complete: true, until: at(24), missing: [], gaps: [], clock_offsets: [] }, ...change,
  });
}

const boxes = (layout: Layout) => layout.lanes.flatMap(({ blocks }) => blocks);

describe('a day', () => {
  it('that is not folded is as long as its hours', () => {
    const [work, wait] = boxes(layoutOf(day(), 2400, false));
    expect(work).toMatchObject({ form: 'delegated', x: 900, width: 100 });
    expect(wait).toMatchObject({ form: 'waiting', x: 1500, width: 50 });
  });

  it('folds long idle time, everything in order and inside', () => {
    const layout = layoutOf(day(), 1000, true);
    expect(layout.folds.map(({ ms }) => Math.round(ms / 60_000))).toEqual([9 * 60 - 4, 5 * 60 - 8, 8.5 * 60 - 4]);
    const [work, wait] = boxes(layout);
    expect(work!.width).toBeGreaterThan(500);
    expect(wait!.x).toBeGreaterThan(work!.x + work!.width);
    expect(wait!.x + wait!.width).toBeLessThanOrEqual(1000);
    expect(layout.folds.every(({ x, width }) => x >= 0 && x + width <= 1000.001)).toBe(true);
    for (const { x } of layout.ticks) expect(layout.folds.some((fold) => x > fold.x && x < fold.x + fold.width)).toBe(false);
  });

  it('that goes on ends now', () => {
    const [work] = boxes(layoutOf(day({ as_of: at(12), machines: [{ machine: 'devbox', not_captured: [], sessions: [lane('a', block(6, 12))] }] }), 1200, false));
    expect(work).toMatchObject({ x: 600, width: 600 });
  });

  it('a moment can be seen', () => {
    expect(boxes(layoutOf(day({ machines: [{ machine: 'devbox', not_captured: [], sessions: [lane('a', block(9, 9))] }] }), 500, false))[0]!.width).toBe(2);
  });

  it('what is missing covers all lanes of its machine, folded or not', () => {
    const missing = day({ machines: [{ ...day().machines[0]!, not_captured: [{ from: at(10), to: at(20), reason: 'x' }] }, { machine: 'quiet', not_captured: [{ from: at(0), to: at(24), reason: 'y' }], sessions: [] }] });
    const { hatches, lanes, machines } = layoutOf(missing, 2400, false);
    expect(hatches[0]).toMatchObject({ x: 1000, width: 1000, y: machines[0]!.y });
    expect(hatches[0]!.y + hatches[0]!.height).toBeGreaterThan(lanes[1]!.y);
    expect(hatches[1]).toMatchObject({ x: 0, width: 2400, y: machines[1]!.y });
    expect(layoutOf(missing, 1000, true).hatches[0]!.width).toBeGreaterThan(0);
  });

  it('with more sessions than a page can show tells how many are only in the table', () => {
    const many = day({ machines: [{ machine: 'devbox', not_captured: [], sessions: Array.from({ length: MOST_LANES + 3 }, (_, i) => lane(`s${i}`, block(9, 10))) }] });
    const layout = layoutOf(many, 1000, true);
    expect([layout.lanes.length, layout.hidden, rowsOf(many).length]).toEqual([MOST_LANES, 3, MOST_LANES + 3]);
  });

  it('without anything is shown as it is, without a fold', () => {
    expect(layoutOf(day({ machines: [] }), 1000, true)).toMatchObject({ folds: [], lanes: [] });
  });

  it('in rows has each thing once, in order', () => {
    const full = day({ attention: [{ from: at(8), to: at(9), machine: 'laptop', session: null, title: null, project: '/home/me/src/web' }] });
    expect(rowsOf(full).map(({ what, name }) => [what, name])).toEqual([['had your attention', 'web'], ['at work', 'a@devbox'], ['waited for you', 'b@devbox']]);
  });
});

it('another day is reckoned by dates, and today is always today', () => {
  expect(dateAfter('2026-03-01', -1, '2026-03-01')).toBe('2026-02-28');
  expect(dateAfter('2026-02-27', 1, '2026-03-01')).toBe('2026-02-28');
  expect(dateAfter('2026-02-28', 1, '2026-03-01')).toBe('today');
  expect(dateAfter('', -1, '')).toBe('today');
});
