/** Takes out of the archive what tombstones keep out of the database. */
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../shared/atomic-file.ts';
import type { MachineId } from '../../shared/ids.ts';
import { archivedMachines, archivedSessions } from './session-entries.ts';

/** Which of these names are of something that was forgotten; answers their indexes. */
export type Forgotten = (machineId: MachineId, names: string[]) => Promise<number[]>;

const NAMES_AT_ONCE = 1000;

/** Answers how many sessions were removed, previous contents and all. */
export async function removeForgotten(archiveDir: string, forgotten: Forgotten): Promise<number> {
  let removed = 0;
  for (const machineId of await archivedMachines(archiveDir)) {
    const sessions = await archivedSessions(archiveDir, machineId);
    const touched = new Set<string>();
    let kept = 0;
    for (let from = 0; from < sessions.length; from += NAMES_AT_ONCE) {
      const some = sessions.slice(from, from + NAMES_AT_ONCE);
      const indexes = new Set(await forgotten(machineId, some.map(({ session }) => `-/${session}.jsonl`)));
      kept += some.length - indexes.size;
      for (const [index, { roots }] of some.entries()) {
        if (!indexes.has(index)) continue;
        removed += 1;
        for (const root of roots) {
          await rm(root, { recursive: true, force: true });
          touched.add(dirname(root));
        }
      }
    }
    for (const directory of touched) syncDirectory(directory);
    // Of a machine that was forgotten not even its projects' names stay.
    if (kept === 0 && sessions.length > 0) await removeEmpty(join(archiveDir, machineId));
  }
  return removed;
}

/** Directories only: a session may have come since it was looked. */
async function removeEmpty(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeEmpty(join(directory, entry.name));
  }
  await rmdir(directory).catch(() => {}); // There is something in it.
}
