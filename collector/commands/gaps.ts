/** `tt gaps`: bytes declared lost, by machine and file; `tt gaps accept` says that it is known. */
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { reasonWords } from '../../shared/gap-words.ts';
import type { GapRow } from '../../shared/machine-document.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { bytesWords, clockWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { labelsOf, toGapRow } from '../control/gap-handlers.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { openReader } from '../store/database.ts';
import { readGaps } from '../store/gaps.ts';
import { controlOf } from './own-collector.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;

/** From the database alone: works with the collector stopped. */
export async function listGaps(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const labelOf = labelsOf(openMachineRegistry(paths.machinesFile));
  const machine = textOption(parsed, 'machine');
  const database = openReader(paths.database);
  try {
    const rows = readGaps(database).map((gap) => toGapRow(gap, labelOf))
      .filter((gap) => machine === undefined || machine === gap.machine || machine === gap.machine_id);
    print(rows, parsed, io, toText(rows, io.clock.now()));
  } finally {
    database.close();
  }
  return EXIT_CODES.ok;
}

export async function acceptGaps(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [machine, all, undo] = [textOption(parsed, 'machine'), flag(parsed, 'all'), flag(parsed, 'undo')];
  const ways = [parsed.args.length > 0, machine !== undefined, all].filter(Boolean).length;
  if (ways !== 1) throw usageError('which gaps?', 'give IDs of `tt gaps`, or --machine LABEL, or --all');
  const control = controlOf(io);
  const { gaps } = await control.call('gaps.accept', { ids: parsed.args, machine: machine ?? null, all, undo });
  const bytes = gaps.reduce((sum, gap) => sum + gap.bytes, 0);
  print(gaps, parsed, io, gaps.length === 0
    ? `no gap there is ${undo ? 'accepted' : 'open'}\n`
    : `${plural(gaps.length, 'gap')} of ${bytesWords(bytes)} ${undo ? 'open again' : 'accepted; take it back: the same with --undo'}\n`);
  return EXIT_CODES.ok;
}

function print(gaps: readonly GapRow[], parsed: ParsedCommand, io: CommandIo, text: string): void {
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: JSON_SCHEMA, gaps })}\n` : text);
}

const HEADINGS = ['GAP', 'MACHINE', 'STATE', 'SIZE', 'BYTES', 'BETWEEN', 'REPORTED', 'WHY', 'FILE'];

function toText(gaps: readonly GapRow[], nowMs: number): string {
  if (gaps.length === 0) return 'no gaps\n';
  const rows = gaps.map((gap) => [
    gap.id, gap.machine, gap.accepted_at === null ? 'open' : 'accepted', bytesWords(gap.bytes), `${gap.from}-${gap.to}`,
    betweenWords(gap, nowMs), clockWords(gap.reported_at, nowMs), reasonWords(gap.reason), gap.path,
  ]);
  return toTextTable([HEADINGS, ...rows], new Set([3]));
}

/** Of the good lines around it. */
function betweenWords({ t_from, t_to }: GapRow, nowMs: number): string {
  if (t_from === null && t_to === null) return UNKNOWN;
  const words = (timestamp: string | null): string => (timestamp === null ? UNKNOWN : clockWords(timestamp, nowMs));
  return `${words(t_from)} and ${words(t_to)}`;
}
