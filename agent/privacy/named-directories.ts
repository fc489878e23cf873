/**
 * The directories that a file has named so far, and what may leave of its words
 * because of them. A session belongs to every directory that it names: after it
 * went on elsewhere it still speaks of what it did in a restricted one.
 *
 * Limit: what was said before the first restricted directory was named has left.
 */
import type { TextPolicy } from '../../shared/config.ts';
import type { JsonValue } from '../../shared/event.ts';
import { isObject } from '../../shared/json-line.ts';
import { strictestOf, type Texts } from './texts.ts';

/** Of a file that names more, not all are known any more. */
const MOST_DIRECTORIES = 256;

/** As a carry-over: nothing is known of what was named. */
export const UNKNOWN_DIRECTORIES: JsonValue = { paths: [], areAllKnown: false };

export class NamedDirectories {
  readonly #texts: Texts;
  readonly #directories = new Set<string>();
  #areAllKnown = true;
  #policy: TextPolicy = 'full';

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  add(directory: string): void {
    if (this.#directories.has(directory)) return;
    if (this.#directories.size >= MOST_DIRECTORIES) return this.addUnknown();
    this.#directories.add(directory);
    this.#policy = strictestOf([this.#policy, this.#texts.policyOf(directory)]);
  }

  /** One that nobody knows: it may be any. */
  addUnknown(): void {
    this.#areAllKnown = false;
    this.#policy = strictestOf([this.#policy, this.#texts.policyOf(undefined)]);
  }

  /** What holds for words of this file that were said in `cwd`; undefined: not known yet. */
  policyIn(cwd: string | undefined): TextPolicy {
    return cwd !== undefined && this.#directories.has(cwd) ? this.#policy : strictestOf([this.#policy, this.#texts.policyOf(cwd)]);
  }

  /** The directories, not what follows from them: the next start may come with other rules. */
  carry(): JsonValue {
    return { paths: [...this.#directories], areAllKnown: this.#areAllKnown };
  }

  /** `carry` is what this code wrote under the same version of the carry-over; undefined: of a file at its start. */
  static from(carry: JsonValue | undefined, texts: Texts): NamedDirectories {
    const directories = new NamedDirectories(texts);
    if (!isObject(carry)) return directories;
    const paths = carry['paths'];
    if (Array.isArray(paths)) for (const path of paths) if (typeof path === 'string') directories.add(path);
    if (carry['areAllKnown'] !== true) directories.addUnknown();
    return directories;
  }
}
