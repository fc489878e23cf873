/**
 * What a subagent's file has from its session: the directories that the session's
 * transcript names whenever the file is opened. A subagent speaks of what its
 * session did, and may itself work somewhere else.
 *
 * Limit: what the session names while the file is open reaches it when it is opened again.
 * Where the transcript is not found, can not be read or is very large, and for subagents
 * beside the sessions (before 2.1.2), whose path names no session, they are not known.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { createSessionDirectories } from '../archive/session-directories.ts';

/** Reading takes about a second per GiB, and nothing else happens meanwhile. */
const MOST_BYTES = 256 * 1024 * 1024;

export interface Inheritance {
  of(subagentPath: string, sessionId: string): readonly string[] | 'unknown';
}

/** `roots`: directories that hold project directories. */
export function createInheritance(roots: readonly string[]): Inheritance {
  // A transcript is read on, not again: subagents of several sessions come in turn.
  const directories = createSessionDirectories();
  return {
    of(subagentPath, sessionId) {
      const transcript = transcriptOf(subagentPath, sessionId, roots);
      if (transcript === undefined) return 'unknown';
      return isReadWhole(transcript, directories) ? [...directories.of(transcript)] : 'unknown';
    },
  };
}

function isReadWhole(path: string, directories: ReturnType<typeof createSessionDirectories>): boolean {
  try {
    while (!directories.read({ session: path, path }, Number.POSITIVE_INFINITY)) {
      if (directories.readTo(path) >= MOST_BYTES) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** `<project>/<session>.jsonl` of `<project>/<session>/subagents/…`; under another project where it moved there. */
function transcriptOf(subagentPath: string, sessionId: string, roots: readonly string[]): string | undefined {
  const at = subagentPath.lastIndexOf(join(sep, sessionId, 'subagents', sep));
  if (at === -1) return undefined;
  const name = `${sessionId}.jsonl`;
  const beside = join(subagentPath.slice(0, at), name);
  if (existsSync(beside)) return beside;
  return roots.flatMap((root) => namesIn(root).map((project) => join(root, project, name))).find((path) => existsSync(path));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
