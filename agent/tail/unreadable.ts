/**
 * Places below the roots that could not be looked at. What is in them nobody
 * knows: a look that met one says nothing about how complete its machine is.
 */
import { basename } from 'node:path';
import { messageOf, systemCode } from '../../shared/errors.ts';

export interface Unreadable {
  /** A look at this path failed. Where there is nothing at all any more, nothing is in the way. */
  note(path: string, error: unknown): void;
  clear(path: string): void;
  /** What the look of this number, or none since, has met counts no more. */
  lookEnded(lookNumber: number): void;
  readonly isEmpty: boolean;
  /** One for each, with the next step. */
  readonly problems: readonly string[];
}

/** There is nothing at that path, or nothing that can be followed. */
export function isAbsence(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

/** The system's reason, and what to do: until then the machine's completeness stands still. */
export function unreadableWords(path: string, error: unknown): string {
  return `cannot read ${path}: ${systemCode(error) ?? messageOf(error)}; nothing newer counts as complete until the agent's user can read it, or it is moved away`;
}

/** The same of a file that is gone: what is kept of it has no place of its own to move it from. */
export function unreadableKeptWords(path: string, error: unknown): string {
  return `cannot read what is kept of ${path}: ${systemCode(error) ?? messageOf(error)}; nothing newer counts as complete until the agent's user can read it, or tt-agent forget ${path} gives it up`;
}

/** Of bytes that are no UTF-8 a name keeps only this: the path made of it leads nowhere. */
const NO_CHARACTER = '\uFFFD';

export function createUnreadable(lookNumber: () => number): Unreadable {
  const met = new Map<string, { lookNumber: number; words: string }>();

  function note(path: string, error: unknown): void {
    if (!isAbsence(error)) met.set(path, { lookNumber: lookNumber(), words: unreadableWords(path, error) });
    else if (basename(path).includes(NO_CHARACTER)) met.set(path, { lookNumber: lookNumber(), words: misnamedWords(path) });
    else met.delete(path);
  }

  return {
    note,
    clear: (path) => {
      met.delete(path);
    },
    lookEnded: (ended) => {
      for (const [path, { lookNumber: at }] of met) if (at < ended) met.delete(path);
    },
    get isEmpty() {
      return met.size === 0;
    },
    get problems() {
      return [...met.values()].map(({ words }) => words);
    },
  };
}

function misnamedWords(path: string): string {
  return `cannot read ${path}: its name is not UTF-8; nothing newer counts as complete until it is renamed, or moved away`;
}
