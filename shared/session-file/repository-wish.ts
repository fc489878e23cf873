/** Which sessions somebody means who names a repository: by its name, its git remote, or a directory. */
import { remoteKey } from './repository.ts';

export type RepositoryWish =
  | { kind: 'all' }
  | { kind: 'name'; name: string }
  | { kind: 'remote'; key: string }
  /** `~/` in front is the home of whichever machine the session is of. */
  | { kind: 'directory'; path: string };

/** `git@host:me/shop`, `https://host/me/shop`, `host.example/me/shop`. */
const REMOTE = /^(?:[a-z][a-z+.-]*:\/\/\S+|(?:[^@/\s:]+@)?[^@/\s:]+:[^\s:]\S*|[^@/\s:]+\.[^@/\s:]+\/\S+)$/i;

/** Undefined: it is none of these. A name is one word of a path; of patterns there is only `*`. */
export function parseRepositoryWish(text: string): RepositoryWish | undefined {
  if (text === '*') return { kind: 'all' };
  if (/[*\p{Cc}]/u.test(text) || text.trim() !== text || text === '') return undefined;
  if (text.startsWith('/') || text === '~' || text.startsWith('~/')) return { kind: 'directory', path: text.replace(/(.)\/+$/, '$1') };
  if (REMOTE.test(text)) return { kind: 'remote', key: remoteKey(text.includes(':') ? text : `https://${text}`) };
  return text.includes('/') || text === '.' || text === '..' ? undefined : { kind: 'name', name: text };
}

export interface WishedPlace {
  /** Directory of the session. */
  cwd: string;
  /** There; null: not known. */
  home: string | null;
  /** Of its repository; null: that computer can not be looked at, so that a remote is known by its last word. */
  remotes: readonly string[] | null;
}

/** By whole names, never by a part of one. */
export function isWished({ cwd, home, remotes }: WishedPlace, wishes: readonly RepositoryWish[]): boolean {
  const isBelow = (path: string): boolean => cwd === path || cwd.startsWith(`${path}/`);
  const hasWord = (word: string): boolean => cwd.split('/').includes(word);
  return wishes.some((wish) => {
    switch (wish.kind) {
      case 'all': return true;
      case 'name': return hasWord(wish.name);
      case 'remote': return remotes === null ? hasWord(wish.key.slice(wish.key.lastIndexOf('/') + 1)) : remotes.some((url) => remoteKey(url) === wish.key);
      case 'directory': return !wish.path.startsWith('~') ? isBelow(wish.path) : home !== null && isBelow(`${home}${wish.path.slice(1)}`);
    }
  });
}
