/**
 * Which directories sessions name as theirs (`cwd`, anywhere in an entry), read
 * before their files leave. Directories are only ever added: what was once worked
 * on in a session is part of it. So they stay for as long as the agent runs, a few
 * paths of each session; of files only those that are there.
 */
import { lstatSync } from 'node:fs';
import { TtError } from '../../shared/errors.ts';
import { markOf } from '../../shared/protocol/archive-mark.ts';
import { openRegular, readAt } from '../../shared/regular-file.ts';

/** The longest path there is, with every character escaped. */
const OVERLAP_BYTES = 32 * 1024;
const STEP_BYTES = 1024 * 1024;
const CWD = /"cwd"\s*:\s*("(?:[^"\\]|\\.)*")/g;

export interface SessionDirectories {
  of(session: string): ReadonlySet<string>;
  /** How far a file was read, as of the last `read`. */
  readTo(path: string): number;
  /** Reads on, a few ms at most; true when it was read to `size`. Throws where it is there and cannot be read. */
  read(file: { session: string; path: string }, size: number): boolean;
  forget(path: string): void;
}

export function createSessionDirectories(): SessionDirectories {
  const directories = new Map<string, Set<string>>();
  const read = new Map<string, { mark: string | undefined; to: number }>();
  const none: ReadonlySet<string> = new Set();

  function note(session: string, bytes: Buffer): void {
    for (const [, text = ''] of bytes.toString('utf8').matchAll(CWD)) {
      const known = directories.get(session) ?? new Set();
      directories.set(session, known.add(parsed(text)));
    }
  }

  return {
    of: (session) => directories.get(session) ?? none,
    readTo: (path) => read.get(path)?.to ?? 0,
    read({ session, path }, size) {
      const file = openRegular(path);
      if (file === undefined) {
        // What it names is not known then, so nothing of its session may leave.
        if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw new TtError('unreadable', `cannot read ${path}`, { hint: 'whose is it?' });
        read.delete(path);
        return true; // Gone: what is left of it somewhere else is read under that path.
      }
      try {
        const markTo = (to: number): string | undefined => markOf(to, (at, length) => readAt(file.fd, at, length));
        const before = read.get(path);
        // By what stands there: the next file may have its inode, and one that is written anew in place keeps it.
        const from = before !== undefined && before.mark !== undefined && before.mark === markTo(before.to) ? before.to : 0;
        if (from > 0 && from >= Math.min(size, file.stat.size)) return true;
        const start = Math.max(0, from - OVERLAP_BYTES);
        const bytes = readAt(file.fd, start, Math.min(from + STEP_BYTES, file.stat.size) - start);
        note(session, bytes);
        const to = start + bytes.length;
        read.set(path, { mark: markTo(to), to });
        return to >= Math.min(size, file.stat.size);
      } finally {
        file.close();
      }
    },
    forget: (path) => void read.delete(path),
  };
}

function parsed(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}
