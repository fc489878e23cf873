/** What the commands that answer questions open: the database read-only, prices, and how the machines are. */
import { listOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { createFleet } from '../sessions/fleet.ts';
import type { SessionsDeps } from '../sessions/session-list.ts';
import { readThisMachine } from '../sessions/this-machine.ts';
import { openReader, type Database } from '../store/database.ts';
import { openSessionReader } from '../store/read-sessions.ts';
import { openUsageReader } from '../store/read-usage.ts';
import { openPrices } from '../usage/prices.ts';
import { readStatus } from './status.ts';

export interface Reading extends SessionsDeps, Disposable {
  database: Database;
}

/** Works with the collector stopped; with it running, it knows which machines are connected. */
export async function openReading(io: CommandIo): Promise<Reading> {
  const paths = resolvePaths(io.environment, io.home);
  const prices = openPrices(loadConfig(paths.configFile, io.environment).prices);
  const nowMs = io.clock.now();
  const { machines } = await readStatus(paths, nowMs);
  const database = openReader(paths.database);
  return {
    database,
    prices,
    fleet: createFleet(machines, nowMs, readThisMachine(paths.machineFile)),
    sessions: openSessionReader(database),
    usage: openUsageReader(database),
    [Symbol.dispose]: () => void database.close(),
  };
}

/** IDs of what `--machine` named; undefined: it was not given. */
export function machineIdsOf(parsed: ParsedCommand, { fleet }: Pick<Reading, 'fleet'>): string[] | undefined {
  const names = listOption(parsed, 'machine');
  if (names.length === 0) return undefined;
  return names.map((name) => {
    const machineId = fleet.machineId(name);
    if (machineId !== undefined) return machineId;
    throw usageError(`--machine: no machine is called ${JSON.stringify(name)}`, '`tt machines` lists them; the ID of a machine works too');
  });
}
