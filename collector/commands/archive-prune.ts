import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { bytesWords, plural } from '../../shared/status-words.ts';
import { measureArchive } from '../archive/measure.ts';
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
  const days = daysOf(textOption(parsed, 'olderThan') ?? '30');
  const olderThanMs = io.clock.now() - days * DAY_MS;
  const kept = { files: 0, bytes: 0 };
  const found: (Prunable & { machine: string })[] = [];
  for (const { machine_id, label } of await chosenMachines(rows, textOption(parsed, 'machine'), paths.archiveDir)) {
    const prunable = await findPrunable(paths.archiveDir, machine_id, { olderThanMs });
    const { previousFiles, previousBytes } = await measureArchive(paths.archiveDir, machine_id);
    const gone = prunable.filter(({ why }) => why !== 'moved');
    kept.files += previousFiles - gone.length;
    kept.bytes += previousBytes - gone.reduce((sum, { size }) => sum + size, 0);
    if (!isTrial) await prune(prunable);
    found.push(...prunable.map((each) => ({ ...each, machine: label })));
  }
  const bytes = found.reduce((sum, { size }) => sum + size, 0);
  if (flag(parsed, 'json')) io.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, dry_run: isTrial, bytes, files: found })}\n`);
  else io.stdout.write(`${[...toText(found, bytes, isTrial), ...keptText(kept, days)].join('\n')}\n`);
  return EXIT_CODES.ok;
}

function daysOf(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw usageError(`--older-than ${text} is no number of days`, 'for example: tt archive prune --older-than 90');
}

function toText(found: readonly Prunable[], bytes: number, isTrial: boolean): string[] {
  if (found.length === 0) return ['nothing to remove'];
  const lines = isTrial ? found.map(({ path, size, why }) => `${path}  ${bytesWords(size)}, ${WHY[why]}`) : [];
  return [...lines, `${isTrial ? 'would remove' : 'removed'} ${plural(found.length, 'file')}, ${bytesWords(bytes)}`];
}

/** `tt archive` counts them, so whoever comes from there is told why they stay. */
function keptText({ files, bytes }: { files: number; bytes: number }, days: number): string[] {
  if (files <= 0) return [];
  return [`${plural(files, 'previous content')}, ${bytesWords(bytes)}, put aside within the last ${plural(days, 'day')}: kept (--older-than DAYS)`];
}
