import { mkdtempSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { lacking, type Wished } from '../../../collector/handover/in-step.ts';
import { forkOf } from '../../../shared/session-file/fork.ts';
import { chain, HandedMachine, NOW, text } from '../../support/handed-session.ts';

let laptop: HandedMachine;
let archive: HandedMachine;
let roots: { archiveDir: string; claudeDirs: string[] };

beforeEach(() => {
  laptop = new HandedMachine('laptop');
  const archiveDir = mkdtempSync(join(tmpdir(), 'tt-archive-'));
  roots = { archiveDir, claudeDirs: [join(laptop.home, '.claude')] };
  archive = new HandedMachine('devbox', join(archiveDir, 'devbox'));
});

const there = (session: string, lines: readonly string[]): string => archive.write(join(archive.home, 'projects/-x-shop', `${session}.jsonl`), text(lines));
const here = (session: string, lines: readonly string[]): string => laptop.write(laptop.fileOf('/y/shop', session), text(lines));
const lines = (session: string, ...names: string[]): string[] => names.reduce<string[]>((before, name) => chain(before, 2, { name: `${session}-${name}`, cwd: '/x/shop', session }), []);
const toPull = (more: Partial<Wished> = {}): string[] => lacking({ from: 'devbox', to: null }, { sinceMs: 0, projects: [], ...more }, roots).map(({ sessionId }) => sessionId);
const toPush = (): string[] => lacking({ from: null, to: 'devbox' }, { sinceMs: 0, projects: [] }, roots).map(({ sessionId }) => sessionId);

describe('two computers are in step', () => {
  it('where each has all entries of the other', () => {
    there('same', lines('same', 'a'));
    here('same', lines('same', 'a'));
    there('new', lines('new', 'a'));
    there('longer', lines('longer', 'a', 'b'));
    here('longer', lines('longer', 'a'));
    here('mine', lines('mine', 'a'));
    expect(toPull().toSorted()).toEqual(['longer', 'new']);
    expect(toPush()).toEqual(['mine']);
  });

  it('where both went on, once the other side is a session of its own', () => {
    there('both', lines('both', 'a', 'b'));
    here('both', lines('both', 'a', 'c'));
    expect([toPull(), toPush()]).toEqual([['both'], ['both']]);
    here(forkOf('both', 'both-b-0'), lines('both', 'a', 'b'));
    expect(toPull()).toEqual([]);
    there('both', lines('both', 'a', 'b', 'd'));
    expect(toPull()).toEqual(['both']);
  });

  it('as far as was asked: the last days, and projects by their whole name', () => {
    const old = there('old', lines('old', 'a'));
    utimesSync(old, NOW / 1000 - 8 * 86_400, NOW / 1000 - 8 * 86_400);
    there('young', lines('young', 'a'));
    expect(toPull({ sinceMs: NOW - 7 * 86_400_000 })).toEqual(['young']);
    expect([toPull({ projects: ['hop'] }), toPull({ projects: ['/x/sho'] })]).toEqual([[], []]);
    expect([toPull({ projects: ['shop'] }).length, toPull({ projects: ['/x'] }).length]).toEqual([2, 2]);
  });
});
