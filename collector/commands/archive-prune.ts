import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { bytesWords, plural } from '../../shared/status-words.ts';
import { findPrunable, prune, type Prunable } from '../archive/pruning.ts';
import { openControl } from '../control/open-control.ts';
import { chosenMachines } from './archive-machines.ts';

const JSON_SCHEMA = 1;
const DAY_MS = 86_400_000;
const WHY: Readonly<Record<Prunable['why'], string>> = {
  contained: 'the file has all of it', moved: 'its session has all of it in another project', old: 'put aside long ago',
};

/** `tt archive prune`: what a file has now is never touched. */
export async function archivePrune(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const isTrial = flag(parsed, 'dryRun');
  const { machines: rows } = await openControl(paths, io.clock).call('archive.list', {});
  const olderThanMs = io.clock.now() - daysOf(textOption(parsed, 'olderThan') ?? '30') * DAY_MS;
  const found: (Prunable & { machine: string })[] = [];
  for (const { machine_id, label } of await chosenMachines(rows, textOption(parsed, 'machine'), paths.archiveDir)) {
    const prunable = await findPrunable(paths.archiveDir, machine_id, { olderThanMs });
    if (!isTrial) await prune(prunable);
    found.push(...prunable.map((each) => ({ ...each, machine: label })));
  }
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  if (flag(parsed, 'json')) io.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, dry_run: isTrial, bytes, files: found })}\n`);
  else io.stdout.write(toText(found, bytes, isTrial));
  return EXIT_CODES.ok;
}

function daysOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw usageError(`--older-than ${text} is no number of days`, 'for example: tt archive prune --older-than 90');
}

function toText(found: readonly Prunable[], bytes: number, isTrial: boolean): string {
  if (found.length === 0) return 'nothing to remove\n';
  const lines = isTrial ? found.map(({ path, size, why }) => `${path}  ${bytesWords(size)}, ${WHY[why]}`) : [];
  return [...lines, `${isTrial ? 'would remove' : 'removed'} ${plural(found.length, 'file')}, ${bytesWords(bytes)}`].map((line) => `${line}\n`).join('');
}
