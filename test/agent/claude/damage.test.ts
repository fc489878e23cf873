// Whatever bytes a file holds, the extractor goes on, and what it gives can be sent.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEventId } from '../../../shared/event-id.ts';
import { Collected, feed, fileOf, linesOf, openForTest } from '../../support/extraction.ts';
import { Transcript } from '../../support/transcript.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/claude');
const files = readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile() && file.name.endsWith('.jsonl'))
  .map((file) => readFileSync(join(file.parentPath, file.name)));
const lines = files.flatMap((bytes) => linesOf(bytes).map((line) => line.bytes)).filter((bytes) => bytes.length < 3000);

/** Something that no parser expects, somewhere. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.nat(200) }),
  fc.record({ kind: fc.constant('nuls' as const), at: fc.nat(), value: fc.nat(500) }),
);

function damaged(bytes: Buffer, { kind, at, value }: { kind: 'byte' | 'cut' | 'nuls'; at: number; value: number }): Buffer {
  const place = at % (bytes.length + 1);
  if (kind === 'nuls') return Buffer.concat([bytes.subarray(0, place), Buffer.alloc(value), bytes.subarray(place)]);
  if (kind === 'cut') return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + value)]);
  return Buffer.concat([bytes.subarray(0, place), Buffer.from([value]), bytes.subarray(place + 1)]);
}

function expectSendable(collected: Collected): void {
  for (const event of collected.events) {
    expect(parseEventId(event.id)).toMatchObject({ source: event.source, type: event.type, timestamp: event.timestamp });
    expect(typeof event['session_id']).toBe('string');
  }
  for (const [from, to] of collected.bads) expect(from).toBeLessThan(to);
}

describe('damaged files', () => {
  it('never stop the extractor, and the line after the damage is read', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(...lines), damage), { minLength: 1, maxLength: 12 }), (picked) => {
      const collected = new Collected();
      const extractor = openForTest();
      feed(extractor, fileOf([...picked.map(([bytes, how]) => damaged(bytes, how)), new Transcript().typed('still here')]), collected);
      expectSendable(collected);
      expect(collected.said().at(-1)).toBe('prompt: still here');
      JSON.parse(JSON.stringify(extractor.carry()));
    }), { numRuns: 300 });
  });

  it('give every record that is whole, however records are glued together', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 200 }), fc.constantFrom('', '\0\0\0', '\uFEFF', ' '), (count, cut, filler) => {
      const log = new Transcript();
      const torn = JSON.stringify(log.text('torn')).slice(0, cut);
      const whole = Array.from({ length: count }, (_, index) => JSON.stringify(log.typed(`whole ${index}`))).join(filler);
      const collected = new Collected();
      feed(openForTest(), fileOf([`${torn}${whole}`]), collected);
      expect(collected.said()).toEqual(Array.from({ length: count }, (_, index) => `prompt: whole ${index}`));
      expect(collected.bads).toHaveLength(1);
    }), { numRuns: 200 });
  });

  it('with Windows line ends and a byte order mark are read like any other', () => {
    const log = new Transcript();
    const collected = new Collected();
    feed(openForTest(), Buffer.from(`\uFEFF${JSON.stringify(log.typed('one'))}\r\n${JSON.stringify(log.typed('two'))}\r\n\r\n`), collected);
    expect(collected.said()).toEqual(['prompt: one', 'prompt: two']);
    expect(collected.bads).toEqual([]);
  });

  it('take bounded time for a line made to be salvaged badly', () => {
    const collected = new Collected();
    feed(openForTest(), fileOf(['{"a":'.repeat(200_000), `${'{"a":1}'.repeat(100_000)}x`, '\0'.repeat(1_000_000)]), collected);
    expect(collected.events).toEqual([]);
  }, 5000);
});
