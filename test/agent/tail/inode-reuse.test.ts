import { rmSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemFiles, type FileStat } from '../../../agent/tail/file-access.ts';
import { countFiles, TailFixture } from '../support/tail-fixture.ts';

describe('a new file in the inode of a deleted one', () => {
  it('has its own birth, also where it begins with the very same lines', async () => {
    await using fixture = new TailFixture();
    const births = new Map<number, number>();
    /** As on ext4: the next file gets the inode of the one before it. */
    const seen = (stat: FileStat): FileStat => {
      const birthMs = births.get(stat.ino);
      return birthMs === undefined ? stat : { ...stat, ino: 42, birthMs };
    };
    const files = { ...countFiles(), stat: (path: string) => seen(systemFiles.stat(path)), fstat: (fd: number) => seen(systemFiles.fstat(fd)) };
    births.set(statSync(fixture.write('old.jsonl', 'first\n')).ino, 1000);
    await fixture.open({ files });
    fixture.drain();
    // An inode is free only when nobody has its file open.
    fixture.clock.advance(120_000);
    rmSync(fixture.path('old.jsonl'));
    births.set(statSync(fixture.write('new.jsonl', 'first\nsecond\n')).ino, 2000);
    fixture.look();
    const slices = fixture.readAll();
    expect(slices.map(({ file }) => file.born_at)).toEqual([2000]);
  });
});
