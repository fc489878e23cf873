import { hostname } from 'node:os';
import { flag, textOption, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { toLabel } from '../../shared/ids.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { openIdentity } from '../identity.ts';
import { takeAgentLock } from '../lock.ts';
import { openMachineKey } from '../machine-key.ts';
import { leaveIdentity } from '../new-identity.ts';
import type { Processes } from '../processes.ts';

/** `tt-agent init`: three lines, as the earlier tool printed them. */
export async function init(parsed: ParsedCommand, io: CommandIo, processes: Processes): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  if (flag(parsed, 'newIdentity')) leave(paths, io, processes);
  const config = loadConfig(paths.configFile, io.environment);
  const identity = openIdentity(paths.machineFile, textOption(parsed, 'label'), config.label ?? toLabel(hostname()));
  await openMachineKey(paths.machineKeyFile);
  io.stdout.write(
    `Machine ID: ${identity.machineId}\n` +
    `Label:      ${identity.label}\n` +
    `Saved to:   ${paths.machineFile}\n`,
  );
  return EXIT_CODES.ok;
}

/** A running agent would go on under the old name. */
function leave(paths: Paths, io: CommandIo, processes: Processes): void {
  const lock = takeAgentLock(paths.agentLockFile, { clock: io.clock, processes });
  try {
    if (!leaveIdentity(paths, io.clock.now())) return;
    io.stderr.write('The identity that was here is set aside. Now join anew: `tt machines add LABEL` on the laptop prints the command.\n');
  } finally {
    lock.release();
  }
}
