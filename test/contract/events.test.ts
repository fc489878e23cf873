import { describe, expect, it } from 'vitest';
import { checkEvent } from '../../collector/store/claim.ts';
import { entryUuidOf, factOf, machineOf, parseEventId } from '../../shared/event-id.ts';
import { EVENT_TYPES, type TtEvent } from '../../shared/event.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { WIRE_LIMITS } from '../../shared/limits.ts';
import { decodeBatch, encodeBatch } from '../../shared/protocol/codec.ts';
import type { BatchFrame } from '../../shared/protocol/frames.ts';
import { sample, sampleNames } from './samples.ts';

interface EventSample {
  event: TtEvent;
  fact: string;
  entry_uuid: string | null;
}

function machine(text: string): MachineId {
  const machineId = parseMachineId(text);
  if (machineId === undefined) throw new Error(`${text} is no machine ID`);
  return machineId;
}

const MACHINE = machine('0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d');
const events = sampleNames('event.').map((name) => [name, sample<EventSample>(name)] as const);

describe('the samples', () => {
  it('cover every event type that has a meaning', () => {
    const types = new Set(events.map(([, { event }]) => event.type));
    expect(EVENT_TYPES.filter((type) => !types.has(type))).toEqual([]);
  });
});

describe.each(events)('%s', (_name, { event, fact, entry_uuid }) => {
  it('has an ID that says what its keys say', () => {
    expect(parseEventId(event.id)).toMatchObject({ machineId: MACHINE, source: event.source, type: event.type, timestamp: event.timestamp });
    expect(machineOf(event.id)).toBe(MACHINE);
  });

  it('starts with id, timestamp, source and type, in this order', () => {
    expect(Object.keys(event).slice(0, 4)).toEqual(['id', 'timestamp', 'source', 'type']);
  });

  it('has a fact key and rests on an entry', () => {
    expect(factOf(event)).toBe(fact);
    expect(entryUuidOf(event) ?? null).toBe(entry_uuid);
  });

  it('is accepted from its own machine and refused from another', () => {
    expect(checkEvent(event, MACHINE)).toMatchObject({ ok: true, event });
    expect(checkEvent(event, machine('11111111-2222-4333-8444-555555555555'))).toMatchObject({ ok: false, code: 'foreign_machine' });
  });

  it('crosses the wire unchanged, unknown keys and the order of keys included', () => {
    const batch = sample<BatchFrame>('frame.batch');
    const files = batch.files.map((file) => ({ ...file, events: 1 }));
    const printed = JSON.stringify(event);
    const decoded = decodeBatch(encodeBatch({ ...batch, files }, [printed]));
    expect(decoded.ok && decoded.frame.events.map((one) => JSON.stringify(one))).toEqual([printed]);
    expect(Buffer.byteLength(printed)).toBeLessThan(WIRE_LIMITS.eventBytes);
  });
});
