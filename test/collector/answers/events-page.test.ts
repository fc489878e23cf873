import { describe, expect, it } from 'vitest';
import { decodePosition, encodePlace, encodePosition } from '../../../collector/answers/cursors.ts';
import { eventsPage, FULL_PAGE_BYTES, type EventsPage } from '../../../collector/answers/events-page.ts';
import { parseImported } from '../../../collector/store/import.ts';
import type { EventPosition, EventReader, PlacedEvent } from '../../../collector/store/read-events.ts';

const LONG = 'ö'.repeat(32 * 1024);

function placedAt(row: number): PlacedEvent {
  return { at: 0, row, event: parseImported(JSON.stringify({ id: `e${row}`, timestamp: '2026-01-05T12:00:00Z', source: 's', type: 't', text: LONG }))! };
}

/** Rows 1 to `count`, the oldest first. */
function readerOf(count: number): { reader: Pick<EventReader, 'read'>; readRows(): number } {
  let rows = 0;
  function* read(after?: EventPosition): Generator<PlacedEvent> {
    for (let row = (after?.row ?? 0) + 1; row <= count; row++) {
      rows += 1;
      yield placedAt(row);
    }
  }
  return { reader: { read: (_filter, _order, after) => read(after) }, readRows: () => rows };
}

function pagesOf(reader: Pick<EventReader, 'read'>, limit: number): EventsPage[] {
  const pages: EventsPage[] = [];
  for (let after: EventPosition | undefined; ;) {
    const page = eventsPage(reader, { filter: {}, order: 'oldest', limit, after });
    pages.push(page);
    if (page.cursor === null) return pages;
    after = decodePosition(page.cursor);
  }
}

describe('a page of events', () => {
  it('of long ones is full before its limit; nothing is lost by that', () => {
    const { reader, readRows } = readerOf(150);
    const pages = pagesOf(reader, 1000);
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(FULL_PAGE_BYTES + 100 * 1024);
    expect(pages.flatMap(({ events }) => events.map(({ id }) => id))).toEqual(Array.from({ length: 150 }, (_, i) => `e${i + 1}`));
    // One more for each page but the last: whether there is more.
    expect(readRows()).toBe(150 + pages.length - 1);
  });

  it('has an event, however long that is, and no more than its limit', () => {
    const { reader } = readerOf(5);
    expect(pagesOf(reader, 1).map(({ events }) => events.length)).toEqual([1, 1, 1, 1, 1]);
    expect(pagesOf(reader, 5).map(({ events, cursor }) => [events.length, cursor])).toEqual([[5, null]]);
    expect(pagesOf(readerOf(0).reader, 5)).toEqual([{ schema: 1, events: [], cursor: null }]);
  });

  it('goes on only from a place in events', () => {
    expect(decodePosition(encodePosition({ at: -5, row: 7 }))).toEqual({ at: -5, row: 7 });
    for (const cursor of ['', 'nonsense', encodePlace({ at: 1, id: 'a-session' }), encodePlace({ at: 1, id: '' })]) expect(() => decodePosition(cursor)).toThrow('cursor');
  });
});
