import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityOf, lastMs, planMerge, type LineFact } from '../../../shared/session-file/merge.ts';

const entry = (key: string, atMs?: number): LineFact => ({ key, isEntry: true, atMs });
const state = (key: string): LineFact => ({ key: `#${key}`, isEntry: false, atMs: undefined });

/** What stands under the session's name afterwards. */
function outcome(held: readonly LineFact[], offered: readonly LineFact[]): readonly LineFact[] {
  const plan = planMerge(held, offered);
  if (plan.kind === 'keep') return held;
  if (plan.kind === 'diverged') return plan.newest === 'held' ? held : offered;
  return [...offered.slice(0, plan.before), ...plan.carry.flatMap((index) => held[index] ?? []), ...offered.slice(plan.before)];
}

const keys = (lines: readonly LineFact[]): Set<string> => new Set(lines.filter(({ isEntry }) => isEntry).map(identityOf));
const lineOf = (name: string): fc.Arbitrary<LineFact> => fc.oneof(
  fc.record({ key: fc.integer({ max: 30, min: 0 }).map((n) => `${name}${n}`), said: fc.constantFrom('one', 'two'), isEntry: fc.constant(true), atMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }) }),
  fc.integer({ min: 0, max: 4 }).map((n) => state(`${name}${n}`)),
);
const linesOf = (name: string): fc.Arbitrary<LineFact[]> => fc.array(lineOf(name), { maxLength: 20 });

describe('two files of one session', () => {
  it('take the longer one where it has all that the other has, whatever sizes and last lines say', () => {
    const base = [entry('a', 1), entry('b', 2)];
    const longer = [...base, entry('c', 3)];
    expect(planMerge(base, longer)).toMatchObject({ kind: 'take', carry: [] });
    expect(planMerge(longer, base)).toEqual({ kind: 'keep' });
    expect(planMerge([...base, ...Array.from({ length: 50 }, (_, n) => state(`${n}`))], longer)).toMatchObject({ kind: 'take', before: 2 });
    expect(planMerge(base, base)).toEqual({ kind: 'keep' });
  });

  it('keep both where both went on, and the newest last time says whose name stays', () => {
    const base = [entry('a', 1)];
    const [held, offered] = [[...base, entry('h', 10), entry('h2', 20), state('x')], [...base, entry('o', 15), state('y'), state('z')]];
    expect(planMerge(held, offered)).toEqual({ kind: 'diverged', newest: 'held', held: { count: 2, first: 'h' }, offered: { count: 1, first: 'o' } });
    expect(planMerge(offered, held)).toMatchObject({ kind: 'diverged', newest: 'offered' });
    expect(planMerge([...base, entry('h', 10)], [...base, entry('o', 10)])).toMatchObject({ newest: 'held' });
    expect(planMerge([...base, entry('h')], [...base, entry('o')])).toMatchObject({ newest: 'held' });
  });

  it('keep both where one uuid says two things, and each is named by what it says', () => {
    const said = (what: string, atMs: number): LineFact => ({ ...entry('b', atMs), said: what });
    const [held, offered] = [[entry('a', 1), said('one', 2)], [entry('a', 1), said('two', 3), entry('c', 4)]];
    expect(planMerge(held, offered)).toEqual({ kind: 'diverged', newest: 'offered', held: { count: 1, first: 'b one' }, offered: { count: 2, first: 'b two' } });
    expect(planMerge(held, [...offered, said('one', 2)])).toMatchObject({ kind: 'take' });
    expect(planMerge([...offered, said('one', 2)], held)).toEqual({ kind: 'keep' });
  });

  it('carry what only the held file says without an identity to where it was said', () => {
    const held = [entry('a'), state('title'), entry('b')];
    const offered = [entry('a'), entry('b'), entry('c')];
    expect(outcome(held, offered).map(({ key }) => key)).toEqual(['a', '#title', 'b', 'c']);
    expect(planMerge([entry('a')], [entry('a'), state('title')])).toMatchObject({ kind: 'take' });
    expect(planMerge([entry('a'), state('one')], [entry('a'), state('two')])).toEqual({ kind: 'keep' });
  });

  it('know the last time of lines out of order and without one', () => {
    expect(lastMs([entry('a', 5), entry('b', 9), entry('c', 7), state('s')])).toBe(9);
    expect(lastMs([state('s')])).toBeUndefined();
  });

  it('never lose an entry: it stands under the name, or both went on and neither is written over unseen', () => {
    fc.assert(fc.property(linesOf('a'), linesOf('b'), linesOf('a'), (base, ownOffered, more) => {
      const [held, offered] = [[...base, ...more], [...base, ...ownOffered]];
      const plan = planMerge(held, offered);
      const after = keys(outcome(held, offered));
      const [inHeld, inOffered] = [keys(held), keys(offered)];
      const isSubset = (a: Set<string>, b: Set<string>): boolean => [...a].every((key) => b.has(key));
      expect(plan.kind === 'diverged').toBe(!isSubset(inHeld, inOffered) && !isSubset(inOffered, inHeld));
      fc.pre(plan.kind !== 'diverged');
      expect(after).toEqual(new Set([...inHeld, ...inOffered]));
      const lines = outcome(held, offered).map(({ key }) => key);
      expect(plan.kind === 'keep' || held.every(({ key }) => lines.includes(key))).toBe(true);
      expect(plan.kind === 'keep' || lines.length === offered.length + plan.carry.length).toBe(true);
    }), { numRuns: 300 });
  });

  it('give the same content again when they are merged again', () => {
    fc.assert(fc.property(linesOf('a'), linesOf('a'), (held, more) => {
      const after = outcome(held, [...held, ...more]);
      expect(planMerge(after, [...held, ...more])).toEqual({ kind: 'keep' });
    }), { numRuns: 300 });
  });
});
