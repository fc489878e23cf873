import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseStatusline, printStatusline, quickStatusline, STATUSLINE_STALE_MS, type Statusline } from '../../../collector/statusline/statusline-file.ts';
import { resolvePaths } from '../../../shared/paths.ts';

const SCRIPT = fileURLToPath(new URL('../../../deploy/statusline.sh', import.meta.url));
const A = '6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11';
const MINUTE = 60_000;

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-statusline-'));
  file = resolvePaths({}, home).statuslineFile;
  mkdirSync(dirname(file), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const kept = (ageMs: number): Statusline => ({
  writtenAtMs: Math.floor((Date.now() - ageMs) / 1000) * 1000, line: '2 wait · 5 work · devbox 12m late · $14.20',
  sessions: new Map([['other', 'Instance: other'], [A, 'Instance: 6f1c2a90@devbox | waiting 3m | a\\b %s $(id) | 5.0k tokens | –']]),
});

/** The answer of the program, and of the shell beside it. */
function answers(...words: string[]): (string | undefined)[] {
  const shell = execFileSync('/bin/sh', [SCRIPT, ...words], { encoding: 'utf8', env: { HOME: home, PATH: process.env['PATH'], LC_ALL: 'C' } });
  return [quickStatusline(words, file, Date.now()), shell];
}

it('what was printed is read back', () => {
  expect(parseStatusline(printStatusline(kept(0)))).toEqual(kept(0));
});

describe('the program and the shell say the same', () => {
  it('of all machines, and of one session, with nothing in it acting', () => {
    writeFileSync(file, printStatusline(kept(0)));
    expect(new Set(answers())).toEqual(new Set([`${kept(0).line}\n`]));
    expect(new Set(answers('--session', A))).toEqual(new Set([`${kept(0).sessions.get(A)}\n`]));
  });

  it.each([[12 * MINUTE, 'stale 12m'], [3 * 60 * MINUTE, 'stale 3h'], [50 * 60 * MINUTE, 'stale 2d'], [STATUSLINE_STALE_MS + 5000, 'stale 1m']])('of a file that is %d ms old', (ageMs, words) => {
    writeFileSync(file, printStatusline(kept(ageMs)));
    expect(new Set(answers())).toEqual(new Set([`${words} · ${kept(0).line}\n`]));
    expect(answers('--session', A)[1]).toBe(`${words} · ${kept(0).sessions.get(A)}\n`);
  });
});

describe('where the file does not tell', () => {
  it.each([['there is none', undefined], ['it is of a later version', '2 1767607200\nline\n'], ['it is empty', ''], ['it is something else', 'x\ny\n'], ['it has no time', '1 soon\nline\n']])('as when %s, the shell prints a dash and the program looks elsewhere', (_, content) => {
    if (content !== undefined) writeFileSync(file, content);
    expect(answers()).toEqual([undefined, '–\n']);
    expect(answers('--session', A)).toEqual([undefined, 'Instance: – | – | – | – | –\n']);
  });

  it('of a session, no other that begins alike is taken for it', () => {
    writeFileSync(file, printStatusline(kept(0)));
    expect(answers('--session', 'oth')).toEqual([undefined, 'Instance: – | – | – | – | –\n']);
    expect(answers('--session', '*')).toEqual([undefined, 'Instance: – | – | – | – | –\n']);
    expect(answers('--session', '')[1]).toBe('Instance: – | – | – | – | –\n');
  });

  it('what it does not know how to answer goes to the whole program', () => {
    writeFileSync(file, printStatusline(kept(0)));
    expect(quickStatusline(['--help'], file, Date.now())).toBeUndefined();
  });
});
