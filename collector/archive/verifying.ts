/** Compares what is archived with what the machine has, byte by byte: both hash it, nothing is sent. */
import { ARCHIVE_OFFER_FILES } from '../../shared/limits.ts';
import { hashFile } from '../../shared/file-hashes.ts';
import { archivedFiles, isStrange, type ArchivedFile } from './session-entries.ts';

export interface Verified {
  files: number;
  /** The machine has the same bytes. */
  same: number;
  /** Names of those where it has others. */
  different: string[];
  /** Gone there, shorter, withheld, or the machine is away: nothing to compare with. */
  alone: number;
  /** Could not be read here. */
  unreadable: string[];
  /** Links, devices, and names that no agent gave. */
  strange: string[];
}

export interface VerifyDeps {
  /** Hashes of the first bytes of files there; null: it is not connected. */
  ask: (files: { name: string; size: number }[]) => Promise<(string | null)[] | null>;
  onProgress: (files: number) => void;
}

export async function verifyArchive(archiveDir: string, machineId: string, deps: VerifyDeps): Promise<Verified> {
  const verified: Verified = { files: 0, same: 0, different: [], alone: 0, unreadable: [], strange: [] };
  let some: ArchivedFile[] = [];
  for await (const file of archivedFiles(archiveDir, machineId)) {
    if (isStrange(file)) verified.strange.push(file.strange);
    else if (!file.isPrevious) some.push(file);
    if (some.length < ARCHIVE_OFFER_FILES) continue;
    await compare(some, verified, deps);
    some = [];
  }
  await compare(some, verified, deps);
  return verified;
}

async function compare(files: readonly ArchivedFile[], verified: Verified, { ask, onProgress }: VerifyDeps): Promise<void> {
  if (files.length === 0) return;
  const theirs = await ask(files.map(({ name, size }) => ({ name, size })));
  for (const [index, { name, path, size }] of files.entries()) {
    const ours = await hashFile(path, size);
    const other = theirs?.[index] ?? null;
    if (ours === null) verified.unreadable.push(name);
    else if (other === null) verified.alone += 1;
    else if (ours === other) verified.same += 1;
    else verified.different.push(name);
  }
  verified.files += files.length;
  onProgress(verified.files);
}
