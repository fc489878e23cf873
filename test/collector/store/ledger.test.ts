import { describe, expect, it } from 'vitest';
import { decideRange } from '../../../collector/store/ledger.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const machine = refOf(testMachine(1));
const event = (uuid: string) => testEvent({ machineId: machine.machineId, type: 'agent_tool_use', discriminator: `toolu_${uuid}` }, { session_id: 's' });

describe('the ledger', () => {
  const stored = { offset: 100, tail: 'at-100' };
  it.each([
    { name: 'a new file from its start is taken', from: 0, prev: '', before: undefined, decision: { take: true } },
    { name: 'a new file from the middle goes back to its start', from: 50, prev: 'x', before: undefined, decision: { take: false, to: 0 } },
    { name: 'the next range is taken', from: 100, prev: 'at-100', before: stored, decision: { take: true } },
    { name: 'the next range after other bytes is another life of the file', from: 100, prev: 'other', before: stored, decision: { take: false, reset: true } },
    { name: 'a range with a hole before it goes back to what is stored', from: 120, prev: 'x', before: stored, decision: { take: false, to: 100 } },
    { name: 'a range that starts before what is stored is a resend', from: 40, prev: 'whatever', before: stored, decision: { take: true } },
    { name: 'a resend up to what is stored is taken', from: 40, prev: 'whatever', to: 100, tail: 'at-100', before: stored, decision: { take: true } },
    { name: 'a resend past what is stored is taken', from: 40, prev: 'whatever', to: 101, tail: 'other', before: stored, decision: { take: true } },
    { name: 'other bytes up to the very place that is stored are another life of the file', from: 40, prev: 'whatever', to: 100, tail: 'other', before: stored, decision: { take: false, reset: true } },
  ])('$name', ({ from, prev, to = from + 1, tail = '', before, decision }) => {
    expect(decideRange({ from, to, prev, tail }, before)).toEqual(decision);
  });

  it('takes nothing of a batch in which one file leaves a hole', () => {
    using fixture = openStoreFixture();
    const good = jobOf(machine, { gen: genOf(1), to: 10, tail: 'a', events: [event('1')] });
    const text = JSON.parse(new TextDecoder().decode(good.bytes)) as { files: unknown[] };
    text.files.push({ gen: genOf(2), path: '/x', born_at: null, from: 5, to: 9, prev: 'p', tail: 't', events: 0 });
    const { answers } = fixture.commit({ ...good, bytes: new TextEncoder().encode(JSON.stringify(text)).buffer });
    expect(answers.map(({ frame }) => JSON.parse(frame) as unknown)).toEqual([{ type: 'rewind', seq: 1, gen: genOf(2), to: 0 }]);
    expect(fixture.rows('SELECT 1 FROM events UNION ALL SELECT 1 FROM file')).toEqual([]);
  });

  it('counts what is sent again as duplicates and never moves back', () => {
    using fixture = openStoreFixture();
    const whole = { gen: genOf(1), to: 20, tail: 'at-20', events: [event('1'), event('2')] };
    expect(fixture.answer(machine, whole)).toMatchObject({ verdicts: 'ss' });
    expect(fixture.answer(machine, { ...whole, to: 10, tail: 'at-10', events: [event('1')] })).toMatchObject({ verdicts: 'd' });
    expect(fixture.store.ledger.positions(fixture.store.machineKey(machine.machineId))).toEqual([[genOf(1), 20, 'at-20']]);
    expect(fixture.rows('SELECT count(*) AS count FROM events')).toEqual([{ count: 2 }]);
  });

  it('moves in the transaction of its events: a throw between them leaves neither', () => {
    using fixture = openStoreFixture();
    const { store, committer } = fixture;
    const { ledger } = store;
    const advance = ledger.advance.bind(ledger);
    let isBroken = true;
    ledger.advance = (...args) => {
      if (isBroken) throw new Error('power');
      advance(...args);
    };
    const job = () => jobOf(machine, { gen: genOf(1), to: 10, tail: 'a', events: [event('1')] });
    expect(() => committer.commit([job()])).toThrow('power');
    expect(fixture.rows('SELECT 1 FROM events UNION ALL SELECT 1 FROM file UNION ALL SELECT 1 FROM sessions')).toEqual([]);
    isBroken = false;
    expect(committer.commit([job()]).summary.machines).toMatchObject([{ stored: 1, lastEventAtMs: START_MS }]);
    expect(fixture.rows('SELECT session_id FROM events')).toEqual([{ session_id: 's' }]);
  });

  it('sends a machine to the start of a generation that was closed', () => {
    using fixture = openStoreFixture();
    fixture.answer(machine, { gen: genOf(1), to: 10, tail: 'a', events: [event('1')] });
    fixture.store.transaction(() => fixture.store.ledger.close(fixture.store.machineKey(machine.machineId), [genOf(1)]));
    expect(fixture.answer(machine, { gen: genOf(1), from: 10, to: 20, prev: 'a' })).toEqual({ type: 'rewind', seq: 1, gen: genOf(1), to: 0 });
  });
});
