import { flag, printAnswer, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import type { ExitCode } from '../../shared/errors.ts';
import { reverseTunnel } from '../../shared/loopback.ts';
import { resolvePaths } from '../../shared/paths.ts';
import type { ControlResponse, MachineRow } from '../control/control-methods.ts';
import { agoWords, clockWords, countWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { readMachineSessions, type MachineSessions } from '../store/machine-sessions.ts';
import { fitOf, projectWords } from './sessions.ts';
import { openIfPresent } from './status.ts';
import { controlOf } from './own-collector.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;

/** A machine with what it has of sessions; null: there is no database yet. */
type ListedMachine = MachineRow & {
  last_active_at: string | null;
  sessions: Pick<MachineSessions, 'active' | 'stale' | 'closed'> | null;
  projects: { project: string; last_at: string }[];
};

/** The one where something was done last comes first; those of which nothing is known keep their order. */
export async function listMachines(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const rows = await controlOf(io).call('machines.list', {});
  const sessions = sessionsOf(io);
  const machines = rows.machines.map((machine) => toListed(machine, sessions))
    .toSorted((a, b) => compareText(b.last_active_at ?? '', a.last_active_at ?? ''));
  const text = machines.length === 0 ? 'no machines yet; add one: tt machines add LABEL\n' : toTable(machines, io);
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, machines }, text);
}

function sessionsOf(io: CommandIo): ReadonlyMap<string, MachineSessions> | undefined {
  const database = openIfPresent(resolvePaths(io.environment, io.home).database);
  try {
    return database && readMachineSessions(database, io.clock.now());
  } finally {
    database?.close();
  }
}

function toListed(machine: MachineRow, sessions: ReadonlyMap<string, MachineSessions> | undefined): ListedMachine {
  const { active = 0, stale = 0, closed = 0, lastAtMs = null, projects = [] } = sessions?.get(machine.machine_id) ?? {};
  return {
    ...machine,
    last_active_at: lastAtMs === null ? null : printTimestamp(lastAtMs),
    sessions: sessions === undefined ? null : { active, stale, closed },
    projects: projects.map((each) => ({ project: each.project, last_at: printTimestamp(each.lastAtMs) })),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export async function addMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const added = await controlOf(io).call('machines.add', { label, again: flag(parsed, 'again') });
  return printAnswer(parsed, io, added, addedText(added, io.clock.now()));
}

function addedText({ label, url, code, expires_at }: ControlResponse<'machines.add'>, nowMs: number): string {
  const tunnel = reverseTunnel(url, label);
  return [
    tunnel === undefined ? `On ${label}:` : `On ${label}, through a tunnel that stays open (${tunnel}):`,
    '',
    `  tt-agent join ${url} --code -`,
    '  tt-agent run',
    '',
    'It asks for the code, so that nobody there reads it off a command line:',
    '',
    `  ${code}`,
    '',
    `It works once, until ${clockWords(expires_at, nowMs)}.`,
    '',
  ].join('\n');
}

export async function renameMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = '', newLabel = ''] = parsed.args;
  const machine = await controlOf(io).call('machines.rename', { label, new_label: newLabel });
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, ...machine }, `${label} is ${machine.label} now\n`);
}

export async function revokeMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const machine = await controlOf(io).call('machines.revoke', { label });
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, ...machine }, `${label} is revoked; tt machines add ${label} --again lets it join anew\n`);
}

export async function retireMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const machine = await controlOf(io).call('machines.retire', { label });
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, ...machine }, `${label} is retired; its history stays\n`);
}

export async function rewindMachine(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const replace = flag(parsed, 'replace');
  const rewound = await controlOf(io).call('machines.rewind', { label, replace });
  const when = rewound.happens === 'now' ? 'now' : `when it connects next${replace ? ', with an agent that can replace what it sent' : ''}`;
  return printAnswer(parsed, io, { schema: JSON_SCHEMA, ...rewound }, `${label} sends ${plural(rewound.files, 'file')} again, ${when}\n`);
}

const HEADINGS = ['MACHINE', 'STATE', 'VERSION', 'LAST SEEN', 'ACTIVE', 'STALE', 'CLOSED', 'PROJECTS', 'PROBLEM'];

function toTable(machines: readonly ListedMachine[], io: CommandIo): string {
  const nowMs = io.clock.now();
  const rows = machines.map((machine) => [
    machine.label, stateOf(machine), machine.version ?? UNKNOWN, agoWords(machine.last_seen_at, nowMs),
    ...(['active', 'stale', 'closed'] as const).map((count) => (machine.sessions === null ? UNKNOWN : countWords(machine.sessions[count]))),
    projectsWords(machine, io), machine.problem ?? '',
  ]);
  return toTextTable([HEADINGS, ...rows], new Set([4, 5, 6]), fitOf(io, [7]));
}

const NAMED = 3;

function projectsWords({ projects }: ListedMachine, io: CommandIo): string {
  if (projects.length === 0) return UNKNOWN;
  const named = projects.slice(0, NAMED).map(({ project }) => projectWords(project, io.home)).join(', ');
  return projects.length > NAMED ? `${named} and ${projects.length - NAMED} more` : named;
}

function stateOf(machine: MachineRow): string {
  if (machine.revoked_at !== null) return 'revoked';
  if (machine.retired_at !== null) return 'retired';
  if (machine.connected === null) return 'enrolled';
  return machine.connected ? 'connected' : 'away';
}
