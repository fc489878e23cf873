/**
 * Which rule of `[projects]` holds for a directory: that of the longest path that
 * holds it, whole path components only. A path holds by its name and by what it
 * resolves to, because a harness logs directories with their links resolved.
 *
 * Limit: links are resolved here once, as far as they are there. A directory that
 * was logged by the name of a link is taken by that name.
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';

export interface ProjectPaths<T> {
  /** Undefined: no rule names a directory that holds it. */
  ruleOf(directory: string): T | undefined;
}

/** Paths are absolute. Of two that are one directory the first holds. */
export function createProjectPaths<T>(rules: readonly (readonly [path: string, rule: T])[]): ProjectPaths<T> {
  const places = rules
    .flatMap(([path, rule]) => [path, realOf(path)].map((place) => ({ prefix: asPrefix(place), rule })))
    .toSorted((a, b) => b.prefix.length - a.prefix.length);
  return {
    ruleOf(directory) {
      const path = asPrefix(directory);
      return places.find(({ prefix }) => path.startsWith(prefix))?.rule;
    },
  };
}

/** With one slash at its end, so that `/srv` does not hold `/srvshop`. */
function asPrefix(path: string): string {
  const tidy = normalize(path);
  return tidy.endsWith('/') ? tidy : `${tidy}/`;
}

/** Of a path that is not there yet, what is above it may be a link all the same. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realOf(parent), basename(path));
  }
}
