/** In which directory a session is: the one that its project's directory is named after. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readStrings } from './entry-line.ts';
import { eachLine } from './file-lines.ts';
import { isProjectDirectoryOf } from './project-directory.ts';

const HEAD_BYTES = 8 * 1024 * 1024;

/** The last directory of its entries that has this project's name, else the first of all; a session can step into others. */
export function sessionDirectory(file: string, project: string): string | null {
  const fd = openSync(file, 'r');
  try {
    let [first, own]: [string | null, string | null] = [null, null];
    const { size } = fstatSync(fd);
    const take = (line: Buffer): void => {
      const cwd = line.length <= HEAD_BYTES && line.includes('"cwd"') ? readStrings(line)?.cwd : undefined;
      if (cwd === undefined || !cwd.startsWith('/')) return;
      first ??= cwd;
      if (isProjectDirectoryOf(project, cwd)) own = cwd;
    };
    eachLine(fd, { from: 0, until: Math.min(size, HEAD_BYTES) }, take);
    return own ?? first;
  } finally {
    closeSync(fd);
  }
}
