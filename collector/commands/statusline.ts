/** `tt statusline`, where the file that the collector keeps does not tell: out of the database. */
import { textOption, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { findSession } from '../sessions/session-detail.ts';
import { stateOf, toDocument } from '../sessions/session-list.ts';
import { sessionLine, UNKNOWN_SESSION_LINE } from '../statusline/line.ts';
import { presentStatusline } from '../statusline/present.ts';
import { quickStatusline } from '../statusline/statusline-file.ts';
import { openReading, type Reading } from './reading.ts';
import { readStatus } from './status.ts';

export async function statusline(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const session = textOption(parsed, 'session');
  const paths = resolvePaths(io.environment, io.home);
  const nowMs = io.clock.now();
  const quick = quickStatusline(session === undefined ? [] : ['--session', session], paths.statuslineFile, nowMs);
  io.stdout.write(quick ?? `${await lineOf(session, io)}\n`);
  return EXIT_CODES.ok;
}

/** A prompt is no place for an error: what is not known is a dash. */
async function lineOf(session: string | undefined, io: CommandIo): Promise<string> {
  try {
    using reading = await openReading(io);
    if (session !== undefined) return sessionLineOf(session, reading);
    const { machines } = await readStatus(resolvePaths(io.environment, io.home), io.clock.now());
    return presentStatusline(reading, machines).line;
  } catch (error) {
    if (session === undefined || !(error instanceof TtError)) throw error;
    return UNKNOWN_SESSION_LINE;
  }
}

function sessionLineOf(name: string, reading: Reading): string {
  const stored = findSession(name, reading);
  return sessionLine(toDocument(stored, stateOf(stored, reading), reading), reading.fleet.nowMs);
}
