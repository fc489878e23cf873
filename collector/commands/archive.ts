/** `tt archive`, `on`, `off` and `status`. */
import { ARCHIVE_SCHEMA, type ArchivedMachine, type ArchiveRow } from '../../shared/archive-document.ts';
import { archiveNotes, archiveStateWords, archiveWaitingWords } from '../../shared/archive-words.ts';
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { bytesWords, countWords } from '../../shared/status-words.ts';
import { archivedMachine } from '../archive/archived-machine.ts';
import { archivedMachines } from '../archive/session-entries.ts';
import { openControl } from '../control/open-control.ts';
import { controlOf } from './own-collector.ts';
import { toTextTable } from './text-table.ts';

export async function archiveOn(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  return set(true, parsed, io);
}

export async function archiveOff(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  return set(false, parsed, io);
}

async function set(on: boolean, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [label = ''] = parsed.args;
  const row = await controlOf(io).call('archive.set', { label, on });
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: ARCHIVE_SCHEMA, ...row })}\n` : (on ? onWords(row) : [`${label}: nothing more is taken; what is archived stays (tt archive status)`]).map((line) => `${line}\n`).join(''));
  return EXIT_CODES.ok;
}

/** Nobody may find out later that a mirror is not masked. */
function onWords({ label, older_agent: isOlder }: ArchiveRow): string[] {
  return [
    `${label}: the files of its sessions are kept here, byte for byte: nothing in them is masked, whatever \`texts\` says there`,
    'its owner must allow it: archive = true in config.toml there (projects with `texts` of their own stay there whole)',
    ...(isOlder ? ['its agent is too old for that: tt deploy brings it up to date'] : []),
  ];
}

export async function archiveStatus(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { archiveDir, ...paths } = resolvePaths(io.environment, io.home);
  const { machines: rows } = await openControl({ archiveDir, ...paths }, io.clock).call('archive.list', {});
  const known = new Set(rows.map(({ machine_id }) => machine_id));
  const others = (await archivedMachines(archiveDir)).filter((machineId) => !known.has(machineId)).map(unknownMachine);
  const machines: ArchivedMachine[] = [];
  for (const row of [...rows, ...others]) machines.push(await archivedMachine(archiveDir, row));
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: ARCHIVE_SCHEMA, archive_dir: archiveDir, machines })}\n` : toText(machines, archiveDir));
  return EXIT_CODES.ok;
}

function unknownMachine(machineId: string): ArchiveRow {
  return { machine_id: machineId, label: machineId, on: false, ended_at: null, connected: null, agent: null, older_agent: false, problem: null };
}

function toText(machines: readonly ArchivedMachine[], archiveDir: string): string {
  const shown = machines.filter(({ on, files, ended_at: endedAt }) => on || files > 0 || endedAt === null);
  if (shown.length === 0) return 'no machines yet; add one: tt machines add LABEL\n';
  const rows = shown.map((machine) => [
    machine.label, archiveStateWords(machine), countWords(machine.sessions), countWords(machine.files), bytesWords(machine.bytes),
    archiveWaitingWords(machine), archiveNotes(machine).join('; '),
  ]);
  const where = shown.some(({ files }) => files > 0) ? `\nin ${archiveDir}\n` : '';
  return `${toTextTable([['MACHINE', 'ARCHIVE', 'SESSIONS', 'FILES', 'SIZE', 'WAITING', ''], ...rows], new Set([2, 3, 4]))}${where}`;
}
