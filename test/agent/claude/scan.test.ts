import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REFUSAL } from '../../../agent/claude/answers.ts';
import { BULK_BYTES, condense, isBulk } from '../../../agent/claude/condense.ts';
import { isNoise, leadingType } from '../../../agent/claude/scan.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const trickyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('type', 'progress', '"type":"progress"', '{"type":"progress"}', '\\', '\\"', '"', '}{', '{"parentUuid":', '\ud83d', '\u2028', 'toolUseResult', 'answers', REFUSAL),
);
const longText = fc.tuple(trickyText, fc.integer({ min: 1, max: 600 })).map(([text, times]) => text.repeat(times).slice(0, 6000));
const key = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('type', 'message', 'content', 'text', 'thinking', 'attachment', 'prompt', 'toolUseResult', 'answers', 'data', 'uuid') }, trickyText);
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    trickyText, longText, fc.double({ noDefaultInfinity: true, noNaN: true }), fc.boolean(), fc.constant(null),
    fc.array(tie('json'), { maxLength: 4 }), fc.dictionary(key, tie('json'), { maxKeys: 5 }),
  ),
}));
const entry = fc.tuple(fc.dictionary(key, json, { maxKeys: 6 }), fc.option(fc.constantFrom('progress', 'user', 'assistant', 'atis-latch'), { nil: undefined }))
  .chain(([rest, type]) => fc.shuffledSubarray(Object.entries(type === undefined ? rest : { ...rest, type }), { minLength: 0 }))
  .map((pairs): { [key: string]: Json } => Object.fromEntries(pairs));

function line(value: Json): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** What condensing may do to a value, said over the parsed value. */
function condensed(value: { [key: string]: Json }): Json {
  const cut = (child: Json, depth: number, top: string, nearest: string): Json => {
    if (typeof child === 'string') {
      const bytes = Buffer.byteLength(JSON.stringify(child)) - 2;
      return bytes > BULK_BYTES && isBulk(depth, top, nearest) && !child.startsWith(REFUSAL) ? '' : child;
    }
    if (Array.isArray(child)) return child.map((element) => cut(element, depth + 1, top, nearest));
    if (typeof child !== 'object' || child === null) return child;
    return Object.fromEntries(Object.entries(child).map(([name, element]) => [
      // Kept or not, a result is one piece.
      name, depth === 0 && name === 'toolUseResult' ? element : cut(element, depth + 1, depth === 0 ? name : top, name),
    ]));
  };
  const hasAnswers = (child: Json): boolean => typeof child === 'object' && child !== null && !Array.isArray(child) && Object.hasOwn(child, 'answers');
  const isLongResult = (name: string, child: Json): boolean =>
    name === 'toolUseResult' && Buffer.byteLength(JSON.stringify(child)) > BULK_BYTES && !hasAnswers(child);
  const { ...rest } = value;
  for (const name of Object.keys(rest)) if (isLongResult(name, rest[name] ?? null)) rest[name] = null;
  return cut(rest, 0, '', '');
}

describe('scanning a line', () => {
  it('agrees with JSON.parse about the type, or says nothing', () => {
    fc.assert(fc.property(entry, (value) => {
      expect([undefined, value['type']]).toContain(leadingType(line(value)));
    }), { numRuns: 3000 });
  });

  it('finds the type wherever only plain values stand before it', () => {
    expect(leadingType(line({ a: 'x\\"type', b: null, c: -1.5e3, d: true, type: 'progress', z: {} }))).toBe('progress');
    expect(leadingType(line({ a: {}, type: 'progress' }))).toBeUndefined();
    expect(leadingType(Buffer.from(String.raw`{"\u0074ype":"user","type":"progress"}`))).toBeUndefined();
    expect(leadingType(Buffer.from('{"type" :"progress"}'))).toBeUndefined();
  });

  it('passes over a valid line only where its type is noise', () => {
    fc.assert(fc.property(entry, (value) => {
      const mayBeNoise = value['type'] === 'progress' || value['type'] === 'atis-latch';
      expect(isNoise(line(value)) && !mayBeNoise).toBe(false);
    }), { numRuns: 3000 });
    expect(isNoise(line({ uuid: 'u', type: 'progress', data: { type: 'hook_progress' } }))).toBe(true);
    expect(isNoise(line({ type: 'user', toolUseResult: { type: 'progress' } }))).toBe(false);
  });

  it('passes over noise that holds objects with a type of their own, and over none that holds a record we want', () => {
    const noise = (nested: Json): Buffer => line({ parentUuid: 'u', type: 'progress', data: nested });
    expect(isNoise(noise([{ type: 'text', text: '{"type":"queue-operation"}' }, { type: 'tool_use' }]))).toBe(true);
    expect(isNoise(noise({ type: 'hook_progress' }))).toBe(true);
    for (const type of ['queue-operation', 'cost-state', 'last-prompt', 'mode', 'summary', 'pr-link', 'worktree-state']) expect(isNoise(noise({ type }))).toBe(false);
  });

  it('never fails on bytes that are no JSON', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', '{"type":"pro', '{"a":"\\', '{"a":'), (bytes, start) => {
      const buffer = Buffer.concat([Buffer.from(start), bytes]);
      expect(isNoise(buffer)).toBe(isNoise(Buffer.from(buffer)));
      expect(condense(Buffer.concat([buffer, Buffer.alloc(5000, 0x7b)]))).toContain('{{{');
    }));
  });
});

describe('condensing a line', () => {
  it('leaves exactly what the rule for bulk leaves', () => {
    fc.assert(fc.property(entry, (value) => {
      const bytes = line({ ...value, padding: '.'.repeat(4096) });
      expect(JSON.parse(condense(bytes))).toEqual(JSON.parse(JSON.stringify(condensed({ ...value, padding: '.'.repeat(4096) }))));
    }), { numRuns: 3000 });
  });

  it('keeps every word of a prompt and cuts tool output, thinking, file contents and images', () => {
    const long = 'y'.repeat(9000);
    const entryOf = (block: Json): { [key: string]: Json } => ({ type: 'user', message: { content: [block] } });
    const block = (value: Json): Json => (JSON.parse(condense(line(entryOf(value)))) as { message: { content: Json[] } }).message.content[0] ?? null;
    expect(block({ type: 'text', text: long })).toEqual({ type: 'text', text: long });
    expect(block({ type: 'tool_result', tool_use_id: 'toolu_1', content: long })).toEqual({ type: 'tool_result', tool_use_id: 'toolu_1', content: '' });
    expect(block({ type: 'thinking', thinking: long })).toEqual({ type: 'thinking', thinking: '' });
    expect(block({ type: 'tool_use', input: { file_path: '/a', content: long } })).toEqual({ type: 'tool_use', input: { file_path: '/a', content: '' } });
    expect(JSON.parse(condense(line({ type: 'user', message: { content: long } })))).toEqual({ type: 'user', message: { content: long } });
    expect(JSON.parse(condense(line({ toolUseResult: { answers: { q: 'a' } }, pad: long })))).toMatchObject({ toolUseResult: { answers: { q: 'a' } } });
  });
});
