/** What a backup holds beside the database, and how a laptop gets it back. */
import { copyFileSync, existsSync, renameSync, rmSync, chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory, PRIVATE_FILE_MODE, readFileIfExists, syncDirectory, writeFileAtomic } from '../../shared/atomic-file.ts';
import { TtError } from '../../shared/errors.ts';
import type { Paths } from '../../shared/paths.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { parseCollectorIdentity } from '../enrolment/collector-identity.ts';
import { parseMachineRows } from '../enrolment/machine-registry.ts';
import { readBackup, sealBackup, unsealBackup, type BackupPart } from '../store/backup.ts';

type ArchivePaths = Pick<Paths, 'collectorFile' | 'machinesFile' | 'database'>;

const COLLECTOR_PART = 'collector.json';
const MACHINES_PART = 'machines.json';

/** `copyTo` makes a copy of the database. The archive appears whole or not at all; that it is sound, `acceptBackup` has to find. */
export async function writeArchive(
  file: string, paths: ArchivePaths, copyTo: (copy: string) => Promise<unknown>,
): Promise<{ bytes: number }> {
  const copy = `${file}.part`;
  rmSync(copy, { force: true });
  try {
    await copyTo(copy);
    return sealBackup(copy, [...part(COLLECTOR_PART, paths.collectorFile), ...part(MACHINES_PART, paths.machinesFile)], file);
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
}

function part(name: string, file: string): BackupPart[] {
  const body = readFileIfExists(file);
  return body === undefined ? [] : [{ name, body }];
}

export interface Restored {
  /** Where the database that was there before is now; null when there was none. */
  setAside: string | null;
  /** False: there was one already, and it stays. */
  tookIdentity: boolean;
  tookMachines: boolean;
}

/** The caller holds the collector's lock. Nothing is touched before the archive has proved sound. */
export function restoreArchive(file: string, paths: ArchivePaths, nowMs: number): Restored {
  const parts = new Map(readBackup(file).map(({ name, body }) => [name, body]));
  const identity = parts.get(COLLECTOR_PART);
  const machines = parts.get(MACHINES_PART);
  if (identity === undefined) {
    throw new TtError('not_a_backup', `${file} holds no ${COLLECTOR_PART}`, { hint: 'use another backup' });
  }
  parseCollectorIdentity(identity, `${COLLECTOR_PART} in ${file}`);
  if (machines !== undefined) parseMachineRows(machines, `${MACHINES_PART} in ${file}`);

  makePrivateDirectory(dirname(paths.database));
  const copy = `${paths.database}.restoring`;
  rmSync(copy, { force: true });
  copyFileSync(file, copy);
  chmodSync(copy, PRIVATE_FILE_MODE);
  unsealBackup(copy);
  const setAside = setDatabaseAside(paths.database, nowMs);
  renameSync(copy, paths.database);
  syncDirectory(dirname(paths.database));
  return { setAside, tookIdentity: take(identity, paths.collectorFile), tookMachines: take(machines, paths.machinesFile) };
}

/** Never deleted: it may hold what the backup does not. Its WAL belongs to it and goes along. */
function setDatabaseAside(database: string, nowMs: number): string | null {
  if (!existsSync(database)) return null;
  const aside = `${database}.before-${printTimestamp(nowMs).replace(/[-:]/g, '').replace(/\.\d+/, '')}`;
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(`${database}${suffix}`)) renameSync(`${database}${suffix}`, `${aside}${suffix}`);
  }
  return aside;
}

function take(body: string | undefined, file: string): boolean {
  if (body === undefined || existsSync(file)) return false;
  writeFileAtomic(file, body);
  return true;
}
