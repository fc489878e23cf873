import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openImporter } from '../../../collector/store/import.ts';
import type { TtEvent } from '../../../shared/event.ts';
import { genOf, jobOf, openStoreFixture, refOf, START_MS, testEvent, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

const machine = refOf(testMachine(1));

const own = (session: string, n: number): TtEvent => testEvent({ machineId: machine.machineId, type: 'user_message', discriminator: `${session}-${n}`, at: START_MS + n * 1000 }, { session_id: session });

/** As the earlier tool's agents and its hub wrote them. */
function legacy(session: string, n: number): string {
  const { schema_version: _version, agent: _agent, ...event } = own(session, n);
  return JSON.stringify(n % 2 === 0 ? event : { ...event, id: `${session}-user_message-${n}`, source: 'claude' });
}

let gens = 0;
function tell(fixture: StoreFixture, { isOwn, session, n }: { isOwn: boolean; session: string; n: number }): void {
  if (isOwn) fixture.commit(jobOf(machine, { gen: genOf(++gens), to: 1, events: [own(session, n)] }));
  else openImporter(fixture.store).importLines([legacy(session, n)], START_MS);
}

const derived = (fixture: StoreFixture): unknown => [
  fixture.rows('SELECT session_id, prompts, first_at, last_at FROM sessions ORDER BY session_id'),
  fixture.rows('SELECT count(*) AS count FROM superseded_events'),
  fixture.rows('SELECT id, schema_version FROM events ORDER BY id, schema_version'),
];

describe('rows of the earlier tool', () => {
  it('count until the first of our own comes, also after a restart', () => {
    using fixture = openStoreFixture();
    const prompts = () => fixture.rows('SELECT prompts FROM sessions');
    for (const n of [0, 1, 2]) tell(fixture, { isOwn: false, session: 's', n });
    expect(prompts()).toEqual([{ prompts: 3 }]);
    fixture.reopen();
    tell(fixture, { isOwn: true, session: 's', n: 0 });
    expect(prompts()).toEqual([{ prompts: 1 }]);
    fixture.reopen();
    tell(fixture, { isOwn: false, session: 's', n: 5 });
    tell(fixture, { isOwn: true, session: 's', n: 1 });
    expect(prompts()).toEqual([{ prompts: 2 }]);
    expect(fixture.rows('SELECT count(*) AS count FROM superseded_events')).toEqual([{ count: 4 }]);
  });

  it('count again when all of our own about the session is gone', () => {
    using fixture = openStoreFixture();
    tell(fixture, { isOwn: false, session: 's', n: 0 });
    fixture.commit(jobOf(machine, { gen: genOf(++gens), to: 1, events: [own('s', 1)] }));
    expect(fixture.rows('SELECT prompts FROM sessions')).toEqual([{ prompts: 1 }]);
    // As if the log had never been here.
    fixture.store.transaction(() => fixture.database.exec('DELETE FROM event_row WHERE schema_version = 2'));
    fixture.store.rebuild();
    expect(fixture.rows('SELECT prompts, first_at FROM sessions')).toEqual([{ prompts: 1, first_at: '2026-05-01T09:00:00.000Z' }]);
  });

  it('count by what was said, not by the order in which it came', () => {
    const thing = fc.record({ isOwn: fc.boolean(), session: fc.constantFrom('s', 't'), n: fc.nat({ max: 4 }) });
    fc.assert(fc.property(fc.array(thing, { maxLength: 12 }).chain((things) => fc.tuple(fc.constant(things), fc.shuffledSubarray(things, { minLength: things.length }), fc.nat({ max: 11 }))), ([things, shuffled, restartAt]) => {
      using first = openStoreFixture();
      using second = openStoreFixture();
      for (const one of things) tell(first, one);
      for (const [i, one] of shuffled.entries()) {
        if (i === restartAt) second.reopen();
        tell(second, one);
      }
      expect(derived(second)).toEqual(derived(first));
      for (const session of ['s', 't']) {
        const owned = new Set(things.filter((one) => one.isOwn && one.session === session).map(({ n }) => n)).size;
        const told = new Set(things.filter((one) => one.session === session).map(({ n }) => n)).size;
        const expected = owned > 0 ? [{ prompts: owned }] : told > 0 ? [{ prompts: told }] : [];
        expect(first.rows('SELECT prompts FROM sessions WHERE session_id = ?', session)).toEqual(expected);
      }
      const before = derived(first);
      first.store.rebuild();
      expect(derived(first)).toEqual(before);
    }), { numRuns: 40 });
  }, 30_000);
});
