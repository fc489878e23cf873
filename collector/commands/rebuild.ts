import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { openControl } from '../control/open-control.ts';

/** `tt collector rebuild`: through the running collector, or without one under the lock. */
export async function rebuild(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const counts = await openControl(resolvePaths(io.environment, io.home), io.clock).call('rebuild', {});
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: 1, ...counts })}\n`
    : `rebuilt ${counts.sessions} sessions and ${counts.responses} responses from ${counts.events} events and ${counts.copies} copies\n`);
  return EXIT_CODES.ok;
}
