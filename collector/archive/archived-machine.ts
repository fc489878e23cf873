import type { ArchivedMachine, ArchiveRow } from '../../shared/archive-document.ts';
import { measureArchive } from './measure.ts';

/** What is known of a machine's archive, with what lies there. */
export async function archivedMachine(archiveDir: string, row: ArchiveRow): Promise<ArchivedMachine> {
  const { sessions, files, bytes, previousFiles, previousBytes } = await measureArchive(archiveDir, row.machine_id);
  return { ...row, sessions, files, bytes, previous_files: previousFiles, previous_bytes: previousBytes };
}
