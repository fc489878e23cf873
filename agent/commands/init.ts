import { hostname } from 'node:os';
import { textOption, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { toLabel } from '../../shared/ids.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { openIdentity } from '../identity.ts';
import { openMachineKey } from '../machine-key.ts';

/** `tt-agent init`: three lines, as the earlier tool printed them. */
export async function init(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
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
