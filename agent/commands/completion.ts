/** `tt-agent completion`: a script for the shell. */
import type { CommandIo, ParsedCommand, ProgramSpec } from '../../shared/cli.ts';
import { printCompletion, SHELLS } from '../../shared/completion.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';

export async function completion(parsed: ParsedCommand, io: CommandIo, program: Pick<ProgramSpec, 'name' | 'commands' | 'groups'>): Promise<ExitCode> {
  const shell = SHELLS.find((name) => name === parsed.args[0]) ?? 'bash';
  io.stdout.write(printCompletion(shell, program));
  return EXIT_CODES.ok;
}
