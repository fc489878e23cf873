import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStore } from '../../../collector/writer/open-store.ts';
import { START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-open-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('ends a step after its time, also while the wall clock goes backwards', () => {
  let [wallMs, monotonicMs] = [START_MS, 0];
  const store = openStore(join(folder, 'collector.db'), { now: () => (wallMs -= 1000), monotonic: () => (monotonicMs += 15) });
  const lines = Array.from({ length: 450 }, (_, at) => JSON.stringify(
    testEvent({ machineId: testMachine(1), type: 'user_message', discriminator: `n${at}` }, { session_id: 'goes' }),
  ));
  store.committer.call('importLines', [lines, START_MS]);
  expect(store.committer.call('forgetStep', [{ scope: 'session', value: 'goes' }, START_MS])).toMatchObject({ done: false });
  store.close();
});
