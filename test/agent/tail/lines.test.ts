import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBadLines } from '../../../agent/tail/bad-lines.ts';
import { printEvent } from '../../../agent/tail/printed-event.ts';
import { LINE_BYTES, WIRE_LIMITS } from '../../../shared/limits.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { formatEventId } from '../support/line-event.ts';
import { lineSource } from '../support/line-source.ts';
import { linesOf, TailFixture } from '../support/tail-fixture.ts';

function badRecords(fixture: TailFixture): unknown[] {
  return readFileSync(join(fixture.badDir, 'current.jsonl'), 'utf8').trim().split('\n').map((line): unknown => JSON.parse(line));
}

describe('lines', () => {
  it('of which parts arrive, cut inside a character, come once and whole', async () => {
    await using fixture = new TailFixture();
    const bytes = Buffer.from('ein äußerst langer Satz 🙂\n');
    fixture.write('a.jsonl', '');
    await fixture.open();
    for (const byte of bytes.subarray(0, -1)) {
      fixture.append('a.jsonl', Buffer.from([byte]));
      fixture.look();
      expect(fixture.readAll()).toEqual([]);
    }
    fixture.append('a.jsonl', '\n');
    fixture.look();
    expect(linesOf(fixture.readAll())).toEqual(['ein äußerst langer Satz 🙂']);
  });

  it('keep one generation while the file grows byte by byte through the sizes of its hashes', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', '');
    await fixture.open();
    for (let count = 0; count < 700; count += 1) {
      fixture.append('a.jsonl', 'x\n');
      expect(fixture.drain()).toEqual(['x']);
    }
    expect([...fixture.tail.positions()].map(([, offset]) => offset)).toEqual([1400]);
  });

  it('lose a carriage return and count when empty, but give nothing', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\r\n\n\r\ntwo\n');
    await fixture.open();
    const slices = fixture.readAll();
    expect(linesOf(slices)).toEqual(['one', 'two']);
    expect(slices[0]?.file.to).toBe(12);
  });

  it.each([['to the same size', 'anew\n'], ['longer', 'an\new and more']])('without an end that are cut and written anew, %s, come as they are then', async (_how, text) => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'open!');
    await fixture.open();
    expect(fixture.drain()).toEqual([]);
    writeFileSync(path, text);
    // Within one tick of the file system's clock it would look untouched.
    utimesSync(path, 1, 1);
    expect(fixture.drain()).toEqual([text.slice(0, text.indexOf('\n'))]);
  });

  it('without an end wait for it as long as it takes, and come once', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\nhalf a ');
    await fixture.open();
    expect(fixture.drain()).toEqual(['one']);
    for (let minute = 0; minute < 10; minute += 1) {
      fixture.clock.advance(60_000);
      expect(fixture.drain()).toEqual([]);
    }
    fixture.append('a.jsonl', 'line\n');
    expect(fixture.drain()).toEqual(['half a line']);
    expect(fixture.drain()).toEqual([]);
  });

  it('longer than the read buffer come whole', async () => {
    await using fixture = new TailFixture();
    const long = 'y'.repeat(3_000_000);
    fixture.write('a.jsonl', `one\n${long}\ntwo\n`);
    await fixture.open();
    const [first, second, third] = fixture.readAll(undefined, { targetBytes: 1, maxEvents: 500 });
    expect(linesOf([first!])).toEqual(['one']);
    expect(second?.printedBytes).toBeLessThanOrEqual(WIRE_LIMITS.eventBytes);
    expect(second?.file).toMatchObject({ from: 4, to: 4 + long.length + 1 });
    expect(linesOf([third!])).toEqual(['two']);
  });

  it('longer than 16 MiB are bad, are not kept, and the next one follows', async () => {
    await using fixture = new TailFixture();
    const long = Buffer.alloc(LINE_BYTES + 5_000_000, 'z');
    fixture.write('a.jsonl', Buffer.concat([Buffer.from('one\n'), long, Buffer.from('\ntwo\n')]));
    await fixture.open();
    expect(fixture.drain()).toEqual(['one', 'two']);
    expect(fixture.tail.status().badLines).toBe(1);
    expect(badRecords(fixture)).toMatchObject([{
      offset: 4, length: long.length, reason: 'line_too_long', hash: createHash('sha256').update(long).digest('hex'),
      head: long.subarray(0, 4096).toString('base64'),
    }]);
  });

  it('longer than 16 MiB and still unterminated wait without being read again and again', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', Buffer.alloc(LINE_BYTES + 1_000_000, 'z'));
    await fixture.open();
    expect(fixture.readAll()).toEqual([]);
    expect(fixture.tail.status().backlogBytes).toBe(0);
    const before = fixture.files.bytesRead;
    fixture.append('a.jsonl', 'zzz');
    fixture.look();
    expect(fixture.readAll()).toEqual([]);
    expect(fixture.files.bytesRead - before).toBeLessThan(10_000);
    fixture.append('a.jsonl', '\ntwo\n');
    expect(fixture.drain()).toEqual(['two']);
  });

  it('of an unknown type are counted, whatever it is called', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'type constructor\ntype toString\ntype __proto__\ntype constructor\n');
    await fixture.open();
    fixture.readAll();
    expect(Object.entries(fixture.tail.status().unknownEntries)).toEqual([['constructor', 2], ['toString', 1], ['__proto__', 1]]);
  });

  it('that give nothing are kept in bad/ and counted once, however often they are read', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\nbad line\nunknown thing\ntwo\n');
    await fixture.open();
    expect(linesOf(fixture.readAll())).toEqual(['one', 'two']);
    fixture.tail.resync();
    expect(fixture.drain()).toEqual(['one', 'two']);
    expect(fixture.tail.status()).toMatchObject({ badLines: 1, unknownEntries: { 'unknown thing': 1 } });
    expect(badRecords(fixture)).toMatchObject([{ offset: 4, length: 8, reason: 'not_json', head: Buffer.from('bad line').toString('base64') }]);
    await fixture.reopen();
    expect(fixture.tail.status().badLines).toBe(1);
  });

  it('without an end are shipped when their file is gone for good, if they parse', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n{"a":1}');
    const torn = fixture.write('b.jsonl', 'one b\n{"a":');
    fixture.write('c.jsonl', '');
    await fixture.open();
    expect(fixture.drain().sort()).toEqual(['one', 'one b']);
    unlinkSync(path);
    unlinkSync(torn);
    fixture.look();
    expect(fixture.readAll()).toEqual([]);
    fixture.look();
    expect(linesOf(fixture.readAll())).toEqual(['{"a":1}']);
    expect(fixture.tail.status().gaps).toMatchObject([{ path: torn, from: 6, to: 11, reason: 'unterminated' }]);
  });
});

describe('a file that cannot be read', () => {
  it('is named, does not stop the others, and is read when it can be', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', 'two\n');
    fixture.files.fail.set(path, 'EIO');
    await fixture.open();
    expect(fixture.drain()).toEqual(['two']);
    expect(fixture.tail.status()).toMatchObject({ problems: [expect.stringContaining(`cannot read ${path}: EIO; `)], drainedAt: null, backlogBytes: 4, isBlocked: true });
    fixture.files.fail.clear();
    expect(fixture.drain()).toEqual(['one']);
    expect(fixture.tail.status().problems).toEqual([]);
    expect(fixture.tail.status().drainedAt).not.toBeNull();
  });

  it.skipIf(process.getuid?.() === 0)('because its directory is closed is not taken for deleted', async () => {
    await using fixture = new TailFixture();
    fixture.write('x/a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    chmodSync(fixture.path('x'), 0);
    fixture.look();
    expect(fixture.tail.status().problems).toEqual([expect.stringContaining(`cannot read ${fixture.path('x')}: EACCES; `)]);
    chmodSync(fixture.path('x'), 0o700);
    expect(fixture.drain()).toEqual([]);
  });
});

describe('a place that cannot be looked at', () => {
  it.each([
    ['a directory that is closed to us', (fixture: TailFixture) => fixture.path('x'), 'EACCES'],
    ['a file in a directory that may be listed only', (fixture: TailFixture) => fixture.path('x/a.jsonl'), 'EACCES'],
    ['a file on a damaged disk', (fixture: TailFixture) => fixture.path('x/a.jsonl'), 'EIO'],
  ])('%s, holds back how complete all is, says what to do, and no more than that', async (_what, placeOf, code) => {
    await using fixture = new TailFixture();
    fixture.write('x/a.jsonl', 'one\n');
    fixture.write('y/b.jsonl', 'two\n');
    const place = placeOf(fixture);
    fixture.files.failLook.set(place, code);
    await fixture.open();
    expect(fixture.tail.status().isBlocked).toBe(false);
    expect(fixture.drain()).toEqual(['two']);
    expect(fixture.tail.status()).toMatchObject({
      drainedAt: null, isBlocked: true,
      problems: [`cannot read ${place}: ${code}; nothing newer counts as complete until the agent's user can read it, or it is moved away`],
    });
    fixture.files.failLook.clear();
    expect(fixture.drain()).toEqual(['one']);
    const { drainedAt } = fixture.tail.status();
    expect(fixture.tail.status()).toMatchObject({ drainedAt: expect.any(Number) as number, problems: [], isBlocked: false });
    // It may have grown since, although all that was met is acknowledged.
    fixture.files.failLook.set(place, code);
    fixture.clock.advance(60_000);
    expect(fixture.tail.status().drainedAt).toBe(drainedAt);
    await fixture.reopen();
    fixture.look();
    expect(fixture.tail.status()).toMatchObject({ drainedAt: null, isBlocked: true });
  });

  it('counts no more when it is gone', async () => {
    await using fixture = new TailFixture();
    fixture.write('x/y/a.jsonl', 'one\n');
    fixture.files.failLook.set(fixture.path('x/y'), 'EACCES');
    await fixture.open();
    expect(fixture.tail.status()).toMatchObject({ drainedAt: null });
    rmSync(fixture.path('x'), { recursive: true });
    fixture.look();
    expect(fixture.tail.status()).toMatchObject({ drainedAt: expect.any(Number) as number, problems: [] });
  });

  it.each(['a.jsonl', 'x/a.jsonl'])('because its name is not UTF-8 (%s) is one of them', async (name) => {
    await using fixture = new TailFixture();
    fixture.write('b.jsonl', 'two\n');
    const place = Buffer.from(fixture.path(name).replace('a.jsonl', '\xFFa.jsonl').replace('/x/', '/x\xFF/'), 'latin1');
    mkdirSync(place.subarray(0, place.lastIndexOf('/')), { recursive: true });
    writeFileSync(place, 'one\n');
    symlinkSync('nowhere', fixture.path('dangling.jsonl'));
    symlinkSync('round.jsonl', fixture.path('round.jsonl'));
    await fixture.open();
    expect(fixture.drain()).toEqual(['two']);
    expect(fixture.tail.status()).toMatchObject({ drainedAt: null, problems: [expect.stringMatching(/its name is not UTF-8; .* until it is renamed/)] });
    rmSync(place);
    rmSync(place.subarray(0, place.lastIndexOf('/')), { recursive: true, force: true });
    fixture.write('b.jsonl', 'two\n');
    fixture.look();
    expect(fixture.tail.status()).toMatchObject({ problems: [] });
  });

  it('is none below a root whose files lie in it themselves', async () => {
    await using fixture = new TailFixture();
    fixture.sources = [{ ...lineSource([fixture.root]), isFlat: true }];
    fixture.write('a.jsonl', 'one\n');
    fixture.write('lost+found/b.jsonl', 'two\n');
    fixture.files.failLook.set(fixture.path('lost+found'), 'EACCES');
    await fixture.open();
    expect(fixture.drain()).toEqual(['one']);
    expect(fixture.tail.status()).toMatchObject({ drainedAt: expect.any(Number) as number, problems: [] });
  });

  it('and is deleted then is read from its link', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\n');
    fixture.write('b.jsonl', '');
    await fixture.open();
    fixture.files.failLook.set(path, 'EIO');
    expect(fixture.drain()).toEqual([]);
    fixture.files.failLook.clear();
    unlinkSync(path);
    fixture.look();
    expect(fixture.drain()).toEqual(['one']);
    expect(fixture.tail.status().problems).toEqual([]);
  });

  it('and is deleted then is tried again after each look where its link cannot be read either, and may be forgotten', async () => {
    for (const isForgotten of [false, true]) {
      await using fixture = new TailFixture();
      const path = fixture.write('a.jsonl', 'one\n');
      fixture.write('b.jsonl', '');
      await fixture.open();
      const [link] = readdirSync(fixture.keptDir).filter((name) => name !== 'index.jsonl');
      fixture.files.fail.set(join(fixture.keptDir, link ?? ''), 'EIO');
      unlinkSync(path);
      for (let round = 0; round < 3; round += 1) {
        expect(fixture.drain()).toEqual([]);
        const problem = `cannot read what is kept of ${path}: EIO; nothing newer counts as complete until the agent's user can read it, or tt-agent forget ${path} gives it up`;
        expect(fixture.tail.status()).toMatchObject({ drainedAt: null, isBlocked: true, problems: [problem] });
      }
      const forgotten = isForgotten ? fixture.tail.forget(path) : [];
      expect(forgotten.map(({ lostBytes }) => lostBytes)).toEqual(isForgotten ? [4] : []);
      if (!isForgotten) fixture.files.fail.clear();
      expect(fixture.drain()).toEqual(isForgotten ? [] : ['one']);
      expect(fixture.tail.status()).toMatchObject({ drainedAt: expect.any(Number) as number, isBlocked: false, problems: [] });
    }
  });
});

describe('the ring of bad lines', () => {
  it('drops its older half when the newer one is full', async () => {
    await using fixture = new TailFixture();
    const ring = openBadLines(fixture.badDir, { ringBytes: 4_000 });
    const line = { gen: 'g', path: 'p', length: 3, hash: 'h', reason: 'r', head: Buffer.from('abc') };
    for (let offset = 0; offset < 100; offset += 1) ring.record({ ...line, offset });
    const kept = ['previous.jsonl', 'current.jsonl'].flatMap((name) => readFileSync(join(fixture.badDir, name), 'utf8').trim().split('\n'));
    expect(kept.join('').length).toBeLessThan(4_000);
    expect(JSON.parse(kept.at(-1)!)).toMatchObject({ offset: 99 });
    expect(ring.count).toBe(100);
    expect(openBadLines(fixture.badDir).count).toBe(kept.length);
  });

  it('says why it cannot be written and goes on counting', async () => {
    await using fixture = new TailFixture();
    writeFileSync(fixture.badDir, 'a file where the directory should be');
    const ring = openBadLines(join(fixture.badDir, 'below'));
    ring.record({ gen: 'g', path: 'p', offset: 0, length: 3, hash: 'h', reason: 'r', head: Buffer.from('abc') });
    expect(ring.count).toBe(1);
    expect(ring.problem).toContain('cannot keep bad lines');
  });
});

describe('a printed event', () => {
  const event = formatEventId('x');

  it('that is too large loses text, never what says which event it is', () => {
    const printed = printEvent({ ...event, text: '🙂'.repeat(100_000), nested: { deep: ['w'.repeat(90_000)] }, n: 5 });
    expect(printed?.bytes).toBeLessThanOrEqual(WIRE_LIMITS.eventBytes);
    expect(printed?.bytes).toBe(Buffer.byteLength(printed?.text ?? ''));
    const back: unknown = JSON.parse(printed?.text ?? '');
    expect(back).toMatchObject({ ...event, n: 5 });
    expect(printed?.text).toContain('…[cut]');
  });

  it('is refused when it stays too large or nests too deeply', () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`key${index}`, index]));
    expect(printEvent({ ...event, ...many })).toBeUndefined();
    let deep: JsonValue = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(printEvent({ ...event, deep })).toBeUndefined();
    let shallow: JsonValue = '[[[{"\\'.repeat(300);
    for (let level = 0; level < 100; level += 1) shallow = [shallow];
    expect(printEvent({ ...event, shallow })).toBeDefined();
  });
});
