import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import { agentStatusSchema, type AgentStatus } from '../../shared/status.ts';
import { readLastStatus, unknownStatus } from '../agent-status.ts';
import { askAgent } from '../control-client.ts';
import { readIdentity } from '../identity.ts';
import { readUplink } from '../uplink-file.ts';

const SHOWN_GAPS = 20;

/** `tt-agent status`: of the running agent, else its last values. */
export async function status(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const current = await readAgentStatus(paths, io.clock);
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(current, null, 2)}\n` : printStatus(current));
  const isHealthy = current.running && current.connected && current.problems.length === 0 && current.gaps.length === 0;
  return flag(parsed, 'strict') && !isHealthy ? EXIT_CODES.unhealthy : EXIT_CODES.ok;
}

/** Of the running agent, else its last values. */
export async function readAgentStatus(paths: Paths, clock: Pick<CommandIo['clock'], 'after'>): Promise<AgentStatus> {
  const running = await askAgent(paths.agentSocket, clock, { method: 'GET', path: '/status' }, (body) => agentStatusSchema.parse(body));
  return running ?? readLastStatus(paths.agentStatusFile) ?? nothingKnown(paths);
}

function nothingKnown(paths: Paths): AgentStatus {
  return unknownStatus(readIdentity(paths.machineFile), readUplink(paths.uplinkFile)?.collectorId ?? null);
}

function printStatus(status: AgentStatus): string {
  const lines = [
    `Machine:   ${status.label ?? 'no identity yet (tt-agent init)'}${status.machine_id === null ? '' : ` (${status.machine_id})`}`,
    `Agent:     ${runningLine(status)}`,
    `Collector: ${collectorLine(status)}`,
  ];
  if (status.files !== null) lines.push(`Files:     ${status.files} followed${status.bad_lines ? `, ${status.bad_lines} lines that nothing could be made of` : ''}`);
  lines.push(`Waiting:   ${backlogLine(status)}`, `Complete:  ${status.drained_at === null ? 'not known yet' : `everything up to ${status.drained_at} has arrived`}`);
  const kept = keptLine(status);
  if (kept !== undefined) lines.push(kept);
  for (const gap of status.gaps.slice(-SHOWN_GAPS)) lines.push(`Lost:      ${gap.path} bytes ${gap.from}-${gap.to} (${gap.reason})`);
  if (status.gaps.length > SHOWN_GAPS) lines.push(`           and ${status.gaps.length - SHOWN_GAPS} ranges more, found earlier`);
  const unknown = Object.entries(status.unknown_entries);
  if (unknown.length > 0) lines.push(`Unknown:   ${unknown.map(([type, count]) => `${type} ×${count}`).join(', ')}`);
  for (const problem of status.problems) lines.push(`Problem:   ${problem}`);
  return lines.map((line) => `${toPlainText(line)}\n`).join('');
}

/** Only what takes room: links of files that are still there are not worth a word. */
function keptLine({ kept_files: files, kept_bytes: bytes, kept_oldest_at: oldest, kept_limit_bytes: limit }: AgentStatus): string | undefined {
  if (files === undefined || files === null || files === 0) return undefined;
  return `Kept:      ${files} deleted files, ${bytes ?? 0} bytes of at most ${limit ?? 0}, since ${oldest ?? 'now'} (tt-agent forget PATH releases one)`;
}

function runningLine({ running, as_of, version }: AgentStatus): string {
  if (running) return `running, version ${version}`;
  return as_of === null ? 'not running, and never ran here (tt-agent run)' : `not running; what follows was so at ${as_of}`;
}

function collectorLine({ collector_id, connected, running, endpoint }: AgentStatus): string {
  if (collector_id === null) return 'none joined yet (tt machines add LABEL on the laptop prints the command)';
  if (connected) return `${collector_id}, connected to ${endpoint}`;
  return `${collector_id}, not connected${running && endpoint !== null ? `, trying ${endpoint}` : ''}`;
}

function backlogLine({ backlog_bytes, backlog_events }: AgentStatus): string {
  if (backlog_bytes === null) return 'not known yet';
  if (backlog_bytes === 0) return 'nothing';
  return `${backlog_bytes} bytes${backlog_events === null ? '' : `, about ${backlog_events} events`}`;
}
