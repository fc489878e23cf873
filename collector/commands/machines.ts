import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import type { Control, ControlResponse, MachineRow } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';
import { agoWords, clockWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;

function controlOf(io: CommandIo): Control {
  return openControl(resolvePaths(io.environment, io.home), io.clock);
}

function print(parsed: ParsedCommand, io: CommandIo, value: object, text: string): ExitCode {
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(value)}\n` : text);
  return EXIT_CODES.ok;
}

export async function listMachines(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { machines } = await controlOf(io).call('machines.list', {});
  const text = machines.length === 0 ? 'no machines yet; add one: tt machines add LABEL\n' : toTable(machines, io.clock.now());
  return print(parsed, io, { schema: JSON_SCHEMA, machines }, text);
}

export async function addMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const added = await controlOf(io).call('machines.add', { label, again: flag(parsed, 'again') });
  return print(parsed, io, added, addedText(added, io.clock.now()));
}

function addedText({ label, url, command, expires_at }: ControlResponse<'machines.add'>, nowMs: number): string {
  const port = new URL(url).port;
  return [
    `On ${label}, through a tunnel that stays open (ssh -R ${port}:127.0.0.1:${port} ${label}):`,
    '',
    `  ${command}`,
    '  tt-agent run',
    '',
    `The code works once, until ${clockWords(expires_at, nowMs)}.`,
    '',
  ].join('\n');
}

export async function renameMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = '', newLabel = ''] = parsed.args;
  const machine = await controlOf(io).call('machines.rename', { label, new_label: newLabel });
  return print(parsed, io, { schema: JSON_SCHEMA, ...machine }, `${label} is ${machine.label} now\n`);
}

export async function revokeMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const machine = await controlOf(io).call('machines.revoke', { label });
  return print(parsed, io, { schema: JSON_SCHEMA, ...machine }, `${label} is revoked; tt machines add ${label} --again lets it join anew\n`);
}

export async function retireMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const machine = await controlOf(io).call('machines.retire', { label });
  return print(parsed, io, { schema: JSON_SCHEMA, ...machine }, `${label} is retired; its history stays\n`);
}

export async function rewindMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const replace = flag(parsed, 'replace');
  const rewound = await controlOf(io).call('machines.rewind', { label, replace });
  const when = rewound.happens === 'now' ? 'now' : `when it connects next${replace ? ', with an agent that can replace what it sent' : ''}`;
  return print(parsed, io, { schema: JSON_SCHEMA, ...rewound }, `${label} sends ${plural(rewound.files, 'file')} again, ${when}\n`);
}

function toTable(machines: readonly MachineRow[], nowMs: number): string {
  const rows = machines.map((machine) => [machine.label, stateOf(machine), machine.version ?? UNKNOWN, agoWords(machine.last_seen_at, nowMs), machine.problem ?? '']);
  return toTextTable([['MACHINE', 'STATE', 'VERSION', 'LAST SEEN', 'PROBLEM'], ...rows]);
}

function stateOf(machine: MachineRow): string {
  if (machine.revoked_at !== null) return 'revoked';
  if (machine.retired_at !== null) return 'retired';
  if (machine.connected === null) return 'enrolled';
  return machine.connected ? 'connected' : 'away';
}
