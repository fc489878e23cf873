import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { countWords, plural } from '../../shared/status-words.ts';
import { openControl } from '../control/open-control.ts';

/** `tt collector rebuild`: through the running collector, or without one under the lock. */
export async function rebuild(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const counts = await openControl(resolvePaths(io.environment, io.home), io.clock).call('rebuild', {});
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: 1, ...counts })}\n`
    : `rebuilt ${plural(counts.sessions, 'session')} and ${plural(counts.responses, 'response')} from ${plural(counts.events, 'event')} and ${counts.copies === 1 ? '1 copy' : `${countWords(counts.copies)} copies`}\n`);
  return EXIT_CODES.ok;
}
