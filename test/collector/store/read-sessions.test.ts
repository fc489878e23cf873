import { expect, it } from 'vitest';
import { openSessionReader } from '../../../collector/store/read-sessions.ts';
import type { JsonValue, TtEvent } from '../../../shared/event.ts';
import { genOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const machine = refOf(testMachine(1));

const said = (second: number, rest: { [key: string]: JsonValue } = {}): TtEvent => testEvent(
  { machineId: machine.machineId, type: 'assistant_message', discriminator: `m${second}`, at: START_MS + second * 1000 }, { session_id: 's', ...rest },
);

it('tells what a session said last, past messages without words and what its subagents say', () => {
  using fixture = openStoreFixture();
  const events = [said(0, { text: 'earlier' }), said(1, { text: 'at last' }), ...Array.from({ length: 49 }, (_, at) => said(2 + at)), said(60, { text: 'no', agent_id: 'a' })];
  fixture.answer(machine, { gen: genOf(1), events });
  expect(openSessionReader(fixture.database).lastLineOf('s')).toBe('at last');
  fixture.answer(machine, { gen: genOf(2), events: [said(61)] });
  expect(openSessionReader(fixture.database).lastLineOf('s')).toBeNull();
});

it('looks at no more of a session whose words are not sent, however long it is', () => {
  using fixture = openStoreFixture();
  fixture.answer(machine, { gen: genOf(1), events: Array.from({ length: 2000 }, (_, at) => said(at)) });
  let extracted = 0;
  fixture.database.function('json_extract', { deterministic: true }, (json: string, path: string) => {
    extracted += 1;
    return (JSON.parse(json) as { [key: string]: string })[path.slice(2)] ?? null;
  });
  expect(openSessionReader(fixture.database).lastLineOf('s')).toBeNull();
  expect(extracted).toBeGreaterThan(0);
  expect(extracted).toBeLessThan(500);
});
