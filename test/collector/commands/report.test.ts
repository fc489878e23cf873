import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { START_MS, testEvent } from '../../support/store-fixture.ts';
import { at, MACHINE, openStreamsHome, prompt, toolUse, type StreamsHome } from '../../support/streams-home.ts';

const SESSION = 'aaaa1111-0000-4000-8000-000000000001';

let home: StreamsHome;
beforeEach(() => {
  home = openStreamsHome();
});
afterEach(() => home[Symbol.dispose]());

const status = (minute: number, word: string) => testEvent({ machineId: MACHINE.machineId, type: 'agent_status', discriminator: `${SESSION}:7:${word}`, at: at(minute) }, { session_id: SESSION, status: word, pid: 7 });

describe('tt report', () => {
  it('shows a day on which a session only waited', async () => {
    // It is 9:00 UTC; on Kiritimati the next day begins an hour later.
    home.store([prompt(SESSION, 0), toolUse(SESSION, 5), status(6, 'waiting'), status(90, 'gone')]);
    const { stdout } = await home.tt(['report', '--day', '--timezone', 'Pacific/Kiritimati', '--by', 'session'], { clock: new ManualClock(at(120)) });
    expect(stdout).not.toContain('No time');
    expect(stdout).toContain('Waited       30m for you');
    expect(stdout).toContain(SESSION.slice(0, 8));
    const before = await home.tt(['report', '--start', '2026-04-01', '--end', '2026-04-02']);
    expect(before.stdout).toContain('No time in this period.');
  });

  it('prints the times of the zone whose days it counts', async () => {
    const { publicKey } = await createKeyPair();
    openMachineRegistry(home.paths.machinesFile).enrol({ machineId: MACHINE.machineId, label: 'devbox', publicKey, nowMs: START_MS - 86_400_000 });
    home.store([prompt(SESSION, 0), toolUse(SESSION, 5)]);
    // 9:00 UTC on 1 May is 14:45 in Kathmandu, and 2:00 in Los Angeles.
    for (const [zone, from] of [['Asia/Kathmandu', '14:45:00'], ['America/Los_Angeles', '02:00:00']] as const) {
      expect((await home.tt(['report', '--day', '--explain', '--timezone', zone])).stdout).toContain(`\n${from}  direct`);
    }
    // Of another day there.
    const later = { clock: new ManualClock(at(24 * 60)) };
    expect((await home.tt(['report', '--last-day', '--explain', '--timezone', 'Pacific/Kiritimati'], later)).stdout).toContain('\n2026-05-01 23:00:00  direct');
  });

  it.each([['--explain', '--strict'], ['--only', 'web']])('refuses what it would ignore: %s %s', async (...flags) => {
    home.store([prompt(SESSION, 0)]);
    expect(await home.tt(['report', ...flags])).toMatchObject({ code: 2, stdout: '' });
  });
});
