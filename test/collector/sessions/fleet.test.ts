import { expect, it } from 'vitest';
import { createFleet } from '../../../collector/sessions/fleet.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const HOUR = 3_600_000;
type Known = Parameters<typeof createFleet>[0][number];

const machine = (change: Partial<Known>): Known => ({
  machine_id: 'm', label: 'devbox', connected: false, drained_at: null, last_event_at: printTimestamp(NOW - 5 * HOUR), ended_at: null, tunnel: null, ...change,
});

it.each([
  ['now, where its machine is connected', machine({ connected: true }), NOW],
  ['when its machine was heard of last, where that is away', machine({ drained_at: printTimestamp(NOW - 4 * HOUR) }), NOW - 4 * HOUR],
  ['the end of its machine, where that was retired', machine({ ended_at: printTimestamp(NOW - 6 * HOUR) }), NOW - 6 * HOUR],
  ['when its machine was heard of last, where that was away before it was retired', machine({ ended_at: printTimestamp(NOW - HOUR) }), NOW - 5 * HOUR],
  ['nobody knows, where nothing was ever heard of it', machine({ last_event_at: null }), undefined],
])('a session is known to wait until %s', (_, known, untilMs) => {
  const fleet = createFleet([known], NOW, null);
  expect(fleet.waitsUntilMs('m')).toBe(untilMs);
  expect(fleet.waitsUntilMs('another')).toBeUndefined();
});
