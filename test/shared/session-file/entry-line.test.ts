import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeLine, readEntry, readStrings } from '../../../shared/session-file/entry-line.ts';

const line = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const changed = (value: unknown, change: Parameters<typeof changeLine>[1]): string => changeLine(line(value), change).toString();

describe('a line of a session', () => {
  it('tells its outermost strings, and nothing that lies deeper', () => {
    const entry = { parentUuid: null, message: { uuid: 'no', cwd: '/no', content: [{ cwd: '/no' }] }, cwd: '/a "b"\\c', uuid: 'u-1', type: 'user', n: -1.5e3, done: true };
    expect(readStrings(line(entry))).toEqual({ cwd: '/a "b"\\c', uuid: 'u-1', type: 'user' });
    expect(readStrings(line(' { "uuid" : "x" , "timestamp":"t" } \r'))).toEqual({ uuid: 'x', timestamp: 't' });
    expect(readStrings(line('{}'))).toEqual({});
  });

  it.each(['', 'null', '[]', '{"uuid":"a"', '{"uuid":"a"}{"uuid":"b"}', '\0\0{"uuid":"a"}', '{"uuid"', '{"a":}', '{"a":[1', '{"a" 1}'])('is not taken apart where it is none: %s', (text) => {
    expect(readStrings(line(text))).toBeUndefined();
    expect(changeLine(line(text), { toDirectory: () => '/x' }).toString()).toBe(text);
  });

  it('gets another directory, and every other byte stays', () => {
    const text = '{"z":1.0, "cwd":"/home/a/shop\\u002fweb","message":{"cwd":"/home/a/shop","t":"é\\ud83d"},"uuid":"u"}';
    const toDirectory = (path: string): string => path.replace('/home/a/', '/work/');
    expect(changed(text, { toDirectory })).toBe(text.replace('"/home/a/shop\\u002fweb"', '"/work/shop/web"'));
    expect(changeLine(line(text), { toDirectory: () => undefined })).toEqual(line(text));
  });

  it('becomes one of another session that says where it comes from', () => {
    const toSession = { from: 's1', to: 's2' };
    expect(JSON.parse(changed({ uuid: 'u', sessionId: 's1', message: { sessionId: 's1' } }, { toSession }))).toEqual({
      uuid: 'u', sessionId: 's2', message: { sessionId: 's1' }, forkedFrom: { sessionId: 's1', messageUuid: 'u' },
    });
    expect(JSON.parse(changed({ sessionId: 's1', type: 'mode' }, { toSession }))).toEqual({ sessionId: 's2', type: 'mode' });
    expect(JSON.parse(changed({ uuid: 'u', sessionId: 's1', forkedFrom: { sessionId: 's0' } }, { toSession }))).toMatchObject({ sessionId: 's2', forkedFrom: { sessionId: 's0' } });
  });

  it('says the same as its copies in other directories and sessions, and as nothing else', () => {
    const said = (text: Buffer): string => (readEntry(text)?.said ?? []).map(String).join('');
    const entry = { uuid: 'u', cwd: '/home/a/shop', sessionId: 's1', message: { content: 'x', cwd: '/home/a/shop', forkedFrom: 1 } };
    const copies = [entry, { ...entry, cwd: '/b' }].flatMap((each) => [line(each), changeLine(line(each), { toSession: { from: 's1', to: 's2' } })]);
    expect(new Set(copies.map(String)).size).toBe(4);
    expect(new Set(copies.map(said)).size).toBe(1);
    expect(said(line({ ...entry, message: { ...entry.message, cwd: '/b' } }))).not.toBe(said(line(entry)));
    const first = line('{"forkedFrom":{"sessionId":"s0"},"uuid":"u","cwd":"/a"}');
    expect(readEntry(first)).toMatchObject({ strings: { uuid: 'u', cwd: '/a' } });
  });

  it('is read as JSON.parse reads it, whatever it holds', () => {
    fc.assert(fc.property(fc.object({ maxDepth: 3 }), fc.string({ unit: 'binary' }), fc.boolean(), (other, cwd, isSpaced) => {
      const entry = { ...other, uuid: 'u', cwd, tail: other };
      const text = isSpaced ? JSON.stringify(entry, null, 1).replaceAll('\n', ' ') : JSON.stringify(entry);
      const strings = readStrings(line(text));
      expect(strings?.cwd).toBe(Buffer.from(cwd).toString() === cwd ? cwd : strings?.cwd);
      expect(JSON.parse(changed(text, { toDirectory: () => '/new' }))).toEqual(JSON.parse(JSON.stringify({ ...entry, cwd: '/new' })));
    }), { numRuns: 100 });
  });
});
