/** `tt recompute`: times of streams are never stored, so only what is derived from events is made again. */
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { plural } from '../../shared/status-words.ts';
import { derivedWords, deriveAgain } from './rebuild.ts';

export async function recompute(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const counts = await deriveAgain(io);
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: 1, ...counts })}\n`
    : `derived again from ${plural(counts.events, 'event')}: ${derivedWords(counts)}, and all times.\n`
      + 'Times of streams need no recomputing: they follow what is assigned the moment it is said (tt streams).\n');
  return EXIT_CODES.ok;
}
