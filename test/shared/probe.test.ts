import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { probeLines, probeSchema, timeProbe } from '../../shared/probe.ts';
import { sample } from '../contract/samples.ts';

const WAY = ['file', 'agent', 'wire', 'collector', 'store', 'page', 'back'];
const OF_COLLECTOR = new Set(['collector', 'store', 'page']);

describe('the times of a probe', () => {
  it('are by one clock, however far the two are apart', () => {
    fc.assert(fc.property(fc.array(fc.nat(5000), { minLength: 6, maxLength: 6 }), fc.integer({ min: -1e9, max: 1e9 }), (delays, offset) => {
      // As long there as back: then the offset is exact, which nobody can know.
      const steps = delays.map((ms, index) => (index === 5 ? (delays[2] ?? 0) : ms));
      let true_ = 1_767_607_200_000;
      const hops = WAY.map((name, index) => {
        true_ += index === 0 ? 0 : (steps[index - 1] ?? 0);
        return { name, at: OF_COLLECTOR.has(name) ? true_ : true_ + offset };
      });
      const probe = timeProbe({ id: 'p', machine: null, hops, goal: 'back' });
      expect(probe.clock_offset_ms).toBe(offset);
      expect(probe.clock_error_ms).toBe(steps[2]);
      expect(probe.hops.map(({ delay_ms }) => delay_ms)).toEqual([null, ...steps]);
      expect(probe.total_ms).toBe(steps.reduce((sum, ms) => sum + ms, 0));
    }));
  });

  it('across clocks are not known when it did not go both ways', () => {
    const hops = [{ name: 'file', at: 100 }, { name: 'agent', at: 110 }, { name: 'wire', at: 111 }, { name: 'collector', at: 99_000 }, { name: 'store', at: 99_005 }];
    const probe = timeProbe({ id: 'p', machine: 'devbox', hops, goal: 'back' });
    expect(probe).toMatchObject({ complete: false, missing: 'page', clock_offset_ms: null, total_ms: null });
    expect(probe.hops.map(({ delay_ms }) => delay_ms)).toEqual([null, 10, 1, null, 5]);
    expect(probeLines(probe).join('\n')).toMatch(/did not arrive[^]*missing/);
  });

  it('leave out what is no hop, or no time', () => {
    const hops = [{ name: 'file', at: 1 }, { name: 'moon', at: 2 }, { name: 'agent', at: 1e300 }];
    expect(timeProbe({ id: 'p', machine: null, hops, goal: 'back' }).hops.map(({ name }) => name)).toEqual(['file']);
  });

  it('are printed hop by hop', () => {
    const hops = (sample<{ hops: { name: string; at: number }[] }>('frame.probe.answer')).hops;
    const probe = timeProbe({ id: 'p', machine: 'devbox', hops: [...hops, { name: 'back', at: 1767607200137 }], goal: 'back' });
    expect(probeSchema.parse(probe)).toEqual(probe);
    expect(probeLines(probe)).toHaveLength(9);
  });
});
