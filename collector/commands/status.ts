/** `tt status`: of the running collector, or from its files when none runs. */
import { flag, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import { problemsOf, saidProblems } from '../../shared/status-problems.ts';
import { agoWords, backlogWords, clockOffsetWords, countWords, lagWords, STATE_SHAPES, STATE_WORDS, UNKNOWN, verdictOf } from '../../shared/status-words.ts';
import { createControlClient, isNotRunning } from '../control/control-client.ts';
import { readCollectorIdentity } from '../enrolment/collector-identity.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { readLastKnown } from '../last-known.ts';
import { startOfLocalDay } from '../local-day.ts';
import { toCollectorStatus } from '../status.ts';
import { openReader } from '../store/database.ts';
import { openEventReader } from '../store/read-events.ts';
import { NO_COUNTS, openStatusReader } from '../store/read-status.ts';
import { toTextTable } from './text-table.ts';

const WATCH_MS = 1000;
const CLEAR_SCREEN = '\u001b[H\u001b[J';

export async function status(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const print = flag(parsed, 'json') ? toJson : toText;
  const isCheck = flag(parsed, 'check') || flag(parsed, 'strict');
  if (flag(parsed, 'watch') && isCheck) throw usageError('--watch ends with Ctrl-C, --check with what it found', 'leave one of them away');
  if (flag(parsed, 'watch')) return watch(paths, print, io);
  const now = await readStatus(paths, io.clock.now());
  if (isCheck) return check(now, flag(parsed, 'json'), io);
  io.stdout.write(print(now, io.clock.now()));
  return EXIT_CODES.ok;
}

/** Reasons only where a person reads; the exit code tells a program. */
function check(now: CollectorStatus, isJson: boolean, io: CommandIo): ExitCode {
  const nowMs = io.clock.now();
  const problems = problemsOf(now, nowMs);
  if (isJson) io.stdout.write(toJson(now));
  else io.stdout.write(problems.length === 0 ? `${verdictOf(now, nowMs)}\n` : problems.map((line) => `${line}\n`).join(''));
  return problems.length === 0 ? EXIT_CODES.ok : EXIT_CODES.unhealthy;
}

async function watch(paths: Paths, print: typeof toText, io: CommandIo): Promise<ExitCode> {
  let last = '';
  while (!io.stop.aborted) {
    const text = print(await readStatus(paths, io.clock.now()), io.clock.now());
    if (io.stdout.isTTY && print === toText) io.stdout.write(CLEAR_SCREEN + text);
    else if (text !== last) io.stdout.write(text);
    last = text;
    await io.clock.sleep(WATCH_MS, io.stop);
  }
  return EXIT_CODES.ok;
}

/** Without a collector: what its files tell, machines as they were last heard. */
export async function readStatus(paths: Paths, nowMs: number): Promise<CollectorStatus> {
  try {
    return await createControlClient(paths.controlSocket).call('status', {});
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    return readStopped(paths, nowMs);
  }
}

function readStopped(paths: Paths, nowMs: number): CollectorStatus {
  const machines = openMachineRegistry(paths.machinesFile).list();
  const database = openIfPresent(paths.database);
  try {
    const counts = database && openStatusReader(database);
    const known = readLastKnown(paths.lastKnownFile, database ? openEventReader(database).newestRow() : 0);
    return toCollectorStatus({
      nowMs, running: false, ingestPort: null, uiPort: null, machines,
      collectorId: readCollectorIdentity(paths.collectorFile)?.collectorId ?? null,
      linkOf: (machineId) => known.get(machineId),
      countsOf: (machineId) => counts?.counts(machineId, { nowMs, dayStartMs: startOfLocalDay(nowMs) }) ?? NO_COUNTS,
    });
  } finally {
    database?.close();
  }
}

/** Before the first start there is none, and that is no error. */
export function openIfPresent(file: string): ReturnType<typeof openReader> | undefined {
  try {
    return openReader(file);
  } catch (error) {
    if (error instanceof TtError && error.code === 'database_missing') return undefined;
    throw error;
  }
}

function toJson(now: CollectorStatus): string {
  return `${JSON.stringify(now)}\n`;
}

const HEADINGS = ['MACHINE', 'STATE', 'LAST EVENT', 'LAG', 'BACKLOG', 'TODAY', 'REFUSED', 'GAPS', 'VERSION'];
const NUMBERS = new Set([5, 6, 7]);

function toText(now: CollectorStatus, nowMs: number): string {
  const verdict = `${verdictOf(now, nowMs)}\n`;
  if (now.machines.length === 0) {
    const start = now.running ? '' : 'start the collector: tt collector run\n';
    return `${verdict}${start}add a machine: tt machines add LABEL\n`;
  }
  const table = toTextTable([HEADINGS, ...now.machines.map((machine) => toRow(machine, nowMs))], NUMBERS);
  const problems = now.machines.flatMap(({ label, in_step: step, ...machine }) => [
    ...saidProblems(machine).map((problem) => `${label}: ${problem}`),
    ...(step?.problem === null || step?.problem === undefined ? [] : [`${label}: sessions are not kept in step: ${step.problem}; ${step.hint ?? ''}`]),
  ]);
  return `${verdict}\n${table}${problems.length === 0 ? '' : `\n${problems.map((line) => `${toPlainText(line)}\n`).join('')}`}`;
}

function toRow(machine: MachineStatus, nowMs: number): string[] {
  return [
    machine.label,
    [`${STATE_SHAPES[machine.state]} ${STATE_WORDS[machine.state]}`, clockOffsetWords(machine)].filter((words) => words !== '').join(', '),
    agoWords(machine.last_event_at, nowMs),
    lagWords(machine.lag_ms),
    backlogWords(machine),
    countWords(machine.events_today),
    countWords(machine.refused),
    countWords(machine.gaps),
    machine.version ?? UNKNOWN,
  ];
}
