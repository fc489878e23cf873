/** What git's own files say of a directory; git itself is not asked. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isThere } from '../regular-file.ts';
import type { Place } from './repository.ts';

const CONFIG_BYTES = 1024 * 1024;

/** The nearest directory above, or itself, with a `.git`; undefined: none. */
export function repositoryRoot(directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    if (isThere(join(at, '.git'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** `directory`: the root of a repository, or any other. */
export function placeOf(directory: string): Place {
  if (!isThere(join(directory, '.git'))) return { directory, isRepository: false, remotes: [] };
  return { directory, isRepository: true, remotes: remotesIn(readConfig(join(directory, '.git')) ?? '') };
}

/** A worktree's `.git` is a file that says where; its configuration lies in the common directory. */
function readConfig(git: string): string | undefined {
  const [, pointer] = /^gitdir: (.*)$/m.exec(readText(git) ?? '') ?? [];
  const own = pointer === undefined ? git : resolve(dirname(git), pointer.trim());
  const common = readText(join(own, 'commondir'))?.trim();
  return readText(join(common === undefined ? own : resolve(own, common), 'config'));
}

export function remotesIn(config: string): string[] {
  const urls: string[] = [];
  let isRemote = false;
  for (const line of config.split('\n')) {
    if (/^\s*\[/.test(line)) isRemote = /^\s*\[remote\s+"/.test(line);
    const [, url] = isRemote ? (/^\s*url\s*=\s*(.*?)\s*$/.exec(line) ?? []) : [];
    if (url !== undefined && url !== '') urls.push(url);
  }
  return urls;
}

function readText(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= CONFIG_BYTES ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
