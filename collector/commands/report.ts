/** `tt report`: where the time went, with what it rests on. Works with the collector stopped. */
import { countOption, flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { REPORT_GROUPS, REPORT_SCHEMA, type ExplanationDocument, type ReportDocument, type ReportGroup, type ReportRow } from '../../shared/report-documents.ts';
import { barOf, completenessWords, hoursWords, periodWords } from '../../shared/report-words.ts';
import { clockWords, plural, UNKNOWN, type WallClock } from '../../shared/status-words.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { createFleet } from '../sessions/fleet.ts';
import { openReader } from '../store/database.ts';
import { readGaps } from '../store/gaps.ts';
import { periodsOf, type NamedPeriod } from '../time/period.ts';
import { explanationOf, reportOf, type ReportDeps } from '../time/report.ts';
import { parseTimeZone, wallClockIn } from '../zoned-days.ts';
import { projectWords } from './sessions.ts';
import { readStatus } from './status.ts';
import { toTextTable } from './text-table.ts';

/** Times are printed as they are where the days are. */
interface WordClock {
  nowMs: number;
  wallClock: WallClock;
}

export async function report(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (flag(parsed, 'explain') && flag(parsed, 'strict')) throw usageError('--explain tells of intervals, --strict of the whole', 'leave one of them away');
  if (!flag(parsed, 'explain') && textOption(parsed, 'only') !== undefined) throw usageError('--only is of --explain', 'tt report --explain --only ROW');
  const nowMs = io.clock.now();
  const timezone = parseTimeZone(textOption(parsed, 'timezone'));
  const by = REPORT_GROUPS.find((group) => group === textOption(parsed, 'by')) ?? 'stream';
  const periods = wantedPeriods(parsed, nowMs, timezone);
  const clock: WordClock = { nowMs, wallClock: wallClockIn(timezone) };
  using deps = await openDeps(io, nowMs);
  if (flag(parsed, 'explain')) return explain(parsed, io, periods.map((period) => explanationOf({ period, by, timezone, key: textOption(parsed, 'only') }, deps)), clock);
  const reports = periods.map((period) => reportOf({ period, by, timezone }, deps));
  io.stdout.write(flag(parsed, 'json') ? toJson(reports, parsed) : reports.map((one) => toText(one, io, clock)).join(`\n${'─'.repeat(24)}\n\n`));
  return flag(parsed, 'strict') && reports.some(({ completeness }) => !completeness.complete) ? EXIT_CODES.unhealthy : EXIT_CODES.ok;
}

function wantedPeriods(parsed: ParsedCommand, nowMs: number, timezone: string): NamedPeriod[] {
  return periodsOf({
    day: flag(parsed, 'day'), lastDay: flag(parsed, 'lastDay'), week: flag(parsed, 'week'), lastWeek: flag(parsed, 'lastWeek'),
    month: flag(parsed, 'month'), lastMonth: flag(parsed, 'lastMonth'),
    weeks: countOption(parsed, 'weeks'), start: textOption(parsed, 'start'), end: textOption(parsed, 'end'),
  }, nowMs, timezone);
}

async function openDeps(io: CommandIo, nowMs: number): Promise<ReportDeps & Disposable> {
  const paths = resolvePaths(io.environment, io.home);
  const enrolled = new Map<string, number>(openMachineRegistry(paths.machinesFile).list().map(({ machineId, enrolledAt }) => [machineId, Date.parse(enrolledAt)]));
  const { machines } = await readStatus(paths, nowMs);
  const { labelOf, waitsUntilMs } = createFleet(machines, nowMs, null);
  const database = openReader(paths.database);
  return {
    database, nowMs,
    machines: machines.map((machine) => ({ ...machine, enrolledAtMs: enrolled.get(machine.machine_id) ?? 0 })),
    gaps: readGaps(database),
    labelOf, waitsUntilMs,
    [Symbol.dispose]: () => void database.close(),
  };
}

function toJson(reports: readonly ReportDocument[], parsed: ParsedCommand): string {
  const [first] = reports;
  return `${JSON.stringify(textOption(parsed, 'weeks') === undefined ? first : { schema: REPORT_SCHEMA, weeks: reports })}\n`;
}

const NUMBERS = new Set([1, 2, 3]);

function toText(document: ReportDocument, io: CommandIo, { nowMs, wallClock }: WordClock): string {
  const { completeness, period, timezone } = document;
  const title = `TIME REPORT  ${periodWords(period)}  (${timezone})\n${completenessWords(completeness, nowMs, wallClock)}\n`;
  const hasTime = (row: ReportRow): boolean => row.time_total_ms > 0 || row.time_waiting_ms > 0;
  const rows = document.rows.filter((row) => hasTime(row) || document.by === 'day');
  if (!rows.some(hasTime)) return `${title}\nNo time in this period.\n  tt status tells whether everything is running; tt report --last-week looks back\n`;
  return `${title}\n${toTable(document, rows, io)}\n${summaryOf(document)}`;
}

function toTable({ by }: ReportDocument, rows: readonly ReportRow[], io: CommandIo): string {
  const most = Math.max(...rows.map((row) => row.time_direct_ms + row.time_delegated_ms));
  const cells = rows.map((row) => [
    nameOf(row, by, io.home), hoursWords(row.time_direct_ms), hoursWords(row.time_delegated_ms), hoursWords(row.time_total_ms),
    barOf(row.time_direct_ms + row.time_delegated_ms, most),
  ]);
  const fit = io.stdout.isTTY ? { columns: io.stdout.columns, shrink: [0] } : undefined;
  return toTextTable([[by.toUpperCase(), 'DIRECT', 'DELEGATED', 'TOGETHER', ''], ...cells], NUMBERS, fit);
}

function nameOf({ name, key, tags }: ReportRow, by: ReportGroup, home: string): string {
  if (by === 'project') return key === null ? name : projectWords(name, home);
  if (by === 'session' && key !== null && name !== key) return `${name} (${key.slice(0, 8)}${key.replace(/^[^@]*/, '')})`;
  return tags.length === 0 ? name : `${name} [${tags.join(', ')}]`;
}

function summaryOf({ totals, by }: ReportDocument): string {
  const leverage = totals.leverage === null ? '' : `, ${totals.leverage.toFixed(1)} per direct hour`;
  const unassigned = totals.unassigned_direct_ms + totals.unassigned_delegated_ms;
  const unknown = totals.waiting_unknown_sessions === 0 ? '' : `; not known for ${plural(totals.waiting_unknown_sessions, 'session')}`;
  return [
    `Direct       ${hoursWords(totals.time_direct_ms)}`,
    `Delegated    ${hoursWords(totals.time_delegated_ms)} in ${plural(totals.sessions, 'session')}, up to ${totals.peak_sessions} at once${leverage}`,
    `Together     ${hoursWords(totals.time_total_ms)} on the clock`,
    `Waited       ${totals.time_waiting_ms === null ? UNKNOWN : hoursWords(totals.time_waiting_ms)} for you${unknown}`,
    `Unassigned   ${unassigned === 0 ? 'none' : `${hoursWords(totals.unassigned_direct_ms)} direct, ${hoursWords(totals.unassigned_delegated_ms)} delegated; tt classify`}`,
    ...(by === 'tag' ? ['A stream counts in full under each of its tags.'] : []),
    '',
  ].join('\n');
}

function explain(parsed: ParsedCommand, io: CommandIo, documents: readonly ExplanationDocument[], clock: WordClock): ExitCode {
  const [first] = documents;
  if (flag(parsed, 'json')) io.stdout.write(`${JSON.stringify(documents.length === 1 ? first : { schema: REPORT_SCHEMA, weeks: documents })}\n`);
  else for (const document of documents) io.stdout.write(explanationText(document, clock));
  return EXIT_CODES.ok;
}

function explanationText({ period, rows }: ExplanationDocument, { nowMs, wallClock }: WordClock): string {
  if (rows.length === 0) return `${periodWords(period)}: nothing to explain\n`;
  const parts = rows.map(({ name, intervals }) => {
    const cells = intervals.map(({ form, from, duration_ms: ms, machine, session_id: session, event }) => [
      clockWords(from, nowMs, wallClock), form, secondsWords(ms), machine ?? UNKNOWN, session?.slice(0, 8) ?? UNKNOWN, event.type, event.id,
    ]);
    return `${name}\n${toTextTable([['FROM', 'FORM', 'FOR', 'MACHINE', 'SESSION', 'BEGINS WITH', 'EVENT'], ...cells], new Set([2]))}`;
  });
  return `${periodWords(period)}\n\n${parts.join('\n')}`;
}

/** To the second, because these are what sums are made of. */
function secondsWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
