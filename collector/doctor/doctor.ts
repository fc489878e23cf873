/** Every check of the collector, and what it knows of its machines. Reads only, and works with the collector stopped. */
import { existsSync } from 'node:fs';
import type { SyncRule } from '../../shared/config.ts';
import { guarded, ok, type Check } from '../../shared/doctor/check.ts';
import { judgeNode } from '../../shared/doctor/node-version.ts';
import { judgeModes, readModes } from '../../shared/doctor/private-files.ts';
import { judgeService, type ServiceFacts } from '../../shared/doctor/service-kept.ts';
import type { Paths } from '../../shared/paths.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import { VERSION } from '../../shared/version.ts';
import type { MachineReport } from '../../shared/machine-document.ts';
import { readLastBackup } from '../last-backup.ts';
import type { Database } from '../store/database.ts';
import { countWithoutDirectory, openForDoctor, readSchemaVersions, readSourceDays } from '../store/read-doctor.ts';
import { readSyncEvery, toSyncEveryDocument } from '../sync/sync-every.ts';
import { listStreams } from '../streams/stream-list.ts';
import type { ArchiveRow } from '../../shared/archive-document.ts';
import { judgeArchives } from './archive.ts';
import { judgeBackup } from './backup.ts';
import { CONTENT_DAYS, judgeContent, type ContentFacts } from './content.ts';
import { judgeDatabase, readDatabaseFacts } from './database.ts';
import { judgeIdentity, judgeRunning, judgeThisMachine } from './identity.ts';
import { judgeMachines } from './machines.ts';
import { judgeRules, judgeSyncEvery } from './sync.ts';
import { HABIT_DAYS, judgeQuietSources } from './quiet-sources.ts';

export interface CollectorDoctorDeps {
  paths: Paths;
  nowMs: number;
  nodeVersion: string | undefined;
  /** Compare indexes with their tables, too. */
  deep: boolean;
  /** Of the running collector, else by its files. */
  status: () => Promise<CollectorStatus>;
  /** What agents said; null: no collector runs. */
  reports: () => Promise<readonly MachineReport[] | null>;
  /** What is wished of archives, and how far they are; null: no collector runs. */
  archives: () => Promise<readonly ArchiveRow[] | null>;
  checkConfig: () => void;
  /** Of the configuration. */
  rules: () => readonly SyncRule[];
  service: () => Promise<ServiceFacts>;
}

const DAY_MS = 86_400_000;

export async function examineCollector(deps: CollectorDoctorDeps): Promise<Check[]> {
  const { paths, nowMs, nodeVersion, deep } = deps;
  const found = [
    await guarded('node', () => (nodeVersion === undefined ? [] : judgeNode(nodeVersion))),
    await guarded('config', () => {
      deps.checkConfig();
      return [];
    }),
    await guarded('identity', () => judgeIdentity(paths)),
    await guarded('service', async () => judgeService(await deps.service())),
    await guarded('machines', () => examineMachines(deps), 'the check "database" tells more'),
    await guarded('archive', async () => judgeArchives((await deps.archives()) ?? [])),
    await guarded('sync', async () => [
      ...judgeRules(deps.rules(), (await deps.status()).machines.filter(({ ended_at: endedAt }) => endedAt === null).map(({ label }) => label)),
      ...judgeSyncEvery(toSyncEveryDocument(readSyncEvery(paths.syncEveryFile), nowMs), nowMs),
    ]),
    await guarded('database', () => examineDatabase(deps, deep)),
    await guarded('backup', () => {
      const last = readLastBackup(paths.lastBackupFile);
      return existsSync(paths.database) ? judgeBackup({ last: last && { ...last, isThere: existsSync(last.file) }, nowMs }) : [];
    }),
    await guarded('permissions', () => judgeModes(readModes(privatePaths(paths)))),
    judgeThisMachine(paths),
  ];
  return found.flat();
}

async function examineMachines({ status: readStatus, reports: readReports, nowMs }: CollectorDoctorDeps): Promise<Check[]> {
  const status = await readStatus();
  const reports = new Map((await readReports())?.map((report) => [report.machine_id, report]));
  return [...judgeRunning(status, VERSION), ...judgeMachines({ status, reports, nowMs })];
}

async function examineDatabase({ paths, status, nowMs }: CollectorDoctorDeps, deep: boolean): Promise<Check[]> {
  if (!existsSync(paths.database)) return [ok('database', 'there is none yet')];
  const database = openForDoctor(paths.database);
  try {
    const { found, known } = readSchemaVersions(database);
    const facts = readDatabaseFacts(database, paths.database, { deep });
    // What is damaged, or of another schema, is not asked for more.
    if (found !== known || facts.damage.length > 0) return judgeDatabase(facts);
    const { machines } = await status();
    const labels = new Map(machines.filter(({ ended_at }) => ended_at === null).map(({ machine_id, label }) => [machine_id, label]));
    const sources = readSourceDays(database, nowMs - HABIT_DAYS * DAY_MS);
    return [
      ...judgeDatabase(facts),
      ...judgeQuietSources({ sources, labelOf: (machineId) => labels.get(machineId), nowMs }),
      ...judgeContent(readContent(database, nowMs)),
    ];
  } finally {
    database.close();
  }
}

function readContent(database: Database, nowMs: number): ContentFacts {
  const fromMs = nowMs - CONTENT_DAYS * DAY_MS;
  const { streams, unassigned } = listStreams(database, { fromMs, toMs: nowMs });
  const timeOf = (time: { time_direct_ms: number; time_delegated_ms: number }): number => time.time_direct_ms + time.time_delegated_ms;
  return {
    directories: countWithoutDirectory(database, fromMs),
    streamsWithoutTimes: streams.filter((stream) => timeOf(stream) > 0 && (stream.first_event_at === null || stream.last_event_at === null)).map(({ name, id }) => name ?? id),
    unassignedMs: timeOf(unassigned),
    assignedMs: streams.reduce((sum, stream) => sum + timeOf(stream), 0),
    streams: streams.length,
  };
}

function privatePaths(paths: Paths): string[] {
  const { dataDir, stateDir, runtimeDir, logDir, archiveDir, collectorFile, machinesFile, database, lastKnownFile, connectionsFile, pageSessionsFile } = paths;
  return [dataDir, stateDir, runtimeDir, logDir, archiveDir, collectorFile, machinesFile, database, `${database}-wal`, `${database}-shm`, lastKnownFile, connectionsFile, pageSessionsFile];
}
