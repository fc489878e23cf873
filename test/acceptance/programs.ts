// The numbers of one folder of logs after the programs as they are shipped took it in.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { collectorStatus, enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { readStored, type Stored } from './database.ts';

const TIMEOUT_MS = 120_000;

/** Collector and agent, each in a home of its own; the agent is killed once and started again. */
export async function takeIn(folder: string): Promise<Stored> {
  ensureExecutables();
  const [laptop, devbox] = [createMachineHome('laptop'), createMachineHome('devbox')];
  try {
    cpSync(join(folder, 'projects'), devbox.projects, { recursive: true });
    const collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    const first = await startAgent(devbox);
    await first.kill();
    const second = await startAgent(devbox);
    await until('the agent to have sent everything', async () => {
      const machine = (await collectorStatus(laptop)).machines.find(({ label }) => label === 'devbox');
      if (machine?.connected !== true || machine.backlog_bytes !== 0 || machine.drained_at === null) throw new Error(JSON.stringify(machine));
      return machine;
    }, { timeoutMs: TIMEOUT_MS, everyMs: 250 });
    await second.stop();
    await collector.stop();
    return readStored(laptop.paths.database);
  } finally {
    await killAll();
    laptop.remove();
    devbox.remove();
  }
}
