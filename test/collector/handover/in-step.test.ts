import { mkdtempSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { lacking, readFiles, rememberReading, type FileReading } from '../../../collector/handover/in-step.ts';
import { parseRepositoryWish } from '../../../shared/session-file/repository-wish.ts';
import { forkOf } from '../../../shared/session-file/fork.ts';
import { chain, HandedMachine, NOW, text } from '../../support/handed-session.ts';

let laptop: HandedMachine;
let archive: HandedMachine;
let roots: { archiveDir: string; claudeDirs: string[]; home: string };

beforeEach(() => {
  laptop = new HandedMachine('laptop');
  const archiveDir = mkdtempSync(join(tmpdir(), 'tt-archive-'));
  roots = { archiveDir, claudeDirs: [join(laptop.home, '.claude')], home: laptop.home };
  archive = new HandedMachine('devbox', join(archiveDir, 'devbox'));
});

const there = (session: string, lines: readonly string[]): string => archive.write(join(archive.home, 'projects/-x-shop', `${session}.jsonl`), text(lines));
const here = (session: string, lines: readonly string[]): string => laptop.write(laptop.fileOf('/y/shop', session), text(lines));
const lines = (session: string, ...names: string[]): string[] => names.reduce<string[]>((before, name) => chain(before, 2, { name: `${session}-${name}`, cwd: '/x/shop', session }), []);
interface Asked {
  sinceMs?: number;
  repositories?: string[];
  reading?: FileReading;
}

function found(way: { from: string | null; to: string | null }, { sinceMs = 0, repositories = ['*'], reading = readFiles }: Asked): string[] {
  const wished = { any: [{ sinceMs, repositories: repositories.flatMap((text) => parseRepositoryWish(text) ?? []) }], quietSinceMs: Number.POSITIVE_INFINITY };
  return [...lacking(way, wished, { roots, reading })].map(({ sessionId }) => sessionId).toSorted();
}
const toPull = (asked: Asked = {}): string[] => found({ from: 'devbox', to: null }, asked);
const toPush = (asked: Asked = {}): string[] => found({ from: null, to: 'devbox' }, asked);

describe('two computers are in step', () => {
  it('where each has all entries of the other', () => {
    there('same', lines('same', 'a'));
    here('same', lines('same', 'a'));
    there('new', lines('new', 'a'));
    there('longer', lines('longer', 'a', 'b'));
    here('longer', lines('longer', 'a'));
    here('mine', lines('mine', 'a'));
    expect(toPull()).toEqual(['longer', 'new']);
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
    expect([toPull({ repositories: ['hop'] }), toPull({ repositories: ['/x/sho'] })]).toEqual([[], []]);
    expect([toPull({ repositories: ['shop'] }).length, toPull({ repositories: ['/x'] }).length]).toEqual([2, 2]);
  });

  it('by the git remote of this computer’s own repositories', () => {
    const shop = laptop.repository('src/shop', 'git@github.com:me/shop.git');
    laptop.write(laptop.fileOf(shop, 'mine'), text(chain([], 2, { name: 'm', cwd: `${shop}/web`, session: 'mine' })));
    laptop.write(laptop.fileOf('/y/shop', 'other'), text(lines('other', 'a')));
    expect([toPush({ repositories: ['https://github.com/me/shop'] }), toPush({ repositories: ['github.com/you/shop'] }), toPush({ repositories: ['shop'] })]).toEqual([['mine'], [], ['mine', 'other']]);
  });

  it('reads no file again that has not changed', () => {
    const counts = { compare: 0, directoryOf: 0 };
    const reading = rememberReading({
      compare(held, offered) {
        counts.compare += 1;
        return readFiles.compare(held, offered);
      },
      directoryOf(file) {
        counts.directoryOf += 1;
        return readFiles.directoryOf(file);
      },
    }, 100);
    there('one', lines('one', 'a'));
    here('one', lines('one', 'a'));
    expect([toPull({ reading }), toPull({ reading }), counts]).toEqual([[], [], { compare: 1, directoryOf: 1 }]);
    there('one', lines('one', 'a', 'b'));
    expect([toPull({ reading }), toPull({ reading }), counts]).toEqual([['one'], ['one'], { compare: 2, directoryOf: 2 }]);
  });
});
