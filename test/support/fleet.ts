/** Collector and agents as a user has them: started, enrolled, asked. */
import { existsSync } from 'node:fs';
import { openReader } from '../../collector/store/database.ts';
import { openEventReader } from '../../collector/store/read-events.ts';
import { factOf } from '../../shared/event-id.ts';
import type { TtEvent } from '../../shared/event.ts';
import { collectorStatusSchema, machineAddedSchema, type CollectorStatus, type MachineAdded } from '../../shared/status.ts';
import type { MachineHome } from './machine-home.ts';
import { runCommand, runJson, startProgram, type RunningProgram, type StartOptions } from './processes.ts';
import { until } from './until.ts';

export interface RunningCollector extends RunningProgram {
  readonly ingestPort: number;
  readonly uiPort: number;
}

/**
 * Ports are picked at the first start and kept for this home, so that a
 * collector that comes back is where its agents look for it.
 */
export async function startCollector(home: MachineHome, options: StartOptions = {}): Promise<RunningCollector> {
  const process = startProgram(home, 'tt', ['collector', 'run'], options);
  const line = await process.ready;
  const ports = [...line.matchAll(/:(\d{2,5})\b/g)].map(([, port]) => Number(port));
  const [ingestPort = 0, uiPort = 0] = ports;
  if (ingestPort === 0 || uiPort === 0) throw new Error(`no ports in the collector's line: ${line}`);
  home.environment['TT_INGEST_PORT'] = String(ingestPort);
  home.environment['TT_UI_PORT'] = String(uiPort);
  return { ...process, ingestPort, uiPort };
}

export async function startAgent(home: MachineHome, options: StartOptions = {}): Promise<RunningProgram> {
  const process = startProgram(home, 'tt-agent', ['run'], options);
  await process.ready;
  return process;
}

/** Adds a machine on the collector's side and joins from the agent's, by another address where one is given (a proxy). */
export async function enrol(
  collectorHome: MachineHome, home: MachineHome, label: string, how: string | StartOptions = {},
): Promise<MachineAdded> {
  const [through, options] = typeof how === 'string' ? [how, {}] : [undefined, how];
  const added = await runJson(collectorHome, 'tt', ['machines', 'add', label, '--json'], (value) => machineAddedSchema.parse(value));
  const joined = await runCommand(home, 'tt-agent', ['join', through ?? added.url, '--code', '-'], { ...options, stdin: `${added.code}\n` });
  if (joined.code !== 0) throw new Error(`tt-agent join exited ${joined.code}: ${joined.stdout}${joined.stderr}`);
  return added;
}

export function collectorStatus(home: MachineHome): Promise<CollectorStatus> {
  return runJson(home, 'tt', ['status', '--json'], (value) => collectorStatusSchema.parse(value));
}

export interface StoredFacts {
  /** Facts in the order in which their rows were made. */
  facts: string[];
  events: TtEvent[];
}

/** What the database holds, one fact for each row of `events`. Empty while there is none. */
export function readFacts(databasePath: string): StoredFacts {
  if (!existsSync(databasePath)) return { facts: [], events: [] };
  const database = openReader(databasePath);
  try {
    const placed = [...openEventReader(database).read({}, 'oldest')].sort((a, b) => a.row - b.row);
    const events = placed.map(({ event }) => event);
    return { facts: events.map((event) => factOf(event)), events };
  } finally {
    database.close();
  }
}

export interface Difference {
  missing: string[];
  unexpected: string[];
  repeated: string[];
}

/** Both sets compared; undefined where they are equal and nothing counts twice. */
export function differenceOf(stored: readonly string[], written: ReadonlySet<string>): Difference | undefined {
  const set = new Set(stored);
  const difference: Difference = {
    missing: [...written].filter((fact) => !set.has(fact)),
    unexpected: [...set].filter((fact) => !written.has(fact)),
    repeated: stored.length === set.size ? [] : stored.filter((fact, at) => stored.indexOf(fact) !== at),
  };
  return Object.values(difference).some((facts: string[]) => facts.length > 0) ? difference : undefined;
}

/** Waits until the database holds exactly what was written; the error names what differs. */
export async function untilAgreed(databasePath: string, written: () => ReadonlySet<string>, timeoutMs = 30_000): Promise<StoredFacts> {
  return until('the database to hold what was written', () => {
    const stored = readFacts(databasePath);
    const difference = differenceOf(stored.facts, written());
    if (difference === undefined) return stored;
    const { missing, unexpected, repeated } = difference;
    throw new Error(`of ${written().size} facts ${missing.length} missing (${some(missing)}), ${unexpected.length} unexpected (${some(unexpected)}), ${repeated.length} repeated (${some(repeated)})`);
  }, { timeoutMs, everyMs: 100 });
}

function some(facts: readonly string[]): string {
  return facts.slice(0, 3).join(', ');
}
