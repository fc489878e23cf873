/** `tt events`: what was collected, from the database alone. */
import { countOption, flag, listOption, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import type { TtEvent } from '../../shared/event.ts';
import { eventWords } from '../../shared/event-words.ts';
import { machineOf } from '../../shared/event-id.ts';
import { isUuid } from '../../shared/ids.ts';
import { printPieces } from '../../shared/long-answer.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import { clockWords } from '../../shared/status-words.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { openReader } from '../store/database.ts';
import { openEventReader, type EventFilter, type EventReader, type PlacedEvent } from '../store/read-events.ts';
import { parseTimeArgument } from './time-argument.ts';

/** A person reads a screenful; `--json` without a limit is everything. */
const SCREENFUL = 50;
const FOLLOW_MS = 250;
const FOLLOW_ROWS = 1000;

type Print = (event: TtEvent) => string;

export async function events(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const labels = new Map(openMachineRegistry(paths.machinesFile).list().map(({ machineId, label }) => [String(machineId), label]));
  const filter = toFilter(parsed, labels, io.clock.now());
  const isJson = flag(parsed, 'json');
  const print: Print = isJson ? (event) => JSON.stringify(event) : (event) => toLine(event, labels, io.clock.now());
  const limit = countOption(parsed, 'limit') ?? (isJson && !flag(parsed, 'follow') ? Infinity : SCREENFUL);
  const database = openReader(paths.database);
  try {
    const reader = openEventReader(database);
    const row = reader.newestRow();
    const present = limit === Infinity ? reader.read(filter, 'oldest') : newestOf(reader, filter, limit);
    const printed = new Set<number>();
    const isWhole = await printPieces(linesOf(present, { row, printed, print }), io);
    if (!flag(parsed, 'follow')) return isWhole ? EXIT_CODES.ok : EXIT_CODES.interrupted;
    await follow(reader, { filter, row, printed, print }, io);
    return EXIT_CODES.ok;
  } finally {
    database.close();
  }
}

/** Oldest first. */
function newestOf(reader: EventReader, filter: EventFilter, limit: number): PlacedEvent[] {
  const newest: PlacedEvent[] = [];
  if (limit === 0) return newest;
  for (const placed of reader.read(filter, 'newest')) {
    newest.push(placed);
    if (newest.length >= limit) break;
  }
  return newest.reverse();
}

interface Following {
  filter: EventFilter;
  row: number;
  printed: Set<number>;
  print: Print;
}

/** What came while reading is noted: `follow` will meet it again. */
function* linesOf(events: Iterable<PlacedEvent>, { row, printed, print }: Pick<Following, 'row' | 'printed' | 'print'>): Generator<string> {
  for (const placed of events) {
    if (placed.row > row) printed.add(placed.row);
    yield `${print(placed.event)}\n`;
  }
}

/** By row, not by time: what arrives late is new all the same. */
async function follow(reader: EventReader, { filter, row, printed, print }: Following, io: CommandIo): Promise<void> {
  let last = row;
  while (!io.stop.aborted) {
    const newest = reader.newestRow();
    while (last < newest) {
      const arrived = reader.arrivedAfter(last, FOLLOW_ROWS, filter);
      const isWhole = await printPieces(arrived.flatMap((placed) => (printed.delete(placed.row) ? [] : [`${print(placed.event)}\n`])), io);
      if (!isWhole) return;
      last = arrived.length < FOLLOW_ROWS ? Math.max(newest, arrived.at(-1)?.row ?? 0) : (arrived.at(-1)?.row ?? newest);
    }
    await io.clock.sleep(FOLLOW_MS, io.stop);
  }
}

function toFilter(parsed: ParsedCommand, labels: ReadonlyMap<string, string>, nowMs: number): EventFilter {
  const [machines, types] = [listOption(parsed, 'machine'), listOption(parsed, 'type')];
  const [session, since, until] = [textOption(parsed, 'session'), textOption(parsed, 'since'), textOption(parsed, 'until')];
  return {
    ...(machines.length > 0 && { machineIds: machines.map((name) => toMachineId(name, labels)) }),
    ...(types.length > 0 && { types }),
    ...(session !== undefined && { sessionId: session }),
    ...(since !== undefined && { sinceMs: parseTimeArgument(since, nowMs, '--since') }),
    ...(until !== undefined && { untilMs: parseTimeArgument(until, nowMs, '--until') }),
  };
}

/** A UUID need not be enrolled: imported events name machines that never were. */
function toMachineId(name: string, labels: ReadonlyMap<string, string>): string {
  if (isUuid(name)) return name;
  for (const [machineId, label] of labels) if (label === name) return machineId;
  throw usageError(`--machine: no machine is called ${JSON.stringify(name)}`, '`tt machines` lists them; the ID of a machine works too');
}

function toLine(event: TtEvent, labels: ReadonlyMap<string, string>, nowMs: number): string {
  const machineId = machineOf(event.id);
  const machine = machineId === undefined ? '?' : (labels.get(machineId) ?? machineId.slice(0, 8));
  const sessionId = event['session_id'];
  const session = typeof sessionId === 'string' ? sessionId.slice(0, 8) : '';
  return toPlainText(`${clockWords(event.timestamp, nowMs)}  ${machine.padEnd(12)}  ${event.type.padEnd(17)}  ${session.padEnd(8)}  ${eventWords(event)}`).trimEnd();
}
