import { appendFileSync, linkSync, mkdirSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SourceKind } from '../../../agent/extraction.ts';
import { LIMITS, linesOf, TailFixture } from '../support/tail-fixture.ts';

describe('a tailer', () => {
  it('hands out every complete line once and acknowledges it into the checkpoint', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\ntwo\nthr');
    const tail = await fixture.open();
    const slices = fixture.readAll();
    expect(linesOf(slices)).toEqual(['one', 'two']);
    expect(slices[0]?.file).toMatchObject({ from: 0, to: 8, events: 2 });
    expect([...tail.positions()]).toEqual([]);
    fixture.acknowledgeAll(slices);
    expect([...tail.positions()]).toEqual([[slices[0]?.file.gen, 8]]);
    fixture.append('a.jsonl', 'ee\n');
    expect(fixture.drain()).toEqual(['three']);
    expect([...tail.positions()]).toEqual([[slices[0]?.file.gen, 14]]);
  });

  it('goes on after a restart where the acknowledgements ended, without opening what did not change', async () => {
    await using fixture = new TailFixture();
    for (let file = 0; file < 50; file += 1) fixture.write(`d${file % 5}/f${file}.jsonl`, `line ${file}\npart`);
    await fixture.open();
    expect(fixture.drain()).toHaveLength(50);
    fixture.append('d0/f0.jsonl', 'ial\n');
    expect(fixture.drain()).toEqual(['partial']);
    const before = new Map(fixture.tail.positions());
    await fixture.tail.close();
    const opened = fixture.files.opened;
    await fixture.open();
    expect(new Map(fixture.tail.positions())).toEqual(before);
    expect(fixture.readAll()).toEqual([]);
    expect(fixture.files.opened).toBe(opened);
  });

  it('starts a new generation at 0 when a file was cut and grew again', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'same\nold\n');
    await fixture.open();
    fixture.drain();
    const [first] = [...fixture.tail.positions()];
    truncateSync(path, 0);
    appendFileSync(path, 'same\nnew\nnewer and longer than before\n');
    expect(fixture.drain()).toEqual(['same', 'new', 'newer and longer than before']);
    const [second] = [...fixture.tail.positions()];
    expect(second?.[0]).not.toBe(first?.[0]);
  });

  it('keeps the generation of a renamed file, in another directory too', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('x/a.jsonl', 'one\ntwo\n');
    mkdirSync(fixture.path('y'));
    await fixture.open();
    fixture.drain();
    const before = [...fixture.tail.positions()];
    renameSync(path, fixture.path('y/b.jsonl'));
    fixture.append('y/b.jsonl', 'three\n');
    expect(fixture.drain()).toEqual(['three']);
    expect([...fixture.tail.positions()]).toEqual([[before[0]?.[0], 14]]);
  });

  it('reads the rest of a deleted file through its open descriptor', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    fixture.append('a.jsonl', 'two\n');
    unlinkSync(path);
    fixture.watcher?.tell(path, true);
    fixture.look();
    fixture.look();
    expect(linesOf(fixture.readAll())).toEqual(['two']);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it('reads a hard link once', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    linkSync(path, fixture.path('b.jsonl'));
    await fixture.open();
    expect(fixture.drain()).toEqual(['one']);
    rmSync(path);
    fixture.append('b.jsonl', 'two\n');
    expect(fixture.drain()).toEqual(['two']);
  });

  it('lets live lines pass what was there before, and old files come newest first', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'a1\n');
    fixture.write('b.jsonl', 'b1\n');
    fixture.write('c.jsonl', 'c1\n');
    const tail = await fixture.open();
    expect(tail.hasWork('live')).toBe(false);
    fixture.append('a.jsonl', 'a2\n');
    fixture.write('new.jsonl', 'n1\n');
    fixture.look();
    expect(linesOf(fixture.readAll('live')).sort()).toEqual(['a1', 'a2', 'n1']);
    expect(linesOf(fixture.readAll('backfill'))).toEqual(['c1', 'b1']);
  });

  it('never has both lanes of a generation unacknowledged', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'a1\n');
    const tail = await fixture.open();
    const [old] = fixture.readAll('backfill');
    fixture.append('a.jsonl', 'a2\n');
    fixture.look();
    expect(tail.hasWork('live')).toBe(false);
    expect(tail.hasWork('backfill')).toBe(false);
    tail.acknowledge(old!.receipt);
    expect(linesOf(fixture.readAll('live'))).toEqual(['a2']);
  });

  it('reads again from the checkpoint after a resync, and old receipts move nothing', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'a1\na2\na3\n');
    const tail = await fixture.open();
    const slices = fixture.readAll(undefined, { targetBytes: 1, maxEvents: 500 });
    expect(slices).toHaveLength(3);
    tail.acknowledge(slices[2]!.receipt);
    tail.acknowledge(slices[0]!.receipt);
    expect([...tail.positions()]).toEqual([[slices[0]!.file.gen, 3]]);
    tail.resync();
    tail.acknowledge(slices[1]!.receipt);
    expect([...tail.positions()]).toEqual([[slices[0]!.file.gen, 3]]);
    const again = fixture.readAll();
    expect(linesOf(again)).toEqual(['a2', 'a3']);
    expect(again[0]?.file.prev).toBe(slices[1]?.file.prev);
  });

  it('starts each generation at the lower of ledger and checkpoint', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'a1\na2\na3\n');
    const tail = await fixture.open();
    const slices = fixture.readAll(undefined, { targetBytes: 1, maxEvents: 500 });
    fixture.acknowledgeAll(slices);
    const stranger = '0'.repeat(32);
    const { gen, tail: hash } = slices[0]!.file;
    expect(await tail.settle([[gen, 3, hash], [stranger, 7, 'x']])).toEqual([stranger]);
    expect([...tail.positions()]).toEqual([[gen, 3]]);
    expect(linesOf(fixture.readAll())).toEqual(['a2', 'a3']);
    await fixture.reopen();
    expect([...fixture.tail.positions()]).toEqual([[gen, 3]]);
    expect(linesOf(fixture.readAll())).toEqual(['a2', 'a3']);
  });

  it('says what waits and up to when it is drained', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'a1\npart');
    const tail = await fixture.open();
    const startedAt = fixture.clock.now();
    expect(tail.status()).toMatchObject({ drainedAt: null, files: 1 });
    const slices = fixture.readAll();
    expect(tail.status()).toMatchObject({ backlogBytes: 3, drainedAt: null });
    fixture.clock.advance(50);
    fixture.acknowledgeAll(slices);
    expect(tail.status()).toMatchObject({ backlogBytes: 0, drainedAt: startedAt, oldestUnackedAt: null });
  });

  it('is not drained of a file that was written anew with as many bytes before these are acknowledged', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    const tail = await fixture.open();
    fixture.drain();
    fixture.clock.advance(5000);
    const { drainedAt } = tail.status();
    writeFileSync(path, 'new\n');
    fixture.look();
    const slices = fixture.readAll();
    expect(linesOf(slices)).toEqual(['new']);
    expect(tail.status().drainedAt).toBe(drainedAt);
    fixture.acknowledgeAll(slices);
    expect(tail.status().drainedAt).toBeGreaterThan(drainedAt ?? Infinity);
  });

  it('never says that it is drained up to a time to come, whatever is done to the clock', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    const tail = await fixture.open();
    fixture.drain();
    fixture.clock.advance(10_000);
    const { drainedAt } = tail.status();
    if (drainedAt === null) throw new Error('it was drained');
    fixture.clock.jump(-3_600_000);
    // The same look, by the clock of now. Not even with time does it become more, while something waits.
    const inPresentTime = drainedAt - 3_600_000;
    expect(tail.status().drainedAt).toBe(inPresentTime);
    fixture.append('a.jsonl', 'two\n');
    fixture.clock.advance(60_000);
    expect(tail.status().drainedAt).toBe(inPresentTime);
    fixture.clock.jump(7_200_000);
    expect(tail.status().drainedAt).toBe(inPresentTime);
    fixture.drain();
    fixture.drain();
    expect(tail.status().drainedAt).toBe(fixture.clock.now());
  });

  it('finds new directories, and roots that did not exist', async () => {
    await using fixture = new TailFixture();
    rmSync(fixture.root, { recursive: true });
    await fixture.open();
    fixture.write('x/y/a.jsonl', 'one\n');
    fixture.watcher?.tell(fixture.root, true);
    expect(linesOf(fixture.readAll())).toEqual(['one']);
    fixture.write('x/z/b.jsonl', 'two\n');
    fixture.watcher?.tell(fixture.path('x/z'), true);
    expect(linesOf(fixture.readAll())).toEqual(['two']);
  });

  it('gives each of two sources with the same root its own files', async () => {
    await using fixture = new TailFixture();
    const [line] = fixture.sources;
    const read: string[] = [];
    const only = (name: string): SourceKind => ({
      ...line!, matches: (path) => path.endsWith(name),
      open: (file, carry) => (read.push(`${name} ${basename(file.path)}`), line!.open(file, carry)),
    });
    fixture.sources = [only('events.jsonl'), only('status.jsonl')];
    fixture.write('events.jsonl', 'one\n');
    await fixture.open();
    const path = fixture.write('status.jsonl', 'two\n');
    fixture.watcher?.tell(path, true);
    expect(linesOf(fixture.readAll()).sort((a, b) => a.localeCompare(b))).toEqual(['one', 'two']);
    await fixture.reopen();
    fixture.readAll();
    expect(new Set(read)).toEqual(new Set(['events.jsonl events.jsonl', 'status.jsonl status.jsonl']));
  });

  it('delivers everything by looking alone within 15 s', async () => {
    await using fixture = new TailFixture();
    await fixture.open({ watchers: { chokidar: null, plain: null } });
    fixture.clock.advance(1_000);
    fixture.write('x/a.jsonl', 'one\n');
    fixture.clock.advance(15_000);
    expect(linesOf(fixture.readAll())).toEqual(['one']);
    expect(fixture.woken).toBeGreaterThan(0);
    fixture.append('x/a.jsonl', 'two\n');
    fixture.clock.advance(15_000);
    expect(linesOf(fixture.readAll('live', LIMITS))).toEqual(['two']);
  });

  it('replaces a file renamed over another by a new generation, unless it continues it', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open();
    fixture.drain();
    const [before] = [...fixture.tail.positions()];
    writeFileSync(join(fixture.top, 'next'), 'one\ntwo\nthree\n');
    renameSync(join(fixture.top, 'next'), path);
    expect(fixture.drain()).toEqual(['three']);
    expect([...fixture.tail.positions()]).toEqual([[before?.[0], 14]]);
    writeFileSync(join(fixture.top, 'next'), 'two\nthree\n');
    renameSync(join(fixture.top, 'next'), path);
    expect(fixture.drain()).toEqual(['two', 'three']);
  });
});
