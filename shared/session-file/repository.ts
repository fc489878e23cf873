/**
 * Which directory of this machine is what another machine calls `/…/shop/web`?
 * By the repository's git remote, then by its name; never by a part of a name.
 */

export interface Place {
  /** Real path. */
  directory: string;
  isRepository: boolean;
  /** URLs of its remotes, as git's configuration spells them. */
  remotes: readonly string[];
}

export interface Wanted {
  /** Directory of the session there. */
  cwd: string;
  /** Home there; null: not known. */
  home: string | null;
  /** Root of its repository there, and its remotes; null: not known (its machine is away). */
  repository: { root: string; remotes: readonly string[] } | null;
}

/** `root` there is `directory` here; what lies below has the same names. */
export interface Mapping {
  root: string;
  directory: string;
}

export type Found = { kind: 'one'; mapping: Mapping } | { kind: 'several'; mappings: Mapping[] } | { kind: 'none' };

/** `exists`: is the directory there? Asked only about paths below what was found. */
export function findPlace(wanted: Wanted, places: readonly Place[], here: { home: string; exists(path: string): boolean }): Found {
  const fits = ({ root, directory }: Mapping): boolean => here.exists(moved(wanted.cwd, { root, directory }) ?? directory);
  const byRemote = ofRemote(wanted, places).filter(fits);
  if (byRemote.length > 0) return chosen(byRemote, wanted, here.home);
  const byName = rootsOf(wanted).flatMap((root) => places
    .filter((place) => lastWord(place.directory) === lastWord(root) && !isOther(place, wanted))
    .map(({ directory }) => ({ root, directory })).filter(fits));
  return byName.length > 0 ? chosen(byName, wanted, here.home) : { kind: 'none' };
}

/** What `path` there is here; undefined: it lies outside. */
export function moved(path: string, { root, directory }: Mapping): string | undefined {
  if (path === root) return directory;
  return path.startsWith(`${root}/`) ? `${directory}${path.slice(root.length)}` : undefined;
}

/** One spelling for one repository: `git@host:me/shop.git`, `https://me@host/me/shop/`, `ssh://git@host:22/me/shop`. */
export function remoteKey(url: string): string {
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/\/)(.*)$/.exec(url);
  const [, host = '', path = ''] = scp ?? /^[a-z+]+:\/\/(?:[^@/]*@)?([^:/]+)(?::\d+)?\/(.*)$/i.exec(url) ?? [];
  if (host === '') return url.replace(/\/+$/, '').replace(/\.git$/, '');
  return `${host.toLowerCase()}/${path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')}`;
}

function ofRemote({ repository }: Wanted, places: readonly Place[]): Mapping[] {
  if (!repository) return [];
  const keys = new Set(repository.remotes.map(remoteKey));
  return places.filter(({ remotes }) => remotes.some((url) => keys.has(remoteKey(url)))).map(({ directory }) => ({ root: repository.root, directory }));
}

/** Both have remotes, and none in common: another repository of the same name. */
function isOther({ remotes }: Place, { repository }: Wanted): boolean {
  return remotes.length > 0 && (repository?.remotes.length ?? 0) > 0;
}

/** What could be the repository's root: known, or the directory itself and those above it, up to home. */
function rootsOf({ cwd, home, repository }: Wanted): string[] {
  if (repository) return [repository.root];
  const roots: string[] = [];
  for (let root = cwd; root !== '' && root !== home; root = root.slice(0, root.lastIndexOf('/'))) roots.push(root);
  return roots;
}

/** Several: what lies at the same place below home is meant, if one does. */
function chosen(mappings: Mapping[], { home }: Wanted, homeHere: string): Found {
  const [only, other] = mappings;
  if (only && !other) return { kind: 'one', mapping: only };
  const same = mappings.filter(({ root, directory }) => directory === root || (home !== null && root.startsWith(`${home}/`) && directory === `${homeHere}${root.slice(home.length)}`));
  const [one, two] = same;
  return one && !two ? { kind: 'one', mapping: one } : { kind: 'several', mappings };
}

function lastWord(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
