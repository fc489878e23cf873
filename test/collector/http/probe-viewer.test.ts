import { expect, it } from 'vitest';
import { createProbeViewer } from '../../../collector/http/probe-viewer.ts';
import { PROBE_EVENT, type LiveFeed } from '../../../collector/http/live.ts';
import { parseMachineId } from '../../../shared/ids.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const machineId = parseMachineId('0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d')!;

/** A stream that says what it is told, to one viewer. */
function openStream() {
  let say: (text: string) => void = () => {};
  let isLeft = false;
  const carried: unknown[] = [];
  const live: Pick<LiveFeed, 'view' | 'probe'> = {
    view: () => new ReadableStream<Uint8Array>({
      start: (controller) => void (say = (text) => controller.enqueue(new TextEncoder().encode(text))),
      cancel: () => void (isLeft = true),
    }),
    probe: (body) => void carried.push(body),
  };
  return { live, carried, say: (text: string) => say(text), isLeft: () => isLeft };
}

it('tells when a viewer had the probe, and leaves', async () => {
  const clock = new ManualClock();
  const stream = openStream();
  const shown = createProbeViewer(stream.live, clock)({ id: 'p-1', machineId, hops: [] });
  expect(stream.carried).toEqual([{ schema: 1, id: 'p-1', machine_id: machineId, hops: [] }]);
  stream.say('event: status\ndata: {"p-1":1}\n\n');
  stream.say(`event: ${PROBE_EVENT}\ndata: {"id":"p-0"}\n\n`);
  clock.advance(40);
  stream.say(`event: ${PROBE_EVENT}\ndata: {"id":"p-1"}\n\n`);
  expect(await shown).toBe(clock.now());
  expect(stream.isLeft()).toBe(true);
});

it('gives up where nothing comes, or there is no room for one more viewer', async () => {
  const clock = new ManualClock();
  const stream = openStream();
  const shown = createProbeViewer(stream.live, clock)({ id: 'p-1', machineId, hops: [] });
  clock.advance(2000);
  expect(await shown).toBeUndefined();
  expect(await createProbeViewer({ view: () => undefined, probe: () => {} }, clock)({ id: 'p-2', machineId, hops: [] })).toBeUndefined();
});
