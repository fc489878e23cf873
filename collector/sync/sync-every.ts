/** What `tt sync --every` was told, and how its last run went: a small file, of which the running collector does what it says. */
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../../shared/atomic-file.ts';
import { syncedHostSchema, type SyncedHost, SYNC_EVERY_SCHEMA, type SyncEveryDocument } from '../../shared/sync-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';

const fileSchema = z.looseObject({
  version: z.literal(1),
  every_ms: z.int().min(1).nullable(),
  hosts: z.array(z.string()),
  /** Start of the last run, ms. */
  last_ms: z.number().nullable(),
  results: z.array(syncedHostSchema),
});
export type SyncEvery = Pick<z.infer<typeof fileSchema>, 'every_ms' | 'hosts' | 'last_ms' | 'results'>;

const OFF: SyncEvery = { every_ms: null, hosts: [], last_ms: null, results: [] };

/** Off where there is no such file, or it can not be read. */
export function readSyncEvery(file: string): SyncEvery {
  try {
    const text = readFileIfExists(file);
    if (text === undefined) return OFF;
    const { every_ms, hosts, last_ms, results } = fileSchema.parse(JSON.parse(text));
    return { every_ms, hosts, last_ms, results };
  } catch {
    return OFF;
  }
}

function write(file: string, every: SyncEvery): void {
  makePrivateDirectory(dirname(file));
  writeFileAtomic(file, `${JSON.stringify({ version: 1, ...every })}\n`);
}

/** The next run is at once. `hosts`: none means all that ssh reaches and that are not connected. */
export function changeSyncEvery(file: string, { every_ms, hosts }: Pick<SyncEvery, 'every_ms' | 'hosts'>): void {
  write(file, { ...OFF, every_ms, hosts: [...hosts] });
}

/** Of a run that began then; what was changed meanwhile stays as it was told. */
export function noteSyncRun(file: string, { startedMs, results, of }: { startedMs: number; results: readonly SyncedHost[]; of: Pick<SyncEvery, 'every_ms' | 'hosts'> }): void {
  const now = readSyncEvery(file);
  if (now.every_ms !== of.every_ms || now.hosts.join('\n') !== of.hosts.join('\n')) return;
  write(file, { ...now, last_ms: startedMs, results: [...results] });
}

export function toSyncEveryDocument({ every_ms, hosts, last_ms, results }: SyncEvery, nowMs: number): SyncEveryDocument {
  const nextMs = every_ms === null ? null : Math.max(nowMs, (last_ms ?? 0) + every_ms);
  return {
    schema: SYNC_EVERY_SCHEMA, every_ms, hosts,
    last_at: last_ms === null ? null : printTimestamp(last_ms), next_at: nextMs === null ? null : printTimestamp(nextMs), results,
  };
}
