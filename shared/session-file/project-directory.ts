/**
 * The name that Claude Code gives to the directory of a project's sessions
 * (seen in 2.1.329): every UTF-16 unit of the real path outside `[A-Za-z0-9-]`
 * is a hyphen. It can not be read backwards: several paths have one name.
 */

const LONGEST_NAME = 200;

/** `path`: with links resolved, as the CLI sees it. */
export function projectDirectoryName(path: string): string {
  const name = path.replace(/[^A-Za-z0-9-]/g, '-');
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}-${hashOf(path)}`;
}

/** Could sessions of `path` lie in the directory `name`? Of a long path only the first 200 characters are compared: versions differ in what follows. */
export function isProjectDirectoryOf(name: string, path: string): boolean {
  const own = projectDirectoryName(path);
  return own.length <= LONGEST_NAME ? own === name : name.length > LONGEST_NAME && name.startsWith(own.slice(0, LONGEST_NAME + 1));
}

/** 32 bits of the whole path in base 36 (seen in 2.1.329; other versions may differ, so a directory that is there already is known by its first 200 characters). */
function hashOf(text: string): string {
  let hash = 0;
  for (let at = 0; at < text.length; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return Math.abs(hash).toString(36);
}
