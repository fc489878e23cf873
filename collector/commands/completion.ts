/** `tt completion`: a script for the shell; `labels` is what that script asks for at a TAB. */
import type { CommandIo, ParsedCommand, ProgramSpec } from '../../shared/cli.ts';
import { printCompletion, SHELLS } from '../../shared/completion.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';

export async function completion(parsed: ParsedCommand, io: CommandIo, program: Pick<ProgramSpec, 'name' | 'commands' | 'groups'>): Promise<ExitCode> {
  const [wanted] = parsed.args;
  const shell = SHELLS.find((name) => name === wanted);
  io.stdout.write(shell === undefined ? printLabels(io) : printCompletion(shell, program));
  return EXIT_CODES.ok;
}

function printLabels(io: CommandIo): string {
  const machines = openMachineRegistry(resolvePaths(io.environment, io.home).machinesFile).list();
  return machines.map(({ label }) => `${label}\n`).join('');
}
