/**
 * Which stream a directory's work probably belongs to: the only one whose work
 * is in the same directory, in the same place of another home, or in a checkout
 * of the same name where homes do not compare. Proposes, never assigns; where
 * two streams share a directory, nobody is proposed.
 */
export type ProposedBy = 'directory' | 'other_home' | 'checkout_name';

export interface Proposal {
  streamId: string;
  by: ProposedBy;
}

export interface AssignedDirectory {
  path: string;
  streamId: string;
}

/** Worktrees as harnesses and people make them: inside of a checkout, or beside it in `NAME-worktrees`. */
const WORKTREE = /(?:\/\.claude\/worktrees|\/\.worktrees|(?<=\/[^/]+)-worktrees)\/[^/]+/;
const HOME = /^(?:\/(?:var\/)?home\/[^/]+|\/Users\/[^/]+|\/root|\/workspaces)\//;
const CODESPACE = /^\/workspaces\/([^/]+)/;

/** A worktree is its checkout. */
function placeOf(path: string): string {
  return path.replace(WORKTREE, '').replace(/(.)\/+$/, '$1');
}

/** Path below the home; undefined where it is in none, or is the home itself. */
function belowHome(place: string): string | undefined {
  const below = place.replace(HOME, '');
  return below === place || below === '' ? undefined : below;
}

/** A codespace has its checkouts side by side: there only their names compare. */
function checkoutName(place: string): string | undefined {
  return CODESPACE.exec(place)?.[1];
}

function lastWord(place: string): string {
  return place.slice(place.lastIndexOf('/') + 1);
}

type Index = Map<string, Set<string>>;

function add(index: Index, key: string | undefined, streamId: string): void {
  if (key === undefined || key === '') return;
  index.set(key, (index.get(key) ?? new Set<string>()).add(streamId));
}

export function createProposer(assigned: Iterable<AssignedDirectory>): (path: string) => Proposal | undefined {
  const places: Index = new Map();
  const below: Index = new Map();
  const named: Index = new Map();
  const codespaces: Index = new Map();
  for (const { path, streamId } of assigned) {
    const place = placeOf(path);
    add(places, place, streamId);
    add(below, belowHome(place), streamId);
    add(codespaces, checkoutName(place), streamId);
    if (checkoutName(place) === undefined && belowHome(place) !== undefined) add(named, lastWord(place), streamId);
  }
  return (path) => {
    const place = placeOf(path);
    const inHome = belowHome(place);
    const checkout = checkoutName(place);
    const ways: [ProposedBy, Set<string> | undefined][] = [
      ['directory', places.get(place)],
      ['other_home', inHome === undefined ? undefined : below.get(inHome)],
      ['checkout_name', checkout === undefined ? (inHome === undefined ? undefined : codespaces.get(lastWord(place))) : named.get(checkout)],
    ];
    for (const [by, found] of ways) {
      if (found === undefined) continue;
      const [streamId] = found;
      return found.size === 1 && streamId !== undefined ? { streamId, by } : undefined;
    }
    return undefined;
  };
}

/** Last word of the path; of a checkout that is called after its branch, the word before. */
export function projectNameOf(path: string): string {
  const words = placeOf(path).split('/').filter((word) => word !== '');
  const last = words.at(-1) ?? 'unknown';
  return BRANCHES.has(last) ? words.at(-2) ?? last : last;
}

const BRANCHES = new Set(['default', 'main', 'dev', 'feature', 'master']);

export const PROPOSED_WORDS: Readonly<Record<ProposedBy, string>> = {
  directory: 'same directory', other_home: 'same path in another home', checkout_name: 'checkout of the same name',
};
