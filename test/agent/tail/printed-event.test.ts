import { describe, expect, it } from 'vitest';
import { asciiWhereRare, printEvent } from '../../../agent/tail/printed-event.ts';
import type { JsonValue, TtEvent } from '../../../shared/event.ts';
import { toEventId, toTimestamp } from '../../../shared/ids.ts';

function eventWith(value: JsonValue): TtEvent {
  return { id: toEventId('x'), timestamp: toTimestamp('2026-11-01T00:00:00.000Z'), source: 'remote.agent', type: 'user_message', value };
}

function nested(depth: number, leaf: JsonValue): JsonValue {
  let value = leaf;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('an event that is printed', () => {
  it('may nest up to the limit and no deeper, whatever brackets its texts hold', () => {
    const text = '{[}] " \\ '.repeat(100);
    expect(printEvent(eventWith(nested(127, text)))).toBeDefined();
    expect(printEvent(eventWith(nested(128, text)))).toBeUndefined();
    expect(printEvent(eventWith(nested(128, 'no brackets')))).toBeUndefined();
  });

  it('may hold any number of brackets side by side or in its texts', () => {
    for (const value of ['{['.repeat(1000), Array.from({ length: 500 }, () => []), Array.from({ length: 500 }, () => ({}))]) {
      const event = eventWith(value);
      expect(printEvent(event)?.text).toBe(JSON.stringify(event));
    }
  });

  it('goes into a frame in ASCII where few of its characters are beyond it, and says the same', () => {
    for (const text of [`${'a'.repeat(100)}é—🙂\ud800`, `\\u00e9 ${'"'.repeat(80)} ö`]) {
      const event = eventWith(text);
      const printed = asciiWhereRare(printEvent(event) ?? { text: '', bytes: 0 });
      expect(Buffer.byteLength(printed.text)).toBe(printed.text.length);
      expect(printed.bytes).toBe(printed.text.length);
      expect(JSON.parse(printed.text)).toEqual(event);
    }
  });

  it('stays as it is where it is ASCII, and where most of it is not', () => {
    for (const text of ['plain', '日本語の文章'.repeat(50)]) {
      const printed = printEvent(eventWith(text)) ?? { text: '', bytes: 0 };
      expect(asciiWhereRare(printed)).toEqual(printed);
    }
  });
});
