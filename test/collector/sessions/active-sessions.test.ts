import { expect, it } from 'vitest';
import { createFleet } from '../../../collector/sessions/fleet.ts';
import { activeSessions, listWaiting } from '../../../collector/sessions/session-list.ts';
import { WAITING_QUIET_MS } from '../../../collector/sessions/session-state.ts';
import { openSessionReader } from '../../../collector/store/read-sessions.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import type { TtEvent } from '../../../shared/event.ts';
import type { MachineId } from '../../../shared/ids.ts';
import { genOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

const DAY_MS = 86_400_000;
const DAYS = 40;
const [HERE, AWAY] = [testMachine(1), testMachine(2)];
const NOW = START_MS + DAYS * DAY_MS;

function turn(machineId: MachineId, session: string, atMs: number): TtEvent[] {
  const event = (type: string, at: number, rest = {}): TtEvent => testEvent({ machineId, type, discriminator: `${session}-${type}`, at }, { session_id: session, ...rest });
  return [event('user_message', atMs, { origin: 'human' }), event('assistant_message', atMs + 1000, { text: 'done' })];
}

it('a machine that has been away for long brings back its own last sessions, not those of others since then', () => {
  using fixture = openStoreFixture();
  const daily = Array.from({ length: DAYS }, (_, day) => turn(HERE, `day-${day}`, NOW - day * DAY_MS - 3_600_000)).flat();
  const busy = testEvent({ machineId: HERE, type: 'agent_status', discriminator: 'b', at: NOW - 30 * DAY_MS }, { session_id: 'day-30', status: 'busy' });
  const subagent = testEvent({ machineId: HERE, type: 'agent_tool_use', discriminator: 't', at: NOW - 1000 }, { session_id: 'day-20', agent_id: 'a1', tool: 'Bash' });
  fixture.answer(refOf(HERE), { gen: genOf(1), events: [...daily, busy, subagent] });
  const leftMs = NOW - 35 * DAY_MS;
  fixture.answer(refOf(AWAY), { gen: genOf(2), events: [...turn(AWAY, 'left', leftMs), ...turn(AWAY, 'long-before', leftMs - 2 * WAITING_QUIET_MS)] });
  const known = { drained_at: null, ended_at: null, last_event_at: printTimestamp(leftMs + 300_000), tunnel: null };
  const fleet = createFleet([{ ...known, machine_id: HERE, label: 'here', connected: true }, { ...known, machine_id: AWAY, label: 'away', connected: false }], NOW, null);
  const sessions = openSessionReader(fixture.database);
  expect([...activeSessions({ sessions, fleet })].map(({ stored, now }) => [stored.sessionId, now.state])).toEqual([
    ['day-20', 'working'], ['day-0', 'waiting'], ['day-30', 'working'], ['left', 'waiting'],
  ]);
  expect(listWaiting({ sessions, fleet }, { isInTmux: false }).waiting.map(({ session_id: id }) => id)).toEqual(['left', 'day-0']);
});
