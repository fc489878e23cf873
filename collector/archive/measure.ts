import { archivedFiles, isStrange } from './session-entries.ts';

/** What of one machine lies in the archive. */
export interface ArchiveMeasure {
  sessions: number;
  files: number;
  bytes: number;
  /** Contents that files had before they were written anew. */
  previousFiles: number;
  previousBytes: number;
}

export async function measureArchive(archiveDir: string, machineId: string): Promise<ArchiveMeasure> {
  const measure = { files: 0, bytes: 0, previousFiles: 0, previousBytes: 0 };
  const sessions = new Set<string>();
  for await (const file of archivedFiles(archiveDir, machineId)) {
    if (isStrange(file)) continue;
    if (file.isPrevious) {
      measure.previousFiles += 1;
      measure.previousBytes += file.size;
      continue;
    }
    measure.files += 1;
    measure.bytes += file.size;
    sessions.add(file.session);
  }
  return { sessions: sessions.size, ...measure };
}
