/** What becomes of kept files where `kept/` itself is cleared, or its disk refuses. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKeptFiles, type KeptFiles } from '../../../agent/tail/kept-files.ts';
import { createTailedFile } from '../../../agent/tail/tailed-file.ts';
import { mintGeneration } from '../../../agent/tail/generation.ts';
import { refuse, TailFixture } from '../support/tail-fixture.ts';

const HOUR = 3_600_000;

function links(fixture: TailFixture): string[] {
  return existsSync(fixture.keptDir) ? readdirSync(fixture.keptDir).filter((name) => name !== 'index.jsonl') : [];
}

describe('that a file cannot be kept', () => {
  it('is said no longer than it may be lost by it', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open({ link: () => refuse('ENOSPC') });
    expect(fixture.tail.status().problems.join()).toContain('it is lost');
    fixture.drain();
    fixture.look();
    expect(fixture.tail.status().problems).toEqual([]);
  });

  it('is said of its present generation only', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'one\ntwo\n');
    await fixture.open({ link: () => refuse('ENOSPC') });
    fixture.readAll();
    truncateSync(path, 0);
    fixture.look();
    expect(fixture.tail.status().problems).toEqual([]);
  });
});

describe('a cleared kept/', () => {
  it.each([
    ['wholly', (directory: string) => rmSync(directory, { recursive: true })],
    ['but for the directory', (directory: string) => {
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    }],
  ])('%s, is filled again by the looks at files that are there, and read by a restart', async (_how, clear) => {
    await using fixture = new TailFixture();
    const a = fixture.write('a.jsonl', 'one\n');
    fixture.write('c.jsonl', '');
    await fixture.open();
    expect(links(fixture)).toHaveLength(1);
    clear(fixture.keptDir);
    const b = fixture.write('b.jsonl', 'two\n');
    fixture.look();
    expect(links(fixture).map((name) => lstatSync(join(fixture.keptDir, name)).ino)).toContain(statSync(b).ino);
    fixture.clock.jump(HOUR);
    fixture.look();
    fixture.look();
    expect(links(fixture)).toHaveLength(2);
    expect(fixture.tail.status().problems).toEqual([]);
    await fixture.tail.close();
    rmSync(fixture.checkpointDir, { recursive: true, force: true });
    for (const path of [a, b]) unlinkSync(path);
    await fixture.open();
    expect(fixture.drain().sort()).toEqual(['one', 'two']);
  });

  it('that cannot be made again is said', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    rmSync(fixture.keptDir, { recursive: true });
    writeFileSync(fixture.keptDir, 'in the way');
    fixture.write('b.jsonl', 'two\n');
    fixture.look();
    expect(fixture.tail.status().problems).toEqual([expect.stringMatching(/^cannot keep .*b\.jsonl in .*kept: /)]);
  });
});

describe('a generation that goes on as another where the disk refuses', () => {
  function open(directory: string): KeptFiles {
    return openKeptFiles({ directory, clock: { after: () => () => {} } });
  }

  /** Kept, and deleted. */
  function keepOne(fixture: TailFixture, kept: KeptFiles): ReturnType<typeof mintGeneration> {
    const path = fixture.write('a.jsonl', 'one\n');
    const { dev, ino } = statSync(path);
    const file = createTailedFile(mintGeneration(), undefined, path, { dev, ino, size: 4, mtimeMs: 1, birthMs: null, isFile: true, isDirectory: false });
    kept.hold(file);
    unlinkSync(path);
    return file.gen;
  }

  it('to write its index keeps its bytes', async () => {
    await using fixture = new TailFixture();
    const first = open(fixture.keptDir);
    const from = keepOne(fixture, first);
    first.close();
    const kept = open(fixture.keptDir);
    rmSync(join(fixture.keptDir, 'index.jsonl'));
    mkdirSync(join(fixture.keptDir, 'index.jsonl'));
    const to = mintGeneration();
    kept.pass(from, to);
    expect(readFileSync(kept.get(to)?.at ?? '', 'utf8')).toBe('one\n');
    expect(kept.get(to)).toMatchObject({ path: fixture.path('a.jsonl'), at: join(fixture.keptDir, to) });
    kept.close();
  });

  it('to rename it keeps its bytes where they are, by a restart too, and releases them there', async () => {
    await using fixture = new TailFixture();
    const kept = open(fixture.keptDir);
    const from = keepOne(fixture, kept);
    const to = mintGeneration();
    mkdirSync(join(fixture.keptDir, to));
    kept.pass(from, to);
    expect(readFileSync(kept.get(to)?.at ?? '', 'utf8')).toBe('one\n');
    expect([...open(fixture.keptDir).all()].map(({ gen, path }) => [gen, path])).toContainEqual([from, fixture.path('a.jsonl')]);
    kept.release(to);
    expect(existsSync(join(fixture.keptDir, from))).toBe(false);
    kept.close();
  });
});
