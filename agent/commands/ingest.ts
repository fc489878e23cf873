/** `tt-agent ingest …`: one line into `events.jsonl`, and nothing else; hooks wait for it. */
import { textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { afkLine, appendLine, paneLine, windowLine, type PaneFacts } from '../event-line.ts';
import { requireIdentity } from '../identity.ts';

type Stamp = Parameters<typeof afkLine>[0];

export async function ingestPaneFocus(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  return append(io, (stamp) => paneLine(stamp, paneFacts('tmux_pane_focus', parsed)));
}

export async function ingestScroll(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  return append(io, (stamp) => paneLine(stamp, paneFacts('tmux_scroll', parsed)));
}

export async function ingestAfk(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const status = textOption(parsed, 'status') === 'idle' ? 'idle' : 'active';
  return append(io, (stamp) => afkLine(stamp, status, wholeNumber(parsed, 'idleMs', '--idle-ms')));
}

export async function ingestWindowFocus(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  return append(io, (stamp) => windowLine(stamp, required(parsed, 'app', '--app'), textOption(parsed, 'title') ?? ''));
}

function append(io: CommandIo, toLine: (stamp: Stamp) => string): ExitCode {
  const { machineFile, eventLog } = resolvePaths(io.environment, io.home);
  const { machineId } = requireIdentity(machineFile);
  appendLine(eventLog, toLine({ machineId, timestamp: printTimestamp(io.clock.now()) }));
  return EXIT_CODES.ok;
}

function paneFacts(type: PaneFacts['type'], parsed: ParsedCommand): PaneFacts {
  return {
    type,
    pane: required(parsed, 'pane', '--pane'),
    cwd: textOption(parsed, 'cwd') ?? '',
    session: required(parsed, 'session', '--session'),
    windowIndex: wholeNumber(parsed, 'window', '--window'),
  };
}

function required(parsed: ParsedCommand, name: string, shown: string): string {
  const text = textOption(parsed, name) ?? '';
  if (text.trim() === '') throw usageError(`${shown} is empty`, `give ${shown} what the hook knows of it`);
  return text;
}

function wholeNumber(parsed: ParsedCommand, name: string, shown: string): number | undefined {
  const text = textOption(parsed, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw usageError(`${shown} ${JSON.stringify(text)} is not a whole number`, `leave ${shown} out, or give digits`);
  return Number(text);
}
