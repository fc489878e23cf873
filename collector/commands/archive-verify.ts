import { flag, textOption, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { plural } from '../../shared/status-words.ts';
import { verifyArchive, type Verified } from '../archive/verifying.ts';
import type { Control } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';
import { chosenMachines } from './archive-machines.ts';

const JSON_SCHEMA = 1;

interface VerifiedMachine extends Verified {
  machine_id: string;
  label: string;
  /** Put aside here, to be sent again. */
  repaired: number;
}

/** `tt archive verify`. */
export async function archiveVerify(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const control = openControl(paths, io.clock);
  const { machines: rows } = await control.call('archive.list', {});
  const machines: VerifiedMachine[] = [];
  for (const { machine_id, label } of await chosenMachines(rows, textOption(parsed, 'machine'), paths.archiveDir)) {
    const isEnrolled = rows.some((row) => row.machine_id === machine_id);
    const verified = await verifyArchive(paths.archiveDir, machine_id, {
      ask: async (files) => (isEnrolled ? (await control.call('archive.audit', { label, files })).hashes : null),
      onProgress: (files) => void (io.stderr.isTTY && io.stderr.write(`\r${label}: ${plural(files, 'file')} compared `)),
    });
    if (io.stderr.isTTY) io.stderr.write('\n');
    const repaired = flag(parsed, 'repair') && verified.different.length > 0 ? await repair(control, label, verified.different) : 0;
    machines.push({ machine_id, label, ...verified, repaired });
  }
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: JSON_SCHEMA, machines })}\n` : toText(machines));
  return machines.every(isSound) ? EXIT_CODES.ok : EXIT_CODES.unhealthy;
}

const NAMES_AT_ONCE = 10_000;

async function repair(control: Control, label: string, names: readonly string[]): Promise<number> {
  return (await control.call('archive.resend', { label, names: names.slice(0, NAMES_AT_ONCE) })).files;
}

function isSound({ different, unreadable, strange, repaired }: VerifiedMachine): boolean {
  return different.length === repaired && unreadable.length === 0 && strange.length === 0;
}

function toText(machines: readonly VerifiedMachine[]): string {
  if (machines.length === 0) return 'nothing is archived yet: tt archive on LABEL\n';
  return machines.map((machine) => [
    `${machine.label}: ${plural(machine.files, 'file')}, ${machine.same} the same there${machine.alone === 0 ? '' : `, ${machine.alone} not compared: gone or shorter there, kept back, or the machine is away`}`,
    ...machine.different.map((name) => `  differs: ${name}`),
    ...machine.unreadable.map((name) => `  can not be read: ${name}`),
    ...machine.strange.map((path) => `  not made by tt: ${path}`),
    ...(machine.repaired > 0 ? [`  ${plural(machine.repaired, 'file')} put aside and asked for again`] : []),
    ...(machine.different.length > machine.repaired ? ['  have those sent again: tt archive verify --repair'] : []),
  ].map((line) => `${line}\n`).join('')).join('');
}
