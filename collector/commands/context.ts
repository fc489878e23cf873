/** `tt context`, and `tt export` with one of its flags: data of a time for whoever draws conclusions. */
import { flag, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { printPieces } from '../../shared/long-answer.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { openReader } from '../store/database.ts';
import { printContext } from '../streams/context.ts';
import { CONTEXT_SECTIONS } from './context-flags.ts';
import { parseGapThreshold, parseTimeRange } from './time-range.ts';

export async function context(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (!CONTEXT_SECTIONS.some((section) => flag(parsed, section))) {
    throw usageError('which sections?', `give one or more of ${CONTEXT_SECTIONS.map((section) => `--${section}`).join(' ')}`);
  }
  const period = parseTimeRange(parsed, io.clock.now());
  const options = {
    events: flag(parsed, 'events'), agents: flag(parsed, 'agents'), streams: flag(parsed, 'streams'), gaps: flag(parsed, 'gaps'),
    gapMs: parseGapThreshold(parsed), unclassified: flag(parsed, 'unclassified'), summary: flag(parsed, 'summary'),
  };
  const reader = openReader(resolvePaths(io.environment, io.home).database);
  try {
    return (await printPieces(printContext(reader, period, options), io)) ? EXIT_CODES.ok : EXIT_CODES.interrupted;
  } finally {
    reader.close();
  }
}
