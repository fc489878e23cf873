/** `tt recompute`: times of streams are never stored, so only what is derived from events is made again. */
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { plural } from '../../shared/status-words.ts';
import { openControl } from '../control/open-control.ts';

export async function recompute(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  io.stderr.write('deriving sessions, usage and times again ...\n');
  const counts = await openControl(resolvePaths(io.environment, io.home), io.clock).call('rebuild', {});
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: 1, ...counts })}\n`
    : `derived again from ${plural(counts.events, 'event')}: ${plural(counts.sessions, 'session')}, ${plural(counts.responses, 'response')}, and times.\n`
      + 'Times of streams need no recomputing: they follow what is assigned the moment it is said (tt streams).\n');
  return EXIT_CODES.ok;
}
