import { describe, expect, it } from 'vitest';
import { readMachineSessions } from '../../../collector/store/machine-sessions.ts';
import { genOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const MINUTE = 60_000;
const [ONE, TWO] = [testMachine(1), testMachine(2)];

describe('the sessions of each machine', () => {
  it('are active, stale or closed, in projects, latest first', () => {
    using fixture = openStoreFixture();
    const started = (machineId: typeof ONE, session: string, minute: number, cwd: string) => testEvent(
      { machineId, type: 'agent_session', discriminator: `${session}:started`, at: START_MS + minute * MINUTE }, { session_id: session, cwd, action: 'started' },
    );
    fixture.answer(refOf(ONE), {
      gen: genOf(1),
      events: [started(ONE, 'a', 0, '/old'), started(ONE, 'b', 50, '/new'), started(ONE, 'c', 55, '/old/but/another')],
      states: [{ gen: genOf(1), offset: 1, after: '2026-05-01T09:50:00.000Z', session_id: 'b', key: 'ended', value: true }],
    });
    fixture.answer(refOf(TWO), { gen: genOf(2), events: [started(TWO, 'd', 58, '/old')] });
    const found = readMachineSessions(fixture.database, START_MS + 60 * MINUTE);
    expect(found.get(ONE)).toMatchObject({ active: 1, stale: 1, closed: 1, lastAtMs: START_MS + 55 * MINUTE });
    expect(found.get(ONE)?.projects.map(({ project }) => project)).toEqual(['/old/but/another', '/new', '/old']);
    expect(found.get(TWO)).toMatchObject({ active: 1, stale: 0, closed: 0 });
    // The view counts the same, by the clock of the system.
    expect(fixture.rows('SELECT machine_id, active + stale AS open, closed FROM active_sessions_by_machine ORDER BY machine_id'))
      .toEqual([{ machine_id: ONE, open: 2, closed: 1 }, { machine_id: TWO, open: 1, closed: 0 }]);
  });

  it('are found by index: of a machine and of a session by time, and the latest', () => {
    using fixture = openStoreFixture();
    const columns = (index: string): unknown => fixture.rows(`SELECT group_concat(name) AS names FROM pragma_index_info('${index}')`)[0];
    expect(columns('event_row_at')).toEqual({ names: 'machine,at' });
    expect(columns('event_row_session')).toEqual({ names: 'session,at' });
    expect(columns('session_row_last')).toEqual({ names: 'last_at' });
  });

  it('come by machine, the latest first, with their age, and machines by their latest', () => {
    using fixture = openStoreFixture();
    const started = (machineId: typeof ONE, session: string, minute: number) => testEvent(
      { machineId, type: 'agent_session', discriminator: `${session}:started`, at: START_MS + minute * MINUTE }, { session_id: session, cwd: '/p', action: 'started' },
    );
    fixture.answer(refOf(ONE), { gen: genOf(1), events: [started(ONE, 'a', 0), started(ONE, 'b', 5)] });
    fixture.answer(refOf(TWO), { gen: genOf(2), events: [started(TWO, 'c', 9)] });
    const ofMachine = { [ONE]: ['b', 'a'], [TWO]: ['c'] };
    expect(fixture.rows('SELECT machine_id, session_id, age_seconds > 0 AS isPast FROM sessions_with_machine'))
      .toEqual([ONE, TWO].toSorted().flatMap((id) => (ofMachine[id] ?? []).map((session) => ({ machine_id: id, session_id: session, isPast: 1 }))));
    expect(fixture.rows('SELECT machine_id FROM active_sessions_by_machine')).toEqual([{ machine_id: TWO }, { machine_id: ONE }]);
  });
});
