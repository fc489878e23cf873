import { expect, it } from 'vitest';
import { openUsageSummer, type UsageSums } from '../../../collector/store/usage-sums.ts';
import { factOf } from '../../../shared/event-id.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { assignFact, genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const HOUR_MS = 3_600_000;
const EVER = { fromMs: -Infinity, toMs: Infinity };
const machine = testMachine(1);

function answered(session: string, hour: number, usage: { [key: string]: JsonValue }, model = 'a') {
  return testEvent({ machineId: machine, type: 'assistant_message', discriminator: `${session}-${hour}`, at: START_MS + hour * HOUR_MS }, {
    session_id: session, cwd: `/home/me/${session}`, message_id: `msg_${session}${hour}`, model, usage: { input_tokens: 1, output_tokens: 10, ...usage },
  });
}

const EVENTS = [
  answered('one', 0, { cache_creation_input_tokens: 250_000, cache_creation_1h_input_tokens: 30_000, cache_read_input_tokens: 700_000 }),
  answered('one', 1, { speed: 'fast' }),
  answered('two', 2, { placeholder: true }, 'b'),
  answered('two', 30, {}),
];

const shortOf = ({ key, model, isFast, responses, tokens }: UsageSums): unknown[] => [key, model, isFast, responses, tokens.output];

it('adds up the usage of a period by model and by what is asked, and what is above a price tier response by response', () => {
  using fixture = openStoreFixture();
  fixture.commit(jobOf(refOf(machine), { gen: genOf(1), to: 100, events: EVENTS }));
  assignFact(fixture, 'shop', factOf(EVENTS[3]!));
  const usage = openUsageSummer(fixture.database);
  expect(usage.by('model', EVER).map(shortOf)).toEqual([[null, 'a', false, 2, 20], [null, 'a', true, 1, 10], [null, 'b', false, 1, 10]]);
  expect(usage.by('model', EVER)[0]).toMatchObject({
    tokens: { input: 2, cacheWrite5m: 220_000, cacheWrite1h: 30_000, cacheRead: 700_000 }, above: { input: 0, output: 0, cacheWrite5m: 20_000, cacheWrite1h: 0, cacheRead: 500_000 },
  });
  expect(usage.by('model', EVER).map(({ lowerBounds }) => lowerBounds)).toEqual([0, 0, 1]);
  expect(usage.by('project', EVER).map(shortOf)).toEqual([['/home/me/one', 'a', false, 1, 10], ['/home/me/one', 'a', true, 1, 10], ['/home/me/two', 'b', false, 1, 10], ['/home/me/two', 'a', false, 1, 10]]);
  expect(usage.by('session', EVER)[0]).toMatchObject({ key: 'one', machineId: machine });
  expect(usage.by('machine', EVER)[0]).toMatchObject({ key: machine, machineId: null });
  expect(usage.by('stream', EVER).map(({ key, responses }) => [key, responses])).toEqual([[null, 1], [null, 1], [null, 1], ['shop', 1]]);
  // Half-open, and by time whatever it is called.
  const second = { fromMs: START_MS + HOUR_MS, toMs: START_MS + 30 * HOUR_MS };
  expect(usage.byTime(second, (atMs) => (atMs < START_MS + 2 * HOUR_MS ? 'early' : 'late')).map(shortOf)).toEqual([['early', 'a', true, 1, 10], ['late', 'b', false, 1, 10]]);
});
