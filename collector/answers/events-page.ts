/** A page of events, and the place where the next one begins. */
import type { TtEvent } from '../../shared/event.ts';
import type { EventFilter, EventOrder, EventPosition, EventReader } from '../store/read-events.ts';
import { encodePosition } from './cursors.ts';

export const EVENTS_SCHEMA = 1;

/** With this much a page is full, whatever was asked for: one event may have 64 KiB, an imported one a MiB. */
export const FULL_PAGE_BYTES = 4 * 1024 * 1024;

export interface EventsQuery {
  filter: EventFilter;
  order: EventOrder;
  limit: number;
  after: EventPosition | undefined;
}

export interface EventsPage {
  schema: typeof EVENTS_SCHEMA;
  events: TtEvent[];
  /** Null: there is no more. */
  cursor: string | null;
}

export function eventsPage(reader: Pick<EventReader, 'read'>, { filter, order, limit, after }: EventsQuery): EventsPage {
  const events: TtEvent[] = [];
  let bytes = 0;
  let last: EventPosition | undefined;
  for (const placed of reader.read(filter, order, after)) {
    if (last && (events.length >= limit || bytes >= FULL_PAGE_BYTES)) return { schema: EVENTS_SCHEMA, events, cursor: encodePosition(last) };
    events.push(placed.event);
    bytes += Buffer.byteLength(JSON.stringify(placed.event));
    last = placed;
  }
  return { schema: EVENTS_SCHEMA, events, cursor: null };
}
