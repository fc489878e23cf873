/** `tt-agent receive`: the far end of `tt sessions push`, and what `tt sessions pull` runs on this laptop. */
import { join } from 'node:path';
import { usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, messageOf, TtError, type ExitCode } from '../../shared/errors.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { HANDOVER_SCHEMA, type HandoverAnswer } from '../../shared/protocol/handover.ts';
import type { Processes } from '../processes.ts';
import { renameFile } from '../receive/landing.ts';
import { receiveSession } from '../receive/receive.ts';
import { SeveralDirectories } from '../receive/target.ts';

/** The answer is all that stands on stdout, whatever it is; the exit code is that of what went wrong. */
export async function receive(_parsed: ParsedCommand, io: CommandIo, processes: Processes): Promise<ExitCode> {
  if ('isTTY' in io.stdin && io.stdin.isTTY === true) throw usageError('there is no session on stdin', 'on the laptop: tt sessions push SESSION MACHINE');
  const paths = resolvePaths(io.environment, io.home);
  const answer = (value: HandoverAnswer): void => io.stdout.write(`${JSON.stringify(value)}\n`);
  try {
    const { receive: isAllowed } = loadConfig(paths.configFile, io.environment);
    answer(await receiveSession(
      { input: io.stdin, clock: io.clock, processes, rename: renameFile },
      { home: io.home, configDirs: claudeConfigDirs(io.environment, io.home), replacedDir: join(paths.dataDir, 'replaced'), isAllowed },
    ));
    return EXIT_CODES.ok;
  } catch (error) {
    const { code, hint, exitCode } = error instanceof TtError ? error : { code: 'failed', hint: 'is its home writable, is its disk full? what was there is still there', exitCode: EXIT_CODES.failed };
    answer({ schema: HANDOVER_SCHEMA, ok: false, code, message: messageOf(error), hint, exit_code: exitCode, candidates: error instanceof SeveralDirectories ? error.candidates.slice(0, 12) : [] });
    return exitCode;
  }
}
