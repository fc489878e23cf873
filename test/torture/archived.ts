/** The archive of a whole fleet after a round. */
import { openControl } from '../../collector/control/open-control.ts';
import { systemClock } from '../../shared/clock.ts';
import { runCommand } from '../support/processes.ts';
import { until } from '../support/until.ts';
import type { Fleet, TorturedMachine } from './fleet.ts';

const MIRRORED_MS = 100_000;
/** Files that were deleted or replaced are noticed by a look at everything: each minute, and when the mirror begins. */
const LOOK_AFTER_MS = 1500;

/** Waits until everything is archived, and the collector finds so, too. Throws what does not hold. */
export async function checkMirrored(fleet: Fleet): Promise<void> {
  const machines = fleet.machines.filter(({ mirrored }) => mirrored !== undefined);
  if (machines.length === 0) return;
  const startedAt = performance.now();
  let hasLooked = false;
  await until('the archive to hold what is there', async () => {
    const problems = machines.flatMap((machine) => problemsOf(machine));
    if (problems.length === 0) problems.push(...await verified(fleet));
    if (problems.length === 0) return true;
    if (!hasLooked && performance.now() - startedAt > LOOK_AFTER_MS) {
      hasLooked = true;
      await lookAgain(fleet, machines);
    }
    throw new Error(problems.slice(0, 5).join('\n  '));
  }, { timeoutMs: MIRRORED_MS, everyMs: 200 });
  for (const { mirrored } of machines) mirrored?.see();
}

async function verified({ laptop }: Fleet): Promise<string[]> {
  const { code, stdout, stderr } = await runCommand(laptop, 'tt', ['archive', 'verify']);
  return code === 0 ? [] : [`tt archive verify exited ${code}: ${stdout}${stderr}`];
}

function problemsOf({ name, mirrored, owed }: TorturedMachine): string[] {
  return (mirrored?.problems((path) => owed.destroyedOf(path) !== '') ?? []).map((problem) => `archive of ${name}: ${problem}`);
}

async function lookAgain({ laptop }: Fleet, machines: readonly TorturedMachine[]): Promise<void> {
  const control = openControl(laptop.paths, systemClock);
  for (const { name: label } of machines) for (const on of [false, true]) await control.call('archive.set', { label, on });
}
