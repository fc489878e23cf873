import { buildEventId } from '../../../shared/event-id.ts';
import type { TtEvent } from '../../../shared/event.ts';
import { parseMachineId, toTimestamp } from '../../../shared/ids.ts';

const machineId = parseMachineId('00000000-0000-4000-8000-000000000001')!;
const timestamp = toTimestamp('2026-01-05T12:00:00.000Z');

export function formatEventId(discriminator: string): TtEvent {
  const id = buildEventId({ machineId, source: 'test.line', type: 'line', timestamp, discriminator });
  return { id, timestamp, source: 'test.line', type: 'line' };
}
