/** Which sessions of two computers are not in step: what the one has, in recent files, that the other lacks. */
import { lstatSync } from 'node:fs';
import { forkOf } from '../../shared/session-file/fork.ts';
import { planMerge } from '../../shared/session-file/merge.ts';
import { sessionDirectory } from '../../shared/session-file/session-directory.ts';
import { factsOf } from '../session-files/session-copies.ts';
import { projectsDirs, sessionFilesIn, type SessionFile, type SessionRoots } from '../session-files/session-files.ts';

export interface Wished {
  /** Files written since then. */
  sinceMs: number;
  /** Directories, or last words of them; none: all. */
  projects: readonly string[];
}

/** Files of `from` whose entries `to` does not all have. A machine is its directory in the archive; null: this computer's own files. */
export function lacking({ from, to }: { from: string | null; to: string | null }, { sinceMs, projects }: Wished, roots: SessionRoots): SessionFile[] {
  const held = new Map(filesOf(to, roots).map((file) => [file.sessionId, file]));
  return filesOf(from, roots).filter((file) => {
    if (lstatSync(file.path).mtimeMs < sinceMs || !isWished(file, projects)) return false;
    const other = held.get(file.sessionId);
    if (!other) return true;
    const offered = factsOf(file.path);
    const plan = planMerge(factsOf(other.path), offered);
    if (plan.kind !== 'diverged') return plan.kind === 'take';
    // It may have come before, as a session of its own.
    const fork = held.get(forkOf(file.sessionId, plan.offered.first));
    return !fork || planMerge(factsOf(fork.path), offered).kind !== 'keep';
  });
}

function filesOf(machine: string | null, roots: SessionRoots): SessionFile[] {
  return projectsDirs(roots).filter((each) => each.machine === machine).flatMap(({ directory }) => sessionFilesIn(machine, directory));
}

/** By the whole name of a directory, never by a part of it. */
function isWished({ path, project }: SessionFile, projects: readonly string[]): boolean {
  if (projects.length === 0) return true;
  const cwd = sessionDirectory(path, project);
  return cwd !== null && projects.some((wish) => (wish.startsWith('/') ? cwd === wish || cwd.startsWith(`${wish}/`) : cwd.split('/').includes(wish)));
}
