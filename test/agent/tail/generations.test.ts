import { mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Generation } from '../../../shared/ids.ts';
import { createLanes } from '../../../agent/tail/lanes.ts';
import { lineSource } from '../support/line-source.ts';
import { linesOf, refuse, TailFixture } from '../support/tail-fixture.ts';

const DAY = 86_400_000;

describe('generations', () => {
  it('of two files that begin alike are two', async () => {
    await using fixture = new TailFixture();
    const same = `${'same '.repeat(500)}\n`;
    fixture.write('a.jsonl', `${same}a\n`);
    fixture.write('b.jsonl', `${same}b\n`);
    await fixture.open();
    expect(fixture.drain()).toHaveLength(4);
    expect([...fixture.tail.positions()]).toHaveLength(2);
  });

  it('begin anew for a new file with the inode of a deleted one', async () => {
    await using fixture = new TailFixture();
    await fixture.open();
    for (let round = 0; round < 30; round += 1) {
      const path = fixture.write('a.jsonl', `one ${round}\ntwo ${round}\n`);
      expect(fixture.drain()).toEqual([`one ${round}`, `two ${round}`]);
      unlinkSync(path);
    }
  });

  it('begin anew where a file was cut and grew again while no one looked, with the same first line', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'first\nold\n');
    await fixture.open();
    fixture.drain();
    await fixture.tail.close();
    writeFileSync(path, 'first\nnew\nand more than there was\n');
    await fixture.open();
    expect(fixture.drain()).toEqual(['first', 'new', 'and more than there was']);
    expect([...fixture.tail.positions()]).toHaveLength(1);
  });

  it('survive rotation by rename, unread bytes included', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    fixture.append('a.jsonl', 'two\n');
    renameSync(path, fixture.path('a.1.jsonl'));
    fixture.write('a.jsonl', 'three\n');
    expect(fixture.drain().sort()).toEqual(['three', 'two']);
    expect(new Set([...fixture.tail.positions()].map(([, offset]) => offset))).toEqual(new Set([6, 8]));
  });

  it('whose root is not there now are neither pruned nor read again when it comes back', async () => {
    await using fixture = new TailFixture();
    fixture.write('x/a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    const before = [...fixture.tail.positions()];
    renameSync(fixture.root, join(fixture.top, 'elsewhere'));
    fixture.look();
    mkdirSync(fixture.root);
    fixture.look();
    fixture.clock.jump(10 * DAY);
    fixture.clock.advance(60_000);
    fixture.look();
    expect([...fixture.tail.positions()]).toEqual(before);
    rmSync(fixture.root, { recursive: true });
    renameSync(join(fixture.top, 'elsewhere'), fixture.root);
    const opened = fixture.files.opened;
    expect(fixture.drain()).toEqual([]);
    expect([...fixture.tail.positions()]).toEqual(before);
    expect(fixture.files.opened).toBe(opened);
  });

  it('whose root is empty now are not pruned either where several sources read it', async () => {
    await using fixture = new TailFixture();
    fixture.sources = [{ ...lineSource([fixture.root]), matches: () => false }, lineSource([fixture.root])];
    fixture.write('a.jsonl', 'one\n');
    await fixture.open({ link: () => refuse('EROFS') });
    // As if it were not mounted.
    renameSync(fixture.path('a.jsonl'), join(fixture.top, 'a.jsonl'));
    fixture.look();
    fixture.look();
    fixture.look();
    expect(fixture.tail.status().gaps).toEqual([]);
    renameSync(join(fixture.top, 'a.jsonl'), fixture.path('a.jsonl'));
    expect(fixture.drain()).toEqual(['one']);
  });

  it('of deleted files are forgotten seven days later, and closed at the next ledger', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'two\n');
    await fixture.open();
    fixture.drain();
    const gone = [...fixture.tail.positions()].map(([gen]) => gen);
    unlinkSync(path);
    fixture.look();
    fixture.look();
    fixture.clock.advance(6 * DAY);
    expect([...fixture.tail.positions()]).toHaveLength(2);
    fixture.clock.advance(DAY + 60_000);
    const left = [...fixture.tail.positions()].map(([gen]) => gen);
    expect(left).toHaveLength(1);
    const unknown = await fixture.tail.settle(gone.map((gen) => [gen, 4, 'x'] as const));
    expect(unknown).toContain(gone.find((gen) => !left.includes(gen)));
    await fixture.reopen();
    expect([...fixture.tail.positions()].length).toBeLessThanOrEqual(1);
  });

  it('whose unread bytes were deleted with a file that could not be kept are gaps, not backlog', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'two\n');
    await fixture.open({ link: () => refuse('EROFS') });
    unlinkSync(path);
    fixture.look();
    fixture.look();
    expect(fixture.drain()).toEqual(['two']);
    expect(fixture.tail.status()).toMatchObject({
      backlogBytes: 0, gaps: [{ path, from: 0, to: 4, reason: 'released' }],
    });
    expect(fixture.tail.status().drainedAt).not.toBeNull();
  });

  it('of which nothing is left to read again stay as they are when they are asked for replacement', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    fixture.write('b.jsonl', 'x\n');
    await fixture.open({ link: () => refuse('EROFS') });
    fixture.drain();
    const before = [...fixture.tail.positions()];
    unlinkSync(path);
    fixture.clock.advance(90_000); // looks that close the idle file and find it gone
    for (const [gen] of before) await fixture.tail.rewind(gen, 0, { replace: true });
    expect(fixture.drain()).toEqual(['x']);
    fixture.look();
    expect(fixture.tail.status().gaps).toEqual([]);
    expect([...fixture.tail.positions()]).toEqual(before);
  });

  it('of which a restored collector lacks what is gone here are a gap of just that', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open({ link: () => refuse('EROFS') });
    fixture.drain();
    const [[gen] = []] = [...fixture.tail.positions()];
    fixture.write('b.jsonl', 'x\n');
    unlinkSync(path);
    fixture.clock.advance(90_000);
    expect(gen).toBeDefined();
    if (gen !== undefined) await fixture.tail.settle([[gen, 4, 'whatever']]);
    fixture.look();
    fixture.look();
    expect(fixture.tail.status().gaps).toMatchObject([{ gen, path, from: 4, to: 8, reason: 'released' }]);
  });

  it('that the collector does not recognise are given up for new ones', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    const [[gen] = []] = [...fixture.tail.positions()];
    await fixture.tail.reset(gen!);
    expect([...fixture.tail.positions()]).toEqual([]);
    expect(fixture.drain()).toEqual(['one', 'two']);
    const [[other, offset] = []] = [...fixture.tail.positions()];
    expect(other).not.toBe(gen);
    expect(await fixture.tail.settle([[other!, offset!, 'not the hash of these bytes']])).toEqual([]);
    expect(fixture.drain()).toEqual(['one', 'two']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('name the entries of what is read again for replacement, and only that, restarts included', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    const [[gen] = []] = [...fixture.tail.positions()];
    await fixture.tail.rewind(gen!, 0, { replace: true });
    await fixture.reopen();
    fixture.append('a.jsonl', 'three\n');
    fixture.look();
    const slices = fixture.readAll(undefined, { targetBytes: 1, maxEvents: 500 });
    expect(linesOf(slices)).toEqual(['one', 'two', 'three']);
    expect(slices.map((slice) => slice.entries)).toEqual([['one'], ['two'], undefined]);
  });

  it('are followed from a rewound offset with the carry-over that belongs there', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'l1\nl2\nl3\nl4\n');
    await fixture.open();
    fixture.drain();
    const [[gen] = []] = [...fixture.tail.positions()];
    await fixture.tail.rewind(gen!, 6, { replace: false });
    const [slice] = fixture.readAll();
    expect(slice?.file).toMatchObject({ from: 6, to: 12 });
    expect(slice?.printed.map((text) => /"nth":(\d+)/.exec(text)?.[1])).toEqual(['3', '4']);
    fixture.acknowledgeAll([slice!]);
    // No line begins there.
    await fixture.tail.rewind(gen!, 7, { replace: false });
    expect(fixture.readAll()[0]?.file.from).toBe(0);
  });

  it('that are to go on behind their checkpoint go on from the checkpoint: it is the lower one', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    const [first] = fixture.readAll(undefined, { targetBytes: 1, maxEvents: 500 });
    fixture.acknowledgeAll([first!]);
    await fixture.tail.rewind(first!.file.gen as Generation, 8, { replace: false });
    expect([...fixture.tail.positions()]).toEqual([[first!.file.gen, 4]]);
    const [again] = fixture.readAll();
    expect(again?.file).toMatchObject({ from: 4, to: 8 });
    expect(linesOf([again!])).toEqual(['two']);
  });

  it('that the collector has further than we know begin anew when they were written anew: their old name stands for other bytes', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'one\n');
    await fixture.open();
    // Stored, but the acknowledgements are lost.
    const sent = fixture.readAll().map((slice) => slice.file);
    writeFileSync(path, 'two\nthree\n');
    fixture.look();
    await fixture.tail.settle(sent.map(({ gen, to, tail }) => [gen, to, tail]));
    expect(linesOf(fixture.readAll()).sort()).toEqual(['one', 'three', 'two']);
    const again = await fixture.tail.settle(sent.map(({ gen, to, tail }) => [gen, to, tail]));
    expect(again).toEqual([sent.find((file) => file.path === path)?.gen]);
  });

  it('of which a checkpoint was damaged begin anew, and the problem shows', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    await fixture.tail.close();
    const path = join(fixture.checkpointDir, 'snapshot.jsonl');
    writeFileSync(path, readFileSync(path).fill(7, 100, 110));
    await fixture.open();
    expect(fixture.drain()).toEqual(['one']);
    expect(fixture.tail.status().problems.join()).toContain('set aside');
  });
});

describe('a file whose directory is no source any more', () => {
  async function withoutSource(fixture: TailFixture): Promise<{ path: string; gen: Generation | undefined }> {
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    const [[gen] = []] = [...fixture.tail.positions()];
    await fixture.tail.close();
    const elsewhere = join(fixture.top, 'elsewhere');
    mkdirSync(elsewhere);
    fixture.sources = [lineSource([elsewhere])];
    return { path, gen };
  }

  it.each([['to nothing', ''], ['to less than was read', 'on']])('and is cut %s and deleted then keeps no agent from starting', async (_how, left) => {
    await using fixture = new TailFixture();
    const { path } = await withoutSource(fixture);
    writeFileSync(path, left);
    unlinkSync(path);
    await fixture.open();
    fixture.look();
    fixture.look();
    expect(fixture.drain()).toEqual([]);
    expect(fixture.tail.status().drainedAt).not.toBeNull();
    await fixture.reopen();
    expect(fixture.tail.status().problems).toEqual([]);
  });

  it('and is not what the collector knows is read when it is a source again', async () => {
    await using fixture = new TailFixture();
    const { gen } = await withoutSource(fixture);
    await fixture.open();
    await fixture.tail.reset(gen!);
    fixture.sources = [lineSource([fixture.root])];
    await fixture.reopen();
    expect(fixture.drain()).toEqual(['one', 'two']);
  });
});

describe('lanes', () => {
  it('let live files take turns', async () => {
    await using fixture = new TailFixture();
    for (const name of ['a', 'b', 'c']) fixture.write(`${name}.jsonl`, '');
    await fixture.open();
    for (const name of ['a', 'b', 'c']) fixture.append(`${name}.jsonl`, `${name}1\n${name}2\n`);
    fixture.look();
    const order = linesOf(fixture.readAll('live', { targetBytes: 1, maxEvents: 500 })).map((line) => line[0]);
    expect(new Set(order.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']));
    expect(new Set(order.slice(3))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('read old files newest first, each to its end', async () => {
    await using fixture = new TailFixture();
    for (const [index, name] of ['a', 'c', 'b'].entries()) {
      utimesSync(fixture.write(`${name}.jsonl`, `${name}1\n${name}2\n`), 1_000_000 + index, 1_000_000 + index);
    }
    await fixture.open();
    expect(linesOf(fixture.readAll('backfill', { targetBytes: 1, maxEvents: 500 }))).toEqual(['b1', 'b2', 'c1', 'c2', 'a1', 'a2']);
    expect(createLanes().hasNext('live')).toBe(false);
  });
});
