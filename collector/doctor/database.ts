/** Is the database sound, of the right schema, and does its log stay short? */
import { existsSync, statSync } from 'node:fs';
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import { judgeRoom, readRoom } from '../../shared/doctor/disk-room.ts';
import { bytesWords } from '../../shared/status-words.ts';
import { findDamage, readSchemaVersions } from '../store/read-doctor.ts';
import type { Database } from '../store/database.ts';

export interface DatabaseFacts {
  path: string;
  /** Of the schema in the file, and of this program. */
  schema: { found: number; known: number };
  damage: readonly string[];
  deep: boolean;
  bytes: number;
  walBytes: number;
  freeBytes: number;
}

export function readDatabaseFacts(database: Database, path: string, { deep }: { deep: boolean }): DatabaseFacts {
  return {
    path, deep,
    schema: readSchemaVersions(database),
    damage: findDamage(database, { deep }),
    bytes: sizeOf(path),
    walBytes: sizeOf(`${path}-wal`),
    freeBytes: readRoom(path).freeBytes,
  };
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** Its writer keeps it at 64 MiB: what is longer, a reader holds open. */
const LONG_WAL_BYTES = 256 * 1024 ** 2;

export function judgeDatabase({ path, schema, damage, deep, bytes, walBytes, freeBytes }: DatabaseFacts): Check[] {
  return [
    ...judgeSchema(schema),
    damage.length === 0
      ? ok('database', `${bytesWords(bytes)}, sound (${deep ? 'integrity_check' : 'quick_check; --deep compares the indexes too'})`)
      : fail('database', `${path} is damaged: ${damage.slice(0, 3).join('; ')}`, 'stop the collector, then: tt collector restore FILE; the agents send again what came after the backup'),
    walBytes > LONG_WAL_BYTES
      ? warn('wal', `the write-ahead log has ${bytesWords(walBytes)}: something reads the database for very long`, 'end other programs that have collector.db open; tt collector run shortens it when it is idle')
      : ok('wal', `the write-ahead log has ${bytesWords(walBytes)}`),
    ...judgeRoom({ directory: path, freeBytes }, bytes),
  ];
}

function judgeSchema({ found, known }: DatabaseFacts['schema']): Check[] {
  if (found === known) return [ok('schema', `schema ${found}`)];
  return [warn('schema', `the database has schema ${found}, this tt needs ${known}`, 'start the collector once, it migrates: tt collector run')];
}
