/** What may stand in the place of a log, or happen to its file system, without ending the agent. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemFiles } from '../../../agent/tail/file-access.ts';
import { refuse, TailFixture } from '../support/tail-fixture.ts';

describe('a file system that dies under open files', () => {
  it('ends no agent when idle files are closed, and is read on when it is back', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    fixture.files.failOpen = 'ENOTCONN';
    fixture.clock.advance(120_000);
    expect(fixture.files.descriptors).toEqual(new Set());
    fixture.append('a.jsonl', 'two\n');
    expect(fixture.drain()).toEqual([]);
    expect(fixture.tail.status().problems).toEqual([expect.stringContaining('ENOTCONN')]);
    expect(fixture.files.descriptors).toEqual(new Set());
    fixture.files.failOpen = undefined;
    expect(fixture.drain()).toEqual(['two']);
  });

  it('and takes one away that could not be kept, leaves a gap', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', 'half');
    fixture.write('b.jsonl', '');
    await fixture.open({ link: () => refuse('EROFS') });
    fixture.drain();
    fixture.files.failOpen = 'ESTALE';
    unlinkSync(path);
    fixture.look();
    fixture.look();
    expect(fixture.tail.status().gaps).toMatchObject([{ path, from: 0, to: 4, reason: 'released' }]);
    expect(fixture.files.descriptors).toEqual(new Set());
  });
});

describe('in the place of a log', () => {
  it('a pipe is not waited for', async () => {
    await using fixture = new TailFixture();
    const pipe = join(fixture.top, 'pipe');
    const opened = join(fixture.top, 'opened');
    spawnSync('mkfifo', [pipe]);
    // Who waits for a writer gets this one, so that the test ends then, too.
    const writer = spawn('sh', ['-c', 'sleep 3; : > "$1"; : > "$0"', pipe, opened], { stdio: 'ignore' });
    const ended = new Promise((resolve) => writer.once('exit', resolve));
    const fd = systemFiles.open(pipe);
    try {
      expect(systemFiles.fstat(fd).isFile).toBe(false);
      expect(writer.kill('SIGKILL')).toBe(true);
      await ended;
      expect(existsSync(opened)).toBe(false);
    } finally {
      systemFiles.close(fd);
    }
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a pipe', (path: string) => spawnSync('mkfifo', [path])],
    ['a symbolic link to a directory', (path: string) => symlinkSync('/', path)],
    ['a symbolic link to itself', (path: string) => symlinkSync(path, path)],
  ])('%s leaves what was kept of it to be read, over a restart too', async (_what, put) => {
    for (const isRestarted of [false, true]) {
      await using fixture = new TailFixture();
      const path = fixture.write('a.jsonl', 'one\n');
      fixture.write('b.jsonl', '');
      await fixture.open();
      fixture.drain();
      fixture.append('a.jsonl', 'two\n');
      fixture.look();
      unlinkSync(path);
      put(path);
      if (isRestarted) await fixture.reopen();
      expect(fixture.drain()).toEqual(['two']);
      expect(fixture.tail.status()).toMatchObject({ gaps: [], problems: [] });
      rmSync(path, { recursive: true });
    }
  });
});
