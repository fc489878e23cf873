import type { CommandIo, ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { aborted } from '../../shared/lifecycle.ts';
import { createLog } from '../../shared/log.ts';
import { logSinkOf } from '../../shared/rotating-file.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { openAgent, type Agent } from '../agent.ts';
import type { Processes } from '../processes.ts';
import type { UplinkEnd } from '../uplink/uplink.ts';

/** `tt-agent run`: one line on stdout when it is ready, the log on stderr. */
export async function runAgent(parsed: ParsedCommand, io: CommandIo, processes: Processes): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const config = loadConfig(paths.configFile, io.environment);
  const log = createLog(config.log_level, logSinkOf(parsed, io.stderr));
  const claudeDirs = claudeConfigDirs(io.environment, io.home);
  const agent = await openAgent({ paths, config, claudeDirs }, { clock: io.clock, log, processes });
  io.abandon.addEventListener('abort', () => agent.abandon(), { once: true });
  try {
    const end = await Promise.race([untilStopped(agent, io), agent.ended]);
    if (end.kind === 'banned') {
      throw new TtError(end.code, `the collector says: this machine is ${end.code}`, { hint: end.hint, exitCode: EXIT_CODES.unauthorised });
    }
  } finally {
    await Promise.race([agent.close(), aborted(io.abandon)]);
  }
  return EXIT_CODES.ok;
}

async function untilStopped(agent: Agent, io: CommandIo): Promise<UplinkEnd> {
  const stopped = aborted(io.stop);
  await Promise.race([agent.ready, stopped]);
  if (!io.stop.aborted) {
    const { connected, endpoint, files } = agent.status();
    const where = connected ? `connected to ${endpoint}` : `not connected yet, trying ${endpoint}`;
    io.stdout.write(`tt-agent: ready, watching ${files} files, ${where}\n`);
  }
  await stopped;
  return { kind: 'stopped' };
}
