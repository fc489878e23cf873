/** What somebody typed, as words: there is no syntax that can be wrong. */
import { usageError } from '../../shared/cli.ts';

export interface SearchTerm {
  /** Words next to each other; one word is a term of one. */
  words: readonly string[];
  /** The last word may go on. */
  isPrefix: boolean;
}

export interface SearchQuery {
  /** All of these are in a passage; a list within: one of them. */
  all: readonly (readonly SearchTerm[])[];
  none: readonly SearchTerm[];
}

/** As `unicode61` cuts text: letters, digits, private use; marks belong to their letter. */
const WORD = /[\p{L}\p{N}\p{Co}\p{M}]+/gu;
/** A minus is one only right before a word: what is told by `--force` is its name. */
const TERM = /(-(?=["\p{L}\p{N}\p{Co}\p{M}]))?(?:"([^"]*)(?:"|$)|(\S+))/gu;
const MOST_WORDS = 32;
const LONGEST = 1000;

/**
 * `a b`: both; `"a b"`: next to each other; `a OR b`; `-a`: not; `a*`: beginning so. Signs that are no letters
 * or digits only part words: `foo_bar` and `a.b.c` are words next to each other, `--force` is a word. Throws a usage error where there is no word.
 */
export function parseQuery(text: string): SearchQuery {
  if (text.length > LONGEST) throw usageError(`that is more than ${LONGEST} characters`, 'give a few words');
  const all: SearchTerm[][] = [];
  const none: SearchTerm[] = [];
  let isOr = false;
  let count = 0;
  for (const [raw, minus = '', quoted, bare = ''] of text.matchAll(TERM)) {
    if (raw === 'OR') {
      isOr = all.length > 0;
      continue;
    }
    const body = quoted ?? bare;
    const words = body.match(WORD) ?? [];
    if (words.length === 0) continue;
    count += words.length;
    const term = { words, isPrefix: body.endsWith('*') };
    const last = all.at(-1);
    if (minus !== '') none.push(term);
    else if (isOr && last) last.push(term);
    else all.push([term]);
    isOr = false;
  }
  if (count > MOST_WORDS) throw usageError(`that is more than ${MOST_WORDS} words`, 'give fewer');
  if (all.length === 0) throw usageError(none.length > 0 ? 'only words that must not be there' : `${JSON.stringify(text)} has no word to look for`, "give a word, e.g. tt search 'deploy -test'");
  return { all, none };
}

/** In FTS5's language. */
export function toMatch({ all, none }: SearchQuery): string {
  const term = ({ words, isPrefix }: SearchTerm): string => `"${words.join(' ')}"${isPrefix ? ' *' : ''}`;
  const wanted = all.map((terms) => (terms.length === 1 ? terms.map(term).join('') : `(${terms.map(term).join(' OR ')})`)).join(' AND ');
  return none.reduce((match, unwanted) => `(${match}) NOT ${term(unwanted)}`, wanted);
}
