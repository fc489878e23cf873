import {
  existsSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linesOf, refuse, TailFixture } from '../support/tail-fixture.ts';

const DAY = 86_400_000;
const WEEK = 7 * DAY;

function kept(fixture: TailFixture): string[] {
  return existsSync(fixture.keptDir) ? readdirSync(fixture.keptDir).filter((name) => name !== 'index.jsonl') : [];
}

describe('a file that is not acknowledged', () => {
  it('is linked when it is first met, where only its owner may look', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('empty.jsonl', '');
    await fixture.open();
    expect(kept(fixture)).toHaveLength(1);
    expect(statSync(fixture.keptDir).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(fixture.keptDir, kept(fixture)[0]!)).ino).toBe(statSync(path).ino);
  });

  it.each([
    ['deleted', (path: string): void => unlinkSync(path)],
    ['deleted with its directory', (path: string): void => rmSync(join(path, '..'), { recursive: true })],
    ['deleted with its root', (path: string): void => rmSync(join(path, '../..'), { recursive: true })],
    ['replaced by rename', (path: string): void => {
      writeFileSync(`${path}.tmp`, 'other\n');
      renameSync(`${path}.tmp`, path);
    }],
    ['moved out of the roots', (path: string): void => renameSync(path, join(path, '../../../moved'))],
  ])('and then is %s, is delivered to its end, the last unnoticed lines too, after restarts', async (_how, remove) => {
    await using fixture = new TailFixture();
    const path = fixture.write('p/a.jsonl', 'one\n');
    fixture.write('q/b.jsonl', 'b\n');
    await fixture.open();
    await fixture.reopen();
    fixture.append('p/a.jsonl', 'two\nthree\n');
    remove(path);
    await fixture.reopen();
    fixture.look();
    fixture.clock.jump(6 * DAY);
    fixture.look();
    await fixture.reopen();
    const lines = fixture.drain();
    expect(lines.filter((line) => line !== 'other' && line !== 'b')).toEqual(['one', 'two', 'three']);
    expect(fixture.tail.status()).toMatchObject({ gaps: [], backlogBytes: 0 });
  });

  it('keeps its generation and its place when it is read on through the link', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'b\n');
    await fixture.open();
    fixture.drain();
    const before = [...fixture.tail.positions()].map(([gen]) => gen).sort();
    fixture.append('a.jsonl', 'two\n');
    fixture.look();
    unlinkSync(path);
    await fixture.reopen();
    expect(fixture.drain()).toEqual(['two']);
    expect([...fixture.tail.positions()].map(([gen]) => gen).sort()).toEqual(before);
  });

  it('is delivered from 0 where every checkpoint is lost, deleted or not', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'two\n');
    await fixture.open();
    await fixture.tail.close();
    unlinkSync(path);
    rmSync(fixture.checkpointDir, { recursive: true, force: true });
    await fixture.open();
    expect(fixture.drain().sort()).toEqual(['one', 'two']);
    expect(kept(fixture)).toHaveLength(2);
  });

  it('is known by its content where the index of paths is lost too', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    await fixture.tail.close();
    rmSync(join(fixture.keptDir, 'index.jsonl'));
    await fixture.open();
    expect(fixture.drain()).toEqual(['one']);
    expect(kept(fixture)).toHaveLength(1);
  });

  it('of which nobody knows the path any more waits seven days, then is a gap', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'b\n');
    await fixture.open();
    fixture.drain();
    fixture.write('c.jsonl', 'three\n');
    fixture.look();
    await fixture.tail.close();
    rmSync(fixture.checkpointDir, { recursive: true });
    rmSync(join(fixture.keptDir, 'index.jsonl'));
    for (const each of [path, fixture.path('c.jsonl')]) unlinkSync(each);
    await fixture.open();
    expect(fixture.drain()).toEqual(['b']);
    expect(kept(fixture)).toHaveLength(3);
    fixture.clock.jump(WEEK + DAY);
    fixture.look();
    expect(kept(fixture)).toEqual([]);
    expect(fixture.tail.status().gaps).toMatchObject([{ reason: 'released' }, { reason: 'released' }]);
  });
});

describe('kept files', () => {
  it('stay seven days after the last acknowledged byte, deleted or not', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    unlinkSync(fixture.write('gone.jsonl', 'x\n'));
    await fixture.open();
    fixture.drain();
    fixture.clock.jump(WEEK - 3_600_000);
    fixture.look();
    expect(kept(fixture)).toHaveLength(1);
    await fixture.reopen();
    fixture.clock.jump(7_200_000);
    fixture.look();
    expect(kept(fixture)).toEqual([]);
    fixture.append('a.jsonl', 'two\n');
    fixture.look();
    expect(kept(fixture)).toHaveLength(1);
  });

  it('can be sent again within that time, by a collector that was set back', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    fixture.write('b.jsonl', 'b\n');
    await fixture.open();
    fixture.drain();
    unlinkSync(path);
    fixture.look();
    fixture.clock.jump(6 * DAY);
    await fixture.reopen();
    expect(await fixture.tail.settle([])).toEqual([]);
    expect(fixture.drain().sort()).toEqual(['b', 'one', 'two']);
  });

  it('do not follow a symbolic link', async () => {
    await using fixture = new TailFixture();
    const target = join(fixture.top, 'elsewhere.txt');
    writeFileSync(target, 'one\n');
    symlinkSync(target, fixture.path('a.jsonl'));
    await fixture.open();
    expect(linesOf(fixture.readAll())).toEqual(['one']);
    expect(kept(fixture)).toEqual([]);
  });

  it('pass to the new generation of a file that is cut, whose unread bytes are a gap over restarts', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    fixture.append('a.jsonl', 'two\nthree\n');
    fixture.look();
    truncateSync(path, 0);
    fixture.append('a.jsonl', 'x\n');
    expect(fixture.drain()).toEqual(['x']);
    const gap = { path, from: 4, to: 14, reason: 'truncated', t_to: '' };
    expect(fixture.tail.status().gaps).toMatchObject([gap]);
    expect(fixture.tail.status().gaps[0]?.t_from).not.toBe('');
    await fixture.reopen();
    expect(fixture.tail.status().gaps).toMatchObject([gap]);
    expect(kept(fixture)).toHaveLength(1);
    expect(new Set(kept(fixture))).toEqual(new Set([...fixture.tail.positions()].map(([gen]) => gen)));
  });

  it('that were cut and grew past what was read before the next look have lost nothing that a look had met', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    truncateSync(path, 0);
    fixture.append('a.jsonl', 'other\nlines\nthan before\n');
    expect(fixture.drain()).toEqual(['other', 'lines', 'than before']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('that were cut and grew past what a look had met lose just that', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    fixture.append('a.jsonl', 'unread\n');
    fixture.look();
    truncateSync(path, 0);
    fixture.append('a.jsonl', 'other\nlines\nthan before\n');
    expect(fixture.drain()).toEqual(['other', 'lines', 'than before']);
    expect(fixture.tail.status().gaps).toMatchObject([{ path, from: 8, to: 15, reason: 'truncated' }]);
  });

  it('whose checkpoint is lost, and which are not what the ledger says, have lost nothing that was ever seen', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    const [position] = [...fixture.tail.positions()];
    if (position === undefined) throw new Error('nothing was acknowledged');
    await fixture.tail.close();
    rmSync(fixture.checkpointDir, { recursive: true });
    truncateSync(path, 0);
    fixture.append('a.jsonl', 'other\nlines\nthan before\n');
    await fixture.reopen();
    await fixture.tail.settle([[...position, 'what was stored']]);
    expect(fixture.drain()).toEqual(['other', 'lines', 'than before']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('that were cut, written on and deleted between two looks are read from their beginning', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\nthree\n');
    fixture.write('b.jsonl', '');
    await fixture.open();
    fixture.drain();
    truncateSync(path, 4);
    fixture.append('a.jsonl', 'other\n');
    unlinkSync(path);
    fixture.look();
    expect(fixture.drain()).toEqual(['one', 'other']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('that are cut have lost nothing of what the ledger has, although no ack of it arrived', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    const [slice] = fixture.readAll();
    if (slice === undefined) throw new Error('nothing was read');
    const { gen, to, tail } = slice.file;
    await fixture.tail.settle([[gen, to, tail]]);
    truncateSync(path, 4);
    expect(fixture.drain()).toEqual(['one']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('of which the unread end is cut off in place are a gap of just that', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    fixture.append('a.jsonl', 'two\nthree\n');
    fixture.look();
    truncateSync(path, 8);
    expect(fixture.drain()).toEqual(['two']);
    expect(fixture.tail.status().gaps).toMatchObject([{ path, from: 8, to: 14, reason: 'truncated' }]);
  });

  it('that somebody removes from kept/ are a gap, not a hang', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'b\n');
    await fixture.open();
    rmSync(fixture.keptDir, { recursive: true });
    unlinkSync(path);
    fixture.look();
    fixture.look();
    expect(fixture.drain()).toEqual(['b']);
    expect(fixture.tail.status().gaps).toMatchObject([{ path, from: 0, to: 4, reason: 'released' }]);
  });

  it('are told as a problem when they cannot be kept', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open({ link: () => refuse('ENOSPC') });
    expect(fixture.tail.status().problems.join()).toContain('cannot keep');
    expect(fixture.drain()).toEqual(['one']);
    await fixture.reopen();
    fixture.append('a.jsonl', 'two\n');
    fixture.look();
    expect(fixture.tail.status().problems).toEqual([]);
  });
});

describe('the last line of a deleted file', () => {
  it('without its newline is sent if it parses, else a gap', async () => {
    await using fixture = new TailFixture();
    const a = fixture.write('a.jsonl', 'one\n{"two":2}');
    const b = fixture.write('b.jsonl', 'one more\n{"tw');
    fixture.write('c.jsonl', '');
    await fixture.open();
    for (const path of [a, b]) unlinkSync(path);
    fixture.look();
    fixture.look();
    expect(fixture.drain().sort()).toEqual(['one', 'one more', '{"two":2}'].sort());
    expect(fixture.tail.status()).toMatchObject({ gaps: [{ path: b, from: 9, to: 13, reason: 'unterminated' }] });
    fixture.look();
    expect(fixture.tail.status().drainedAt).not.toBeNull();
  });

  it('is awaited from a writer that still has the file open', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\nhal');
    fixture.write('c.jsonl', '');
    await fixture.open();
    fixture.drain();
    const other = join(fixture.top, 'other name');
    linkSync(path, other);
    unlinkSync(path);
    fixture.look();
    fixture.look();
    fixture.readAll();
    writeFileSync(other, 'one\nhalf\n');
    expect(fixture.drain()).toEqual(['half']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });
});

describe('where links do not work', () => {
  const copied = { link: () => refuse('EXDEV') };

  it('the unacknowledged range is copied, extended at every look, read to its end, and removed when acknowledged', async () => {
    await using fixture = new TailFixture();
    const first = `${'x'.repeat(3000)}\n`;
    const path = fixture.write('p/a.jsonl', first);
    fixture.write('q/b.jsonl', '');
    await fixture.open(copied);
    fixture.drain();
    fixture.look();
    expect(kept(fixture)).toEqual([]);
    fixture.append('p/a.jsonl', 'two\n');
    fixture.look();
    fixture.append('p/a.jsonl', 'three\n');
    fixture.look();
    unlinkSync(path);
    await fixture.reopen(copied);
    expect(kept(fixture)).toHaveLength(1);
    expect(fixture.drain()).toEqual(['two', 'three']);
    expect(fixture.tail.status().gaps).toEqual([]);
    fixture.clock.jump(WEEK + 1);
    fixture.look();
    expect(kept(fixture)).toEqual([]);
  });

  it('what a file became after it was cut is no gap, although it grew past what was read', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open(copied);
    fixture.readAll(); // not acknowledged
    truncateSync(path, 0);
    fixture.append('a.jsonl', 'other\nlines\nthan before\n');
    expect(fixture.drain()).toEqual(expect.arrayContaining(['other', 'lines', 'than before']));
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it.each([
    ['after a look', true], ['before any look', false],
  ])('what was copied of a file that is written anew in place at the same size, %s, is read from the copy', async (_when, isLookedAt) => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'on');
    await fixture.open(copied);
    // It is open now, and nothing of it was read yet.
    expect(fixture.drain()).toEqual([]);
    fixture.append('a.jsonl', 'e\ntwo\n');
    utimesSync(path, 1, 1);
    fixture.look();
    writeFileSync(path, 'ONE\nTWO\n');
    utimesSync(path, 2, 2);
    if (isLookedAt) fixture.look();
    expect([...linesOf(fixture.readAll()), ...fixture.drain(), ...fixture.drain()].sort()).toEqual(['ONE', 'TWO', 'one', 'two']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('a long file is copied a piece at a time', async () => {
    await using fixture = new TailFixture();
    const line = `${'y'.repeat(99)}\n`;
    const path = fixture.write('a.jsonl', line.repeat(90_000));
    fixture.write('b.jsonl', '');
    await fixture.open(copied);
    fixture.clock.advance(1);
    unlinkSync(path);
    await fixture.reopen(copied);
    fixture.look();
    expect(linesOf(fixture.readAll())).toHaveLength(90_000);
    expect(fixture.tail.status().keptBytes).toBe(9_000_000);
  });

  it('bytes of a file that was cut in place are read from the copy', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open(copied);
    truncateSync(path, 0);
    fixture.append('a.jsonl', 'three\n');
    expect(fixture.drain().sort()).toEqual(['one', 'three', 'two']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('another file system is such a place', async (context) => {
    if (!existsSync('/dev/shm')) context.skip('needs /dev/shm as another file system');
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', '');
    const elsewhere = mkdtempSync('/dev/shm/tt-kept-');
    if (statSync(elsewhere).dev === statSync(path).dev) context.skip('/dev/shm is the same file system');
    try {
      await fixture.open({ keptDir: elsewhere });
      unlinkSync(path);
      await fixture.reopen({ keptDir: elsewhere });
      expect(fixture.drain()).toEqual(['one']);
      expect(readdirSync(elsewhere).some((name) => name.endsWith('.copy'))).toBe(true);
    } finally {
      await fixture.tail.close();
      rmSync(elsewhere, { recursive: true });
    }
  });
});

describe('the limit of kept files', () => {
  it('counts deleted files only, and releases the oldest, whose unsent range is a gap and whose generation is closed', async () => {
    await using fixture = new TailFixture();
    const paths = ['a', 'b', 'c', 'd'].map((name) => fixture.write(`${name}.jsonl`, `${name.repeat(99)}\n`));
    await fixture.open({}, { keptLimitBytes: 250 });
    expect(fixture.tail.status()).toMatchObject({ keptBytes: 0, kept: { files: 0, limitBytes: 250 } });
    const [a = '', b = '', c = ''] = paths;
    const [slice] = fixture.readAll().filter(({ file }) => file.path === b);
    fixture.acknowledgeAll([slice!]);
    fixture.tail.resync();
    for (const path of [a, b, c]) {
      unlinkSync(path);
      fixture.clock.advance(60_000);
    }
    fixture.look();
    // b was acknowledged: nothing is lost by releasing it.
    expect(fixture.tail.status()).toMatchObject({ keptBytes: 200, gaps: [], kept: { files: 2 } });
    const d = fixture.path('d.jsonl');
    unlinkSync(d);
    fixture.clock.advance(90_000);
    expect(fixture.tail.status()).toMatchObject({ keptBytes: 200, gaps: [{ path: a, from: 0, to: 100, reason: 'released' }] });
    expect(fixture.drain().sort()).toEqual(['c'.repeat(99), 'd'.repeat(99)]);
    const bGen = slice!.file.gen;
    expect(await fixture.tail.settle([[bGen, 100, 'x']])).toEqual([bGen]);
    expect(kept(fixture)).toHaveLength(2);
  });

  it.each([[4, [{ from: 4, to: 8, reason: 'released' }]], [8, []]])('and is no gap as far as the ledger has it (to %d), although no ack of it arrived', async (offset, gaps) => {
    for (const isCleared of [false, true]) {
      await using fixture = new TailFixture();
      const path = fixture.write('a.jsonl', 'one\ntwo\n');
      fixture.write('b.jsonl', '');
      await fixture.open({}, { keptLimitBytes: isCleared ? 100 : 4 });
      const [slice] = fixture.readAll(undefined, { targetBytes: 1, maxEvents: 500 }).filter(({ file }) => file.to === offset);
      if (isCleared) await fixture.reopen();
      await fixture.tail.settle([[slice!.file.gen, offset, slice!.file.tail]]);
      unlinkSync(path);
      if (isCleared) rmSync(fixture.keptDir, { recursive: true });
      fixture.clock.advance(90_000);
      expect(kept(fixture)).toEqual([]);
      expect(fixture.tail.status().gaps.map(({ from, to, reason }) => ({ from, to, reason }))).toEqual(gaps);
    }
  });

  it('holds for copies of living files too', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', `${'a'.repeat(9_999)}\n`);
    fixture.write('b.jsonl', `${'b'.repeat(9_999)}\n`);
    await fixture.open({ link: () => refuse('EPERM') }, { keptLimitBytes: 12_000 });
    fixture.look();
    expect(fixture.tail.status().keptBytes).toBeGreaterThan(9_000);
    expect(fixture.tail.status().keptBytes).toBeLessThanOrEqual(12_000);
    expect(fixture.drain()).toHaveLength(2);
    expect(fixture.tail.status().gaps).toEqual([]);
  });
});

describe('forgetting', () => {
  it('releases what is kept of a path or below it, and tells what is lost', async () => {
    await using fixture = new TailFixture();
    const sent = fixture.write('p/a.jsonl', 'one\n');
    const there = fixture.write('p/c.jsonl', 'three\n');
    await fixture.open();
    fixture.drain();
    const lost = fixture.write('p/b.jsonl', 'two\n');
    fixture.look();
    for (const path of [sent, lost]) unlinkSync(path);
    fixture.look();
    fixture.look();
    expect(fixture.tail.forget(fixture.path('q'))).toEqual([]);
    expect(fixture.tail.forget(fixture.path('p')).sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: sent, bytes: 4, lostBytes: 0, onTheWayBytes: 0 },
      { path: lost, bytes: 4, lostBytes: 4, onTheWayBytes: 0 },
      { path: there, bytes: 0, lostBytes: 0, onTheWayBytes: 0 },
    ]);
    expect(kept(fixture)).toEqual([]);
    expect(fixture.tail.status()).toMatchObject({ keptBytes: 0, gaps: [{ path: lost, reason: 'released' }] });
    expect(fixture.drain()).toEqual([]);
  });

  it('works on the files of a tailer that does not run', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'b\n');
    await fixture.open();
    await fixture.tail.close();
    unlinkSync(path);
    await fixture.open({}, {}, 'not started');
    expect(fixture.tail.forget(path)).toEqual([{ path, bytes: 4, lostBytes: 4, onTheWayBytes: 0 }]);
    await fixture.tail.close();
    await fixture.open();
    expect(fixture.drain()).toEqual(['b']);
    expect(fixture.tail.status().gaps).toMatchObject([{ path, from: 0, to: 4, reason: 'released' }]);
  });
});

describe('gaps', () => {
  it('are dropped a week after they were told, and not before', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    truncateSync(path, 0);
    fixture.look();
    expect(fixture.tail.status().gaps).toHaveLength(1);
    fixture.clock.jump(30 * DAY);
    fixture.look();
    expect(fixture.tail.status().gaps).toHaveLength(1);
    fixture.append('a.jsonl', 'two\n');
    fixture.drain();
    fixture.look();
    expect(fixture.tail.status().gaps).toEqual(fixture.tail.untold());
    fixture.tail.told(fixture.tail.untold());
    expect(fixture.tail.untold()).toEqual([]);
    fixture.clock.jump(6 * DAY);
    await fixture.reopen();
    expect(fixture.tail.untold()).toEqual([]);
    expect(fixture.tail.status().gaps).toHaveLength(1);
    fixture.clock.jump(DAY + 60_000);
    fixture.look();
    expect(fixture.tail.status().gaps).toEqual([]);
    await fixture.reopen();
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('survive a torn line in their file', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    truncateSync(path, 0);
    fixture.look();
    await fixture.tail.close();
    mkdirSync(fixture.checkpointDir, { recursive: true });
    writeFileSync(join(fixture.checkpointDir, 'gaps.jsonl'), '{"v":1,"ge', { flag: 'a' });
    const other = fixture.write('b.jsonl', 'two\nthree\n');
    await fixture.open();
    truncateSync(other, 0);
    fixture.look();
    await fixture.reopen();
    expect(fixture.tail.status().gaps).toHaveLength(2);
  });
});

describe('a copied file that is replaced before anything of it was read', () => {
  it('is delivered from its copy, also where the next file has its inode and its millisecond of birth', async () => {
    // Neither can be asked for: of so many, some have both.
    for (let round = 0; round < 40; round += 1) {
      await using fixture = new TailFixture();
      await fixture.open({ link: () => refuse('EXDEV') });
      const path = fixture.write('a.jsonl', 'one\ntwo\n');
      fixture.look();
      unlinkSync(path);
      writeFileSync(path, 'three\nfour\n');
      const lines = linesOf(fixture.readAll());
      expect([...lines, ...fixture.drain()].sort()).toEqual(['four', 'one', 'three', 'two']);
    }
  });
});
