import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasMoreContainers } from '../../../shared/protocol/containers.ts';

function containersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, child) => sum + containersIn(child), 1);
}

it('counts arrays and objects as parsing would, whatever stands in strings', () => {
  const text = fc.string({ unit: fc.constantFrom('[', '{', '"', '\\', 'a', ']'), maxLength: 12 });
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(text, tie('value'), { maxKeys: 4 })),
  })).value;
  fc.assert(fc.property(json, (value) => {
    const count = containersIn(value);
    const printed = JSON.stringify(value);
    expect(hasMoreContainers(printed, count)).toBe(false);
    expect(hasMoreContainers(printed, count - 1)).toBe(true);
  }));
});
