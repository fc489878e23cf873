/** Who else could read or write what is ours. */
import { statSync } from 'node:fs';
import { plural } from '../status-words.ts';
import { fail, ok, warn, type Check } from './check.ts';

export interface FileMode {
  path: string;
  isDirectory: boolean;
  /** Permission bits. */
  mode: number;
}

/** Of those that exist. */
export function readModes(paths: readonly string[]): FileMode[] {
  return paths.flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? [] : [{ path, isDirectory: found.isDirectory(), mode: found.mode & 0o777 }];
  });
}

/** A directory that others may list but not change gives away names alone. */
export function judgeModes(files: readonly FileMode[]): Check[] {
  const open = files.filter(({ mode }) => (mode & 0o077) !== 0);
  if (open.length === 0) return [ok('permissions', `${plural(files.length, 'path')} of tt's are yours alone`)];
  return open.map(({ path, isDirectory, mode }) => {
    const judge = isDirectory && (mode & 0o022) === 0 ? warn : fail;
    return judge('permissions', `${path} is open to others (${mode.toString(8).padStart(4, '0')})`, `chmod ${isDirectory ? '700' : '600'} ${path}`);
  });
}
