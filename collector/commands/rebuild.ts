import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { countWords, plural } from '../../shared/status-words.ts';
import type { ControlResponse } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';
import { openReader } from '../store/database.ts';
import { openEventReader } from '../store/read-events.ts';

/** It takes long enough from here on that a person wants to know what it does. */
const MANY_EVENTS = 100_000;

/** `tt collector rebuild`: through the running collector, or without one under the lock. */
export async function rebuild(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const counts = await deriveAgain(io);
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: 1, ...counts })}\n`
    : `rebuilt ${derivedWords(counts)} from ${plural(counts.events, 'event')} and ${counts.copies === 1 ? '1 copy' : `${countWords(counts.copies)} copies`}\n`);
  return EXIT_CODES.ok;
}

/** All of it is one transaction: until its end readers see what was before, and nothing new is stored. */
async function deriveAgain(io: CommandIo): Promise<ControlResponse<'rebuild'>> {
  const paths = resolvePaths(io.environment, io.home);
  const newest = newestRow(paths.database);
  const patience = newest < MANY_EVENTS ? '' : `: ${countWords(newest)}. This takes a minute or more for each million, in which nothing new is stored; agents keep it`;
  io.stderr.write(`deriving sessions, usage and times again from all events${patience} ...\n`);
  return openControl(paths, io.clock).call('rebuild', {});
}

/** 0 where it cannot be read: why, the work itself will tell, and an older one it migrates. */
function newestRow(path: string): number {
  try {
    const database = openReader(path);
    const row = openEventReader(database).newestRow();
    database.close();
    return row;
  } catch (error) {
    if (error instanceof TtError) return 0;
    throw error;
  }
}

/** Subagents have rows of their own. */
export function derivedWords({ sessions, responses }: { sessions: number; responses: number }): string {
  return `${plural(sessions, 'session')} (subagents among them) and ${plural(responses, 'response')}`;
}
