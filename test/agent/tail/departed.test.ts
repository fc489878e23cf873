/** Lines that were read and sent, whose file is cut before they are acknowledged: nobody can read them again. */
import { truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Slice } from '../../../agent/feed.ts';
import type { GapReport, Position } from '../../../shared/protocol/frames.ts';
import { positionsDigest } from '../../../shared/protocol/positions.ts';
import { linesOf, TailFixture } from '../support/tail-fixture.ts';

const ONE_LINE = { targetBytes: 1, maxEvents: 500 };
const LINES = 'one\ntwo\nthree\n';
const AFTER_TWO = 'one\ntwo\n'.length;

/** `one` is acknowledged, `two` and `three` are on the way, and the file holds something else. */
async function sendAndCut(fixture: TailFixture): Promise<Slice[]> {
  const path = fixture.write('a.jsonl', LINES);
  await fixture.open();
  const sent = fixture.readAll(undefined, ONE_LINE);
  fixture.acknowledgeAll(sent.slice(0, 1));
  writeFileSync(path, 'new\n');
  fixture.look();
  return sent;
}

function ledgerAfter({ file: { gen, to, tail } }: Slice): Position {
  return [gen, to, tail];
}

function refuse(code: string): never {
  throw Object.assign(new Error(code), { code });
}

function gapsOf(fixture: TailFixture): Pick<GapReport, 'from' | 'to' | 'reason'>[] {
  return fixture.tail.status().gaps.map(({ from, to, reason }) => ({ from, to, reason }));
}

function digestOf(positions: Iterable<readonly [gen: string, offset: number, ...rest: unknown[]]>): string {
  return positionsDigest([...positions].map(([gen, offset]) => [gen, offset]));
}

describe('lines on the way whose file is cut', () => {
  it('are no gap while the ack may come, and none when it has', async () => {
    await using fixture = new TailFixture();
    const sent = await sendAndCut(fixture);
    expect(gapsOf(fixture)).toEqual([]);
    expect(fixture.tail.resync()).toBe(true);
    fixture.acknowledgeAll(sent.slice(1));
    expect(fixture.drain()).toEqual(['new']);
    expect(fixture.tail.resync()).toBe(false);
    const replacement = [...fixture.tail.positions()].map(([gen, offset]): Position => [gen, offset, '']);
    expect(replacement).toHaveLength(1);
    await fixture.tail.settle(replacement);
    expect(gapsOf(fixture)).toEqual([]);
  });

  it('hold back how complete all is, until it is known what of them is stored', async () => {
    for (const isStored of [false, true]) {
      await using fixture = new TailFixture();
      const path = fixture.write('a.jsonl', LINES);
      await fixture.open();
      const sent = fixture.readAll();
      writeFileSync(path, '');
      fixture.clock.advance(60_000);
      expect(fixture.tail.status()).toMatchObject({ drainedAt: null, gaps: [] });
      if (isStored) fixture.acknowledgeAll(sent);
      else await fixture.tail.settle([]);
      fixture.look();
      expect(fixture.tail.status().drainedAt).not.toBeNull();
      expect(gapsOf(fixture)).toHaveLength(isStored ? 0 : 1);
    }
  });

  it.each([
    ['nothing of them', 0, [{ from: 4, to: LINES.length, reason: 'truncated' }]],
    ['the first of them', 1, [{ from: AFTER_TWO, to: LINES.length, reason: 'truncated' }]],
    ['all of them', 2, []],
  ])('are a gap after the connection broke, but for what the ledger says was stored: %s', async (_what, stored, gaps) => {
    for (const isRestarted of [false, true]) {
      await using fixture = new TailFixture();
      const sent = await sendAndCut(fixture);
      if (isRestarted) await fixture.reopen();
      else fixture.tail.resync();
      const ledger = [ledgerAfter(sent[stored]!)];
      // Were the digests equal, the collector would not tell its ledger.
      expect(digestOf(fixture.tail.positions())).not.toBe(digestOf(ledger));
      await fixture.tail.settle(ledger);
      expect(gapsOf(fixture)).toEqual(gaps);
      // Not everything that ever was is in doubt.
      for (const { t_from: since } of fixture.tail.status().gaps) expect(since).not.toBe('');
      expect(fixture.drain()).toEqual(['new']);
      expect([...fixture.tail.positions()].map(([, offset]) => offset)).toEqual([4]);
    }
  });

  it('are no gap as far as the file was only cut behind them', async () => {
    await using fixture = new TailFixture();
    const head = 'x'.repeat(1500);
    const path = fixture.write('a.jsonl', `${head}\ntwo\nthree\n`);
    await fixture.open();
    expect(fixture.readAll(undefined, ONE_LINE)).toHaveLength(3);
    truncateSync(path, head.length + 5);
    fixture.look();
    fixture.tail.resync();
    await fixture.tail.settle([]);
    expect(fixture.drain()).toEqual([head, 'two']);
    expect(gapsOf(fixture)).toEqual([{ from: head.length + 5, to: head.length + 11, reason: 'truncated' }]);
  });

  it('are no gap as far as the file was only cut behind them before it was deleted, where nothing was kept of it', async () => {
    for (const left of [0, 1505]) {
      await using fixture = new TailFixture();
      const head = 'x'.repeat(1500);
      const path = fixture.write('a.jsonl', `${head}\ntwo\nthree\n`);
      fixture.write('another.jsonl', '');
      await fixture.open({ link: () => refuse('EPERM') }, { keptLimitBytes: 0 });
      expect(fixture.readAll(undefined, ONE_LINE)).toHaveLength(3);
      truncateSync(path, left);
      unlinkSync(path);
      fixture.look();
      fixture.tail.resync();
      await fixture.tail.settle([]);
      expect(fixture.drain()).toEqual(left === 0 ? [] : [head, 'two']);
      expect(gapsOf(fixture)).toEqual([{ from: left, to: head.length + 11, reason: 'truncated' }]);
    }
  });

  it('are a gap from where the file is still the same, when it was cut further than it shows, and has grown again', async () => {
    await using fixture = new TailFixture();
    const head = 'x'.repeat(1500);
    const path = fixture.write('a.jsonl', `${head}\ntwo\nthree\n`);
    await fixture.open();
    expect(fixture.readAll(undefined, ONE_LINE)).toHaveLength(3);
    writeFileSync(path, `${head}\nother\n`);
    fixture.look();
    fixture.tail.resync();
    await fixture.tail.settle([]);
    expect(fixture.drain()).toEqual([head, 'other']);
    expect(gapsOf(fixture)).toEqual([{ from: head.length + 1, to: head.length + 11, reason: 'truncated' }]);
  });

  it('and not sent again since the connection broke, are a gap from the beginning when the file is written anew, whatever its size', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', LINES);
    await fixture.open();
    fixture.readAll();
    fixture.tail.resync();
    writeFileSync(path, 'new\n');
    fixture.look();
    await fixture.tail.settle([]);
    expect(fixture.drain()).toEqual(['new']);
    expect(gapsOf(fixture)).toEqual([{ from: 0, to: LINES.length, reason: 'truncated' }]);
  });

  it('are told as a gap to a collector that has nothing of that file at all', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', LINES);
    await fixture.open();
    expect(linesOf(fixture.readAll())).toEqual(['one', 'two', 'three']);
    writeFileSync(path, 'new\n');
    fixture.look();
    fixture.tail.resync();
    expect(digestOf(fixture.tail.positions())).not.toBe(digestOf([]));
    await fixture.tail.settle([]);
    expect(gapsOf(fixture)).toEqual([{ from: 0, to: LINES.length, reason: 'truncated' }]);
  });
});

describe('a deleted file that has to make room while lines of it are on their way', () => {
  /** `one` and `two` are on their way, `three` was seen and not read, and all must go. */
  async function sendAndDelete(fixture: TailFixture): Promise<Slice[]> {
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    fixture.write('b.jsonl', 'b\n');
    await fixture.open({}, { keptLimitBytes: 4 });
    const sent = fixture.readAll();
    fixture.acknowledgeAll(sent.filter(({ file }) => file.path !== path));
    fixture.append('a.jsonl', 'three\n');
    fixture.look();
    unlinkSync(path);
    fixture.clock.advance(90_000);
    return sent.filter(({ file }) => file.path === path);
  }

  it('stays until they are acknowledged, and has lost only what was not sent then', async () => {
    await using fixture = new TailFixture();
    const sent = await sendAndDelete(fixture);
    expect(linesOf(sent)).toEqual(['one', 'two']);
    expect(fixture.tail.status()).toMatchObject({ gaps: [], keptBytes: 14, drainedAt: null });
    fixture.acknowledgeAll(sent);
    expect(fixture.tail.status()).toMatchObject({ gaps: [], drainedAt: expect.any(Number) as number });
    fixture.look();
    expect(fixture.tail.status()).toMatchObject({ gaps: [{ from: 8, to: 14, reason: 'released' }], keptBytes: 0 });
  });

  it('has lost what the ledger lacks, when the connection breaks', async () => {
    await using fixture = new TailFixture();
    const [slice] = await sendAndDelete(fixture);
    await fixture.tail.settle([[slice!.file.gen, 4, 'whatever']]);
    fixture.look();
    expect(gapsOf(fixture)).toEqual([{ from: 4, to: 14, reason: 'released' }]);
  });

  it('is not made up for by a younger one', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open({}, { keptLimitBytes: 6 });
    const sent = fixture.readAll();
    const younger = fixture.write('b.jsonl', 'three\n');
    fixture.write('c.jsonl', '');
    for (const each of [path, younger]) {
      fixture.look();
      unlinkSync(each);
      fixture.clock.advance(90_000);
    }
    expect(fixture.tail.status()).toMatchObject({ gaps: [], keptBytes: 14 });
    fixture.acknowledgeAll(sent);
    fixture.look();
    expect(fixture.tail.status()).toMatchObject({ gaps: [], keptBytes: 6 });
    expect(fixture.drain()).toEqual(['three']);
  });

  it('is forgotten when that is asked for, and no look counts as drained before it is known what of it is stored', async () => {
    for (const isLost of [false, true]) {
      await using fixture = new TailFixture();
      const path = fixture.write('a.jsonl', 'one\ntwo\n');
      fixture.write('b.jsonl', '');
      await fixture.open();
      const sent = fixture.readAll();
      fixture.append('a.jsonl', 'three\n');
      unlinkSync(path);
      fixture.look();
      expect(fixture.tail.forget(path)).toEqual([{ path, bytes: 14, lostBytes: 6, onTheWayBytes: 8 }]);
      fixture.clock.advance(60_000);
      expect(fixture.tail.status()).toMatchObject({ drainedAt: null, gaps: [{ from: 8, to: 14 }] });
      if (isLost) await fixture.tail.settle([[sent[0]!.file.gen, 4, 'whatever']]);
      else fixture.acknowledgeAll(sent);
      fixture.look();
      expect(fixture.tail.status().drainedAt).not.toBeNull();
      const unsent = { from: 8, to: 14, reason: 'released' };
      expect(gapsOf(fixture)).toEqual(isLost ? [{ from: 4, to: 8, reason: 'released' }, unsent] : [unsent]);
    }
  });
});
