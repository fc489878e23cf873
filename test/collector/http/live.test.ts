import { afterEach, beforeEach, expect, it } from 'vitest';
import { COALESCE_MS, createLiveFeed, HEARTBEAT_MS, RECENT_EVENTS, VIEWERS, type LiveFeed } from '../../../collector/http/live.ts';
import type { Topic } from '../../../collector/http/live-answers.ts';
import type { PlacedEvent } from '../../../collector/store/read-events.ts';
import { parseImported } from '../../../collector/store/import.ts';
import type { CollectorStatus } from '../../../shared/status.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let rows: PlacedEvent[];
let built: number;
let feed: LiveFeed;
let isReadable: boolean;
let topics: Topic[];
let refreshed: number;
let topicChanged: () => void;
let archived: number;

/** `isArchiving`: also tells when something was archived. */
function openFeed(isArchiving = false): LiveFeed {
  return createLiveFeed({
    clock,
    answers: { topics: () => topics, refresh: () => void (refreshed += 1), onChange: (listener) => void (topicChanged = listener) },
    status: () => ({ built: ++built }) as unknown as CollectorStatus,
    events: {
      arrivedAfter: (row, limit) => rows.filter((placed) => placed.row > row).slice(0, limit),
      newestRow: () => {
        if (!isReadable) throw new Error('SQLITE_IOERR');
        return rows.at(-1)?.row ?? 0;
      },
    },
    ...(isArchiving && { archived: () => archived }),
  });
}

beforeEach(() => {
  clock = new ManualClock();
  rows = [];
  built = 0;
  isReadable = true;
  [topics, refreshed] = [[], 0];
  archived = 0;
  feed = openFeed();
});
afterEach(() => feed.close());

function arrive(count: number): void {
  for (let i = 0; i < count; i++) {
    const row = rows.length + 1;
    const event = parseImported(JSON.stringify({ id: `e${row}`, timestamp: '2026-01-05T12:00:00Z', source: 's', type: 't' }))!;
    rows.push({ row, at: 0, event });
  }
  feed.changed();
}

interface Message {
  id: number;
  event: string;
  data: { built?: number; times?: number; events?: { id: string }[]; skipped?: boolean };
}

class Reading {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  constructor(stream: ReadableStream<Uint8Array> | undefined) {
    this.#reader = stream!.getReader();
  }
  async text(): Promise<string> {
    const { value } = await this.#reader.read();
    return value === undefined ? '(end)' : Buffer.from(value).toString();
  }
  async messages(): Promise<Message[]> {
    return (await this.text()).trim().split('\n\n').map((text) => {
      const match = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(text)!;
      return { id: Number(match[1]), event: match[2]!, data: JSON.parse(match[3]!) as Message['data'] };
    });
  }
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}
const view = (options: Partial<Parameters<LiveFeed['view']>[0]> = {}): Reading => new Reading(feed.view({ events: false, ...options }));

it('tells the present state at once', async () => {
  expect(await view().messages()).toEqual([{ id: 0, event: 'status', data: { built: 1 } }]);
});

it('tells of a change at once, and of a burst at most four times a second', async () => {
  const reading = view();
  await reading.messages();
  feed.changed();
  clock.advance(0);
  expect((await reading.messages())[0]!.data.built).toBe(2);
  for (let ms = 0; ms < 1000; ms += 10) {
    clock.advance(10);
    feed.changed();
    // A browser reads on.
    if (ms % COALESCE_MS === 0 && ms > 0) await reading.messages();
  }
  expect(built).toBeLessThanOrEqual(2 + 1000 / COALESCE_MS);
});

it('a state is built once, however many look', async () => {
  const readings = [view(), view(), view()];
  for (const reading of readings) await reading.messages();
  expect(built).toBe(1);
  feed.changed();
  clock.advance(COALESCE_MS);
  for (const reading of readings) await reading.messages();
  expect(built).toBe(2);
});

it('nobody looks: nothing is built and nothing waits', () => {
  feed.changed();
  clock.advance(COALESCE_MS);
  expect(built).toBe(0);
});

it('a viewer that does not read has one message waiting, and then gets the newest state', async () => {
  const reading = view();
  for (let i = 0; i < 50; i++) {
    feed.changed();
    clock.advance(COALESCE_MS);
  }
  expect((await reading.messages())[0]!.data.built).toBe(1);
  expect((await reading.messages())[0]!.data.built).toBe(built);
});

it('sends the events that arrive, each once', async () => {
  const reading = view({ events: true });
  await reading.messages();
  arrive(3);
  clock.advance(COALESCE_MS);
  const [events, status] = await reading.messages();
  expect(events).toMatchObject({ id: 3, event: 'events', data: { skipped: false } });
  expect(events!.data.events!.map(({ id }) => id)).toEqual(['e1', 'e2', 'e3']);
  expect(status).toMatchObject({ id: 3, event: 'status' });
  feed.changed();
  clock.advance(COALESCE_MS);
  expect((await reading.messages()).map(({ event }) => event)).toEqual(['status']);
});

it('goes on where a viewer that comes back has stopped', async () => {
  arrive(5);
  const [events] = await view({ events: true, lastRow: 3 }).messages();
  expect(events!.data.events!.map(({ id }) => id)).toEqual(['e4', 'e5']);
});

it('who comes back from before the database was restored begins with what arrived last, and is told that something is missing', async () => {
  const messages = async (lastRow: number): Promise<Message[]> => view({ events: true, lastRow }).messages();
  expect(await messages(1000)).toMatchObject([{ event: 'events', data: { skipped: true, events: [] } }, { event: 'status' }]);
  arrive(RECENT_EVENTS + 5);
  const reading = view({ events: true, lastRow: 1000 });
  const [events] = await reading.messages();
  expect(events).toMatchObject({ id: RECENT_EVENTS + 5, event: 'events', data: { skipped: true } });
  expect(events!.data.events!.map(({ id }) => id)).toEqual(Array.from({ length: RECENT_EVENTS }, (_, i) => `e${i + 6}`));
  arrive(1);
  clock.advance(COALESCE_MS);
  expect((await reading.messages())[0]).toMatchObject({ event: 'events', data: { skipped: false, events: [{ id: 'e56' }] } });
  // It has seen all there is.
  expect((await messages(RECENT_EVENTS + 6)).map(({ event }) => event)).toEqual(['status']);
});

it('says so when it left events out', async () => {
  arrive(250);
  const [events] = await view({ events: true, lastRow: 3 }).messages();
  expect(events!.data.skipped).toBe(true);
  expect(events!.data.events!.at(-1)!.id).toBe('e250');
  expect(events!.data.events!).toHaveLength(100);
});

it('tells the state anew when nothing happens, because times go on and a cut must be noticed', async () => {
  const reading = view();
  await reading.messages();
  clock.advance(HEARTBEAT_MS);
  expect((await reading.messages())[0]!.data.built).toBe(2);
});

it('breaks the streams while the database can not be read, and has room for those who come again', async () => {
  const reading = new Reading(feed.view({ events: true, lastRow: 0 }));
  await reading.text();
  isReadable = false;
  arrive(1);
  clock.advance(HEARTBEAT_MS);
  await expect(reading.text()).rejects.toThrow('SQLITE_IOERR');
  expect(() => feed.view({ events: true, lastRow: 0 })).toThrow('SQLITE_IOERR');
  expect(feed.viewers).toBe(0);
  isReadable = true;
  expect((await new Reading(feed.view({ events: true, lastRow: 0 })).messages()).map(({ event }) => event)).toEqual(['events', 'status']);
});

it('has room for so many viewers, and for another one when one goes', async () => {
  const readings = Array.from({ length: VIEWERS }, () => view());
  expect(feed.view({ events: false })).toBeUndefined();
  await readings[0]!.cancel();
  expect(feed.viewers).toBe(VIEWERS - 1);
  expect(feed.view({ events: false })).toBeDefined();
});

it('sends who waits, who works and the numbers when they have changed, and all of them to who comes', async () => {
  topics = [{ name: 'waiting', version: 1, text: '{"built":10}' }, { name: 'working', version: 1, text: '{}' }];
  const reading = view();
  expect((await reading.messages()).map(({ event }) => event)).toEqual(['waiting', 'working', 'status']);
  topics = [{ name: 'waiting', version: 2, text: '{"built":11}' }, topics[1]!, { name: 'numbers', version: 1, text: '{}' }];
  topicChanged();
  clock.advance(COALESCE_MS);
  const messages = await reading.messages();
  expect(messages.map(({ event }) => event)).toEqual(['waiting', 'numbers', 'status']);
  expect(messages[0]!.data.built).toBe(11);
  feed.changed();
  clock.advance(COALESCE_MS);
  expect((await reading.messages()).map(({ event }) => event)).toEqual(['status']);
  expect((await view().messages()).map(({ event }) => event)).toEqual(['waiting', 'working', 'numbers', 'status']);
});

it('says when something was archived, once each time and to who comes', async () => {
  feed.close();
  feed = openFeed(true);
  const reading = view();
  expect((await reading.messages()).map(({ event, data }) => [event, data.times])).toEqual([['archived', 0], ['status', undefined]]);
  archived = 2;
  feed.changed();
  clock.advance(COALESCE_MS);
  expect((await reading.messages()).map(({ event, data }) => [event, data.times])).toEqual([['archived', 2], ['status', undefined]]);
  feed.changed();
  clock.advance(COALESCE_MS);
  expect((await reading.messages()).map(({ event }) => event)).toEqual(['status']);
});

it('has them asked anew for who comes, after a change and at every beat, while somebody looks', async () => {
  feed.changed();
  clock.advance(HEARTBEAT_MS);
  expect(refreshed).toBe(0);
  const reading = view();
  await reading.messages();
  expect(refreshed).toBe(1);
  feed.changed();
  expect(refreshed).toBe(2);
  clock.advance(HEARTBEAT_MS);
  expect(refreshed).toBe(3);
  // What was answered asks nothing again.
  topicChanged();
  clock.advance(COALESCE_MS);
  expect(refreshed).toBe(3);
});

it('ends every stream when it is closed', async () => {
  const reading = view();
  await reading.text();
  feed.close();
  expect(await reading.text()).toBe('(end)');
  expect(clock.pendingTimers).toBe(0);
});

it('a viewer that asks for them begins with what arrived last, and who comes back with what came since', async () => {
  arrive(RECENT_EVENTS + 5);
  const eventsOf = async (stream: ReadableStream<Uint8Array> | undefined) => (await new Reading(stream).messages()).find(({ event }) => event === 'events')?.data.events?.map(({ id }) => id);
  expect(await eventsOf(feed.view({ events: true, withRecent: true }))).toEqual(Array.from({ length: RECENT_EVENTS }, (_, i) => `e${i + 6}`));
  expect(await eventsOf(feed.view({ events: true, withRecent: true, lastRow: RECENT_EVENTS + 3 }))).toEqual(['e54', 'e55']);
  expect(await eventsOf(feed.view({ events: true }))).toBeUndefined();
});
