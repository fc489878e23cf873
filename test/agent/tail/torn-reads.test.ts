/** A file that is cut and written anew while it is read: before each system call there is, once. */
import { readFileSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileAccess } from '../../../agent/tail/file-access.ts';
import { linesOf, TailFixture } from '../support/tail-fixture.ts';

const SMALL = { targetBytes: 60_000, maxEvents: 12 };
const MANY_CALLS = 200;
/** An event holds no more of a line's text. */
const HEAD_CHARS = 4000;

/** Calls `before` ahead of the call with that number; `calls` counts on. */
function disturbed(files: FileAccess, state: { calls: number; at: number }, before: () => void): FileAccess {
  const count = <A extends unknown[], R>(call: (...given: A) => R) => (...given: A): R => {
    state.calls += 1;
    if (state.calls === state.at) before();
    return call(...given);
  };
  return { ...files, stat: count(files.stat), open: count(files.open), fstat: count(files.fstat), read: count(files.read) };
}

function lines(word: string, count: number, bytes: number): string[] {
  return Array.from({ length: count }, (_, number) => `${word} ${number} `.padEnd(bytes, word));
}

function headOf(line: string): string {
  return line.slice(0, HEAD_CHARS);
}

interface Case {
  what: string;
  /** Read and stored before. */
  first: string[];
  /** There when the reading starts that is disturbed. */
  grown: string[];
  anew: string[];
  /** Of the last line of `grown`, without its newline. */
  partial?: string;
}

const CASES: Case[] = [
  { what: 'a new file by a longer one', first: [], grown: lines('old', 20, 40), anew: lines('new', 90, 37) },
  { what: 'a read file that grew', first: lines('old', 20, 40), grown: lines('more', 20, 40), anew: lines('new', 90, 37) },
  { what: 'a file by one of the same size', first: lines('old', 20, 40), grown: lines('more', 20, 40), anew: lines('new', 40, 40) },
  { what: 'a file with an open end', first: lines('old', 9, 40), grown: lines('more', 2, 40), partial: 'open '.repeat(30), anew: lines('new', 40, 39) },
  { what: 'one longer than the buffer', first: lines('old', 3, 40), grown: lines('more', 100, 6000), anew: lines('new', 150, 5900) },
  { what: 'one with a line longer than the buffer', first: [], grown: ['x'.repeat(300_000), ...lines('old', 4, 40)], anew: lines('new', 12, 60_000) },
];

/** What the collector has after a file was written anew once, before call number `at`; undefined when there were fewer calls. */
async function disturb({ first, grown, partial = '', anew }: Case, at: number): Promise<{ got: string[]; bad: string } | undefined> {
  await using fixture = new TailFixture();
  const path = fixture.write('a.jsonl', first.map((line) => `${line}\n`).join(''));
  const state = { calls: 0, at: -1 };
  const files = disturbed(fixture.files, state, () => {
    truncateSync(path, 0);
    fixture.append('a.jsonl', anew.map((line) => `${line}\n`).join(''));
    utimesSync(path, 7, 7); // A tick of the file system's clock may be longer than the test.
  });
  await fixture.open({ files });
  const got = fixture.drain();
  fixture.append('a.jsonl', [...grown.map((line) => `${line}\n`), partial].join(''));
  state.calls = 0;
  state.at = at;
  fixture.look();
  for (let round = 0; round < 3; round += 1) got.push(...linesOf(fixture.readAll(undefined, SMALL)));
  if (state.calls < at) return undefined;
  got.push(...fixture.drain());
  let bad = '';
  if (fixture.tail.status().badLines > 0) bad = readFileSync(join(fixture.badDir, 'current.jsonl'), 'utf8');
  return { got, bad };
}

describe('a file that is cut and written anew while it is read', () => {
  it.each(CASES)('is read as it is then, and gives nothing that it never held: $what', async (each) => {
    const held = new Set([...each.first, ...each.grown, ...each.anew].map(headOf));
    let disturbances = 0;
    for (let at = 1; at <= MANY_CALLS; at += 1) {
      const result = await disturb(each, at);
      if (result === undefined) break;
      disturbances += 1;
      expect({
        beforeCall: at,
        neverHeld: result.got.filter((line) => !held.has(headOf(line))),
        lost: each.anew.filter((line) => !result.got.includes(line)),
        bad: result.bad,
      }).toEqual({ beforeCall: at, neverHeld: [], lost: [], bad: '' });
    }
    expect(disturbances).toBeGreaterThan(5);
  });
});
