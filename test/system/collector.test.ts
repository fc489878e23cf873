import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCollector } from '../../collector/commands/run.ts';
import { createControlClient } from '../../collector/control/control-client.ts';
import { takeCollectorLock } from '../../collector/control/collector-lock.ts';
import { openReader } from '../../collector/store/database.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { testIo } from '../support/command-io.ts';
import { batchOf, join as joinMachine, paneFocus, ScriptedAgent, tokenFor } from '../support/scripted-agent.ts';
import { until } from '../support/until.ts';

it('collects in a thread of its own until it is signalled, and says in one line where it is', async () => {
  const home = mkdtempSync(join(tmpdir(), 'tt-collector-'));
  const paths = resolvePaths({}, home);
  const io = testIo(home);
  const ended = runCollector({ args: [], options: {} }, io);
  await until('the ready line', () => io.out().includes('\n'), { timeoutMs: 30_000 });
  expect(io.out()).toMatch(/^tt collector: ready, agents at 127\.0\.0\.1:\d+, page at http:\/\/127\.0\.0\.1:\d+, data in .*\n$/);

  const { code, url } = await createControlClient(paths.controlSocket).call('machines.add', { label: 'devbox', again: false });
  const machine = await joinMachine(url, code);
  const agent = await ScriptedAgent.connect(url, await tokenFor(url, machine));
  agent.hello();
  await agent.frame('welcome');
  agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
  expect((await agent.frame('ack')).verdicts).toBe('s');

  io.signal();
  expect(await ended).toBe(0);
  expect((await agent.close()).code).toBe(1001);
  const database = openReader(paths.database);
  expect(database.prepare('SELECT count(*) AS n FROM events').get()).toEqual({ n: 1 });
  database.close();
  takeCollectorLock(paths.collectorLockFile).release();
  rmSync(home, { recursive: true, force: true });
});
