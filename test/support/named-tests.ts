/** Documents that name tests by file and title, so that a test that is renamed or removed takes its claim with it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const QUOTES = ["'", '`', '"'];

export function readRows(page: string, isRow: RegExp): string[] {
  return readFileSync(join(ROOT, page), 'utf8').split('\n').filter((line) => isRow.test(line));
}

export interface NamedTests {
  /** Tests that it names: `test/…` “title”. */
  count: number;
  /** Those that are not there. */
  missing: string[];
}

export function namedTestsOf(row: string): NamedTests {
  const named = [...row.matchAll(/`(test\/[^`]+)`(?: “([^”]+)”)?/g)];
  return {
    count: named.filter(([, , title]) => title !== undefined).length,
    missing: named.filter(([, file = '', title]) => !isThere(file, title)).map(([text]) => text),
  };
}

function isThere(file: string, title: string | undefined): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  if (title === undefined) return true;
  const source = readFileSync(path, 'utf8');
  // A title is a whole literal behind its opening bracket, not a part of one.
  return QUOTES.some((quote) => source.includes(`(${quote}${title}${quote}`));
}
