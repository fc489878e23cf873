import { expect, it } from 'vitest';
import { createDrain } from '../../../collector/web/drain.ts';
import { BY_NAME, BY_STATE, nextOrder, sortMachines, TOLD, type Beside } from '../../../collector/web/machine-columns.ts';
import type { MachineStatus } from '../../../shared/status.ts';

const WELL: MachineStatus = {
  machine_id: '', label: '', state: 'live', connected: true, last_event_at: '2026-01-05T10:00:00.000Z', lag_ms: 0, backlog_bytes: 0, backlog_events: 0,
  drained_at: null, complete_until: null, events_today: 5, refused: 0, gaps: 0, clock_offset_ms: 0, version: '1', ended_at: null, gap_bytes: 0, gap_reasons: [], refused_lately: 0,
};
const machine = (label: string, change: Partial<MachineStatus> = {}): MachineStatus => ({ ...WELL, machine_id: label, label, ...change });
const beside: Beside = { waiting: undefined, working: undefined, drain: createDrain(), nowMs: 0 };
const tunnel = { host: 'h', mode: 'always', since: '', problem: null, hint: null, warning: null };

const FLEET = [
  machine('b'), machine('a'), machine('retired', { state: 'retired', events_today: 0 }), machine('late', { state: 'catching_up', lag_ms: 9000 }),
  machine('away', { state: 'away', lag_ms: null, last_event_at: null }), machine('holed', { gaps: 1 }),
  machine('cut', { tunnel: { ...tunnel, state: 'down' } }), machine('busy', { events_today: 500, tunnel: { ...tunnel, state: 'up' } }),
];
const sorted = (by: string, isDescending: boolean): string[] => sortMachines(FLEET, { by, isDescending }, beside).map(({ label }) => label);

it('what needs a person comes first: away, late, then live with something wrong', () => {
  expect(sortMachines(FLEET, BY_STATE, beside).map(({ label }) => label)).toEqual(['away', 'late', 'cut', 'holed', 'a', 'b', 'busy', 'retired']);
});

it('a column is chosen by its title, most first where that is looked for, and turned round by choosing it again', () => {
  const once = nextOrder('Today', BY_STATE);
  expect([once, nextOrder('Today', once), nextOrder('Version', once), nextOrder('Machine', BY_NAME)]).toEqual([
    { by: 'Today', isDescending: true }, { by: 'Today', isDescending: false }, { by: 'Version', isDescending: false }, { by: 'Machine', isDescending: true },
  ]);
  expect([sorted('Today', true)[0], sorted('Today', false)[0]]).toEqual(['busy', 'retired']);
});

it('what is not known comes last, whichever way', () => {
  for (const isDescending of [true, false]) {
    expect([sorted('Lag', isDescending).at(-1), sorted('Last event', isDescending).at(-1)]).toEqual(['away', 'away']);
  }
  expect(sorted('Lag', true)[0]).toBe('late');
});

it('every column sorts, ties by name', () => {
  for (const { title } of TOLD) expect([title, sorted(title, false).toSorted()]).toEqual([title, FLEET.map(({ label }) => label).toSorted()]);
  expect(sorted('Version', false)).toEqual(FLEET.map(({ label }) => label).toSorted());
});
