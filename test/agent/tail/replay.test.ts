import { truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Slice } from '../../../agent/feed.ts';
import type { Position } from '../../../shared/protocol/frames.ts';
import { linesOf, TailFixture } from '../support/tail-fixture.ts';

const ONE_LINE = { targetBytes: 1, maxEvents: 500 };

/** Sends lines and goes back behind them; what was sent. */
const ways: [how: string, goBack: (fixture: TailFixture) => Promise<Slice[]>][] = [
  ['acknowledged, then asked for again', async (fixture) => {
    const sent = fixture.readAll();
    fixture.acknowledgeAll(sent);
    for (const { file: { gen } } of sent) {
      const [known] = [...fixture.tail.positions()].find(([other]) => other === gen) ?? [];
      if (known !== undefined) await fixture.tail.rewind(known, 0, { replace: false });
    }
    return sent;
  }],
  ['on the way when the connection broke', async (fixture) => {
    const sent = fixture.readAll();
    fixture.tail.resync();
    return sent;
  }],
  ['on the way, the first line acknowledged, when the connection broke', async (fixture) => {
    const sent = fixture.readAll(undefined, ONE_LINE);
    fixture.acknowledgeAll(sent.slice(0, 1));
    fixture.tail.resync();
    return sent;
  }],
  ['all of it stored as the ledger says, but acknowledged only in part before a restart', async (fixture) => {
    const sent = fixture.readAll(undefined, ONE_LINE);
    fixture.acknowledgeAll(sent.slice(0, 1));
    await fixture.reopen();
    await fixture.tail.settle(ledgerOf(sent));
    return sent;
  }],
];

function ledgerOf(slices: readonly Slice[]): Position[] {
  return slices.slice(-1).map(({ file: { gen, to, tail } }) => [gen, to, tail]);
}

function finish(fixture: TailFixture): Slice[] {
  const slices = fixture.readAll();
  fixture.look();
  slices.push(...fixture.readAll());
  fixture.acknowledgeAll(slices);
  return slices;
}

describe.each(ways)('lines that were %s', (_how, goBack) => {
  it.each([
    ['cut', 'first\nsecond\n', ['first', 'second']],
    ['cut and written on to the same size', 'first\nsecond\nother\n', ['first', 'second', 'other']],
    ['cut and written on to more', 'first\nsecond\nother and more\n', ['first', 'second', 'other and more']],
  ])('leave their generation to themselves when the file is %s, whether a look or a read finds it', async (_what, content, lines) => {
    for (const isLookedAt of [true, false]) {
      await using fixture = new TailFixture();
      const path = fixture.write('a.jsonl', 'first\nsecond\nthird\n');
      await fixture.open();
      const sent = await goBack(fixture);
      writeFileSync(path, content);
      utimesSync(path, 1, 1);
      if (isLookedAt) fixture.look();
      const again = finish(fixture);
      expect(linesOf(again)).toEqual(lines);
      expect(again.map(({ file }) => file.gen)).not.toContain(sent[0]?.file.gen);
    }
  });

  it('keep their generation when the file only grew', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'first\nsecond\nthird\n');
    await fixture.open();
    const sent = await goBack(fixture);
    fixture.append('a.jsonl', 'fourth\n');
    fixture.look();
    const again = finish(fixture);
    expect(linesOf(again).slice(-3)).toEqual(['second', 'third', 'fourth']);
    expect(new Set(again.map(({ file }) => file.gen))).toEqual(new Set(sent.map(({ file }) => file.gen)));
    // Known to its new end, it may be cut there as any other.
    fixture.append('a.jsonl', 'begun');
    fixture.look();
    truncateSync(fixture.path('a.jsonl'), 26);
    expect(fixture.drain()).toEqual([]);
    expect([...fixture.tail.positions()]).toEqual([[sent[0]?.file.gen, 26]]);
  });
});

describe('going back', () => {
  it('a file that is cut and deleted then is read from its link under another generation', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'first\nsecond\nthird\n');
    await fixture.open();
    const sent = fixture.readAll();
    fixture.tail.resync();
    truncateSync(path, 6);
    fixture.append('a.jsonl', 'other\n');
    unlinkSync(path);
    fixture.look();
    const again = finish(fixture);
    expect(linesOf(again)).toEqual(['first', 'other']);
    expect(again.map(({ file }) => file.gen)).not.toContain(sent[0]?.file.gen);
  });

  it('to a restored collector whose ledger is further than ours, a file with nothing left to read is compared all the same', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'first\nother\n');
    await fixture.open();
    fixture.drain();
    const [[gen] = []] = [...fixture.tail.positions()];
    // The agent that sent more of this generation died before it knew, and the file was cut.
    await fixture.tail.settle([[gen!, 19, 'the hash of other bytes']]);
    expect(linesOf(finish(fixture))).toEqual(['first', 'other']);
    const [[now, offset] = []] = [...fixture.tail.positions()];
    expect(offset).toBe(12);
    expect(now).not.toBe(gen);
    expect(fixture.tail.status().gaps).toEqual([]);
  });

  it.each([
    ['only cut declares a gap of just that', 1500, (first: number) => first + 8],
    // Of a file this short no bytes are left that would tell.
    ['cut so short that it may have been written anew declares a gap of all', 5, () => 0],
  ])('over what was %s', async (_what, length, from) => {
    await using fixture = new TailFixture();
    const first = 'f'.repeat(length);
    const path = fixture.write('a.jsonl', `${first}\nsecond\nthird\n`);
    await fixture.open();
    const [slice] = fixture.readAll();
    fixture.tail.resync();
    truncateSync(path, length + 8);
    expect(fixture.drain()).toEqual([first, 'second']);
    expect(fixture.tail.status().gaps).toMatchObject([{ gen: slice?.file.gen, path, from: from(length), to: length + 14, reason: 'truncated' }]);
  });
});
