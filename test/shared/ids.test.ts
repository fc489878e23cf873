import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLabel, isUuid, parseCollectorId, parseGeneration, parseMachineId, toLabel } from '../../shared/ids.ts';

describe('a label', () => {
  it.each(['a', '0', 'devbox', 'gpu-box_2', 'x'.repeat(64)])('may be %s', (text) => expect(isLabel(text)).toBe(true));

  it.each(['', '-a', '_a', 'Devbox', 'dev.box', 'dev box', 'é', 'x'.repeat(65), 'a\n', 'a/b'])('may not be %j', (text) => {
    expect(isLabel(text)).toBe(false);
  });

  it.each([
    ['DevBox.local', 'devbox'], ['gpu box', 'gpu-box'], ['--x', 'x'], ['', 'machine'], ['...', 'machine'],
    ['été', 't-'], ['日本', 'machine'], ['X'.repeat(80), 'x'.repeat(64)],
  ])('made of the host name %j is %s', (hostname, label) => {
    expect(toLabel(hostname)).toBe(label);
  });

  it('can be made of every host name', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (hostname) => {
      expect(isLabel(toLabel(hostname))).toBe(true);
    }));
  });
});

describe('an identifier from outside', () => {
  it('is a lower-case UUID with hyphens', () => {
    const uuid = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
    expect(isUuid(uuid)).toBe(true);
    for (const wrong of [uuid.toUpperCase(), `${uuid} `, `${uuid}\n`, uuid.replaceAll('-', ''), `{${uuid}}`, '']) {
      expect(isUuid(wrong)).toBe(false);
      expect(parseMachineId(wrong)).toBeUndefined();
      expect(parseCollectorId(wrong)).toBeUndefined();
    }
  });

  it('names a generation by 16 bytes in lower-case hex', () => {
    expect(parseGeneration('0123456789abcdef'.repeat(2))).toBeDefined();
    for (const wrong of ['', '0'.repeat(31), '0'.repeat(33), 'G'.repeat(32), 'A'.repeat(32), `${'0'.repeat(32)}\n`]) {
      expect(parseGeneration(wrong)).toBeUndefined();
    }
  });
});
