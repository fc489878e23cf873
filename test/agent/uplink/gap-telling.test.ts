import { describe, expect, it } from 'vitest';
import { createGapTelling } from '../../../agent/uplink/gap-telling.ts';
import { eventId } from '../../support/model-feed.ts';
import { createStage } from '../../support/uplink-stage.ts';
import type { GapReport } from '../../../shared/protocol/frames.ts';

const gap = (n: number, change: Partial<GapReport> = {}): GapReport => ({
  gen: n.toString(16).padStart(32, '0'), path: `/logs/${n}.jsonl`, from: 0, to: 100, t_from: '', t_to: '', reason: 'released', ...change,
});
const gapsTo = (count: number): GapReport[] => Array.from({ length: count }, (_, n) => gap(n));

describe('the gaps that frames name', () => {
  it('are all of them, the untold before the told and the oldest first, a frame’s worth at a time', () => {
    const all = gapsTo(2500);
    const untold = all.filter((_, n) => n % 2 === 1);
    const telling = createGapTelling();
    const frames = [1, 2, 3, 4, 5].map(() => telling.next({ all, untold }, 1));
    expect(new Set(frames.flat())).toEqual(new Set(all));
    expect(frames.every(({ length }) => length <= 1000)).toBe(true);
    expect(frames[0]).toEqual(untold.slice(0, frames[0]?.length));
    const settled = telling.next({ all, untold }, 1);
    expect(settled).toEqual(all.slice(-settled.length));
    expect(telling.next({ all, untold }, 1)).toEqual(settled);
  });

  it('fit a frame, however long their paths are', () => {
    const all = gapsTo(300).map((each) => ({ ...each, path: `/${'é'.repeat(2000)}` }));
    const named = createGapTelling().next({ all, untold: all }, 1);
    expect(named.length).toBeGreaterThan(40);
    expect(Buffer.byteLength(JSON.stringify(named))).toBeLessThan(257 * 1024);
  });

  it('are told once something is acknowledged that was sent behind their frame, and named anew when they have grown', () => {
    const telling = createGapTelling();
    telling.next({ all: [gap(1)], untold: [gap(1)] }, 5);
    expect(telling.acknowledged(4)).toEqual([]);
    telling.next({ all: [gap(1), gap(2)], untold: [gap(1), gap(2)] }, 7);
    expect(telling.acknowledged(6)).toEqual([gap(1)]);
    const grown = gap(1, { to: 200 });
    expect(telling.next({ all: [gap(2), grown], untold: [gap(2), grown] }, 8)).toEqual([gap(2), grown]);
    expect(telling.acknowledged(9)).toEqual([gap(2), grown]);
    expect(telling.acknowledged(10)).toEqual([]);
  });
});

describe('a connection', () => {
  it('tells every gap, and takes for told what stood in a frame before an acknowledged batch', async () => {
    const { feed, collector, dial, pass } = createStage();
    feed.gaps.push(...gapsTo(1500));
    collector.mischief = { onBatch: () => 'ignore', onAnswer: () => 'once' };
    const file = feed.add('a', 'live', 1);
    const link = dial();
    await pass(20_000);
    expect(new Set(collector.statuses.flatMap(({ gaps }) => gaps.map(({ gen }) => gen))).size).toBe(1500);
    expect(feed.toldGaps).toEqual([]);
    link.pair.cut();
    await pass(2);
    collector.mischief = { onBatch: () => 'take', onAnswer: () => 'once' };
    dial();
    await pass(50);
    expect(collector.events.has(eventId('a', 0, 0))).toBe(true);
    // Of the frames of this connection only the first came before its batch.
    expect(feed.toldGaps.length).toBeGreaterThan(500);
    expect(feed.toldGaps.length).toBeLessThan(1500);
    await pass(20_000);
    feed.append(file, 1);
    await pass(50);
    expect(new Set(feed.toldGaps)).toEqual(new Set(feed.gaps));
  });
});
