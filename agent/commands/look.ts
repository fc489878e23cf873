/** `tt-agent look`: the running agent does at once what it does every now and then. */
import type { CommandIo, ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { askAgent } from '../control-client.ts';

export async function look(_parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { agentSocket } = resolvePaths(io.environment, io.home);
  const hasAnswered = await askAgent(agentSocket, io.clock, { method: 'POST', path: '/look', body: {} }, () => true);
  if (hasAnswered === undefined) throw new TtError('agent_stopped', 'no agent runs here', { hint: 'start it: tt-agent run, or tt-agent install', exitCode: EXIT_CODES.unreachable });
  io.stdout.write('it looks at every file now; tt-agent status tells what waits\n');
  return EXIT_CODES.ok;
}
