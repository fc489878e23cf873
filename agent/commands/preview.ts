/**
 * `tt-agent preview`: every event and state that would leave this machine, after the
 * text policy, in the JSON that is sent (the generation of a state is made up). All
 * words that leave are in these. Not shown is what goes with them: paths, sizes and
 * gaps of the files, types of entries that nobody knows, which session goes on with
 * which; nor the mirror, where that is allowed. Shown as of now: a subagent that went on
 * while its session came into a restricted directory may have said more until then.
 */
import { textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { requireIdentity } from '../identity.ts';
import { openSources } from '../sources.ts';
import { readStoredLines, storedFiles, type StoredFile } from '../stored-lines.ts';
import { printEvent } from '../tail/printed-event.ts';

interface Leaving {
  /** Orders events and states of all files; a state has the time of the entry before it. */
  at: string;
  text: string;
}

export async function preview(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const last = lastOf(parsed);
  const sources = openSources({
    paths, config: loadConfig(paths.configFile, io.environment),
    claudeDirs: claudeConfigDirs(io.environment, io.home), identity: requireIdentity(paths.machineFile),
  });
  const files = sources.flatMap((source) => storedFiles(source)).sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { text } of newest(files, last, io.stop)) io.stdout.write(`${text}\n`);
  return EXIT_CODES.ok;
}

function lastOf(parsed: ParsedCommand): number {
  const text = textOption(parsed, 'last') ?? '20';
  if (!/^[1-9]\d{0,6}$/.test(text)) throw usageError(`--last ${JSON.stringify(text)} is not a number from 1 on`, 'e.g. --last 50');
  return Number(text);
}

/** A file that was not written since the oldest of those found can hold nothing newer. */
function newest(files: readonly StoredFile[], count: number, stop: AbortSignal): Leaving[] {
  let found: Leaving[] = [];
  for (const file of files) {
    const oldest = found[0];
    if (stop.aborted || (found.length >= count && oldest !== undefined && file.mtimeMs < Date.parse(oldest.at))) break;
    found = [...found, ...leavingOf(file, count)].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).slice(-count);
  }
  return found;
}

/** The last `count` of one file. */
function leavingOf(file: StoredFile, count: number): Leaving[] {
  let found: Leaving[] = [];
  readStoredLines(file, ({ events, states }) => {
    for (const event of events) {
      const printed = printEvent(event);
      if (printed !== undefined) found.push({ at: event.timestamp, text: printed.text });
    }
    for (const state of states) found.push({ at: state.after, text: JSON.stringify(state) });
    if (found.length > 2 * count + 1000) found = found.slice(-count);
    return true;
  });
  return found.slice(-count);
}
