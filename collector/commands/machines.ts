import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import type { Control, MachineRow } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';
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
  const text = machines.length === 0 ? 'no machines yet; add one: tt machines add LABEL\n' : toTable(machines);
  return print(parsed, io, { schema: JSON_SCHEMA, machines }, text);
}

export async function addMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const added = await controlOf(io).call('machines.add', { label, again: flag(parsed, 'again') });
  const text = `On ${label}, with this collector's port reachable there as ${added.url}:\n\n  ${added.command}\n\nThe code holds until ${added.expires_at}.\n`;
  return print(parsed, io, added, text);
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
  return print(parsed, io, { schema: JSON_SCHEMA, ...rewound }, `${label} sends ${rewound.files} files again, ${when}\n`);
}

function toTable(machines: readonly MachineRow[]): string {
  const rows = machines.map((machine) => [machine.label, stateOf(machine), machine.version ?? '', machine.last_seen_at ?? '', machine.problem ?? '']);
  return toTextTable([['MACHINE', 'STATE', 'VERSION', 'LAST SEEN', 'PROBLEM'], ...rows]);
}

function stateOf(machine: MachineRow): string {
  if (machine.revoked_at !== null) return 'revoked';
  if (machine.retired_at !== null) return 'retired';
  if (machine.connected === null) return 'enrolled';
  return machine.connected ? 'connected' : 'away';
}
