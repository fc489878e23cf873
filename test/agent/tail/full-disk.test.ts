import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openGapLog } from '../../../agent/tail/gap-log.ts';
import { TailFixture } from '../support/tail-fixture.ts';

/** Mounting takes root; a container may still forbid it. */
function mountSmallDisk(at: string): boolean {
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tt-full', at], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Takes all the room that is left. */
function fill(disk: string): string {
  const path = join(disk, 'filler');
  expect(() => {
    for (;;) writeFileSync(path, Buffer.alloc(4096), { flag: 'a' });
  }).toThrow(/ENOSPC/);
  return path;
}

it('goes on while the disk of its checkpoints is full, says so, and skips nothing after a restart', async ({ skip }) => {
  await using fixture = new TailFixture();
  if (!mountSmallDisk(fixture.checkpointDir)) skip('a small disk can be mounted by root only');
  try {
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    await fixture.reopen();
    const filler = fill(fixture.checkpointDir);
    fixture.append('a.jsonl', 'two\n');
    expect(fixture.drain()).toEqual(['two']);
    await fixture.reopen();
    expect(fixture.tail.status().problems).toEqual([]);
    // Its checkpoint could not be written: what was acknowledged since is read again.
    fixture.append('a.jsonl', 'three\n');
    expect(fixture.drain()).toEqual(['two', 'three']);
    truncateSync(path, 0);
    fixture.look();
    fixture.append('a.jsonl', 'four\n');
    expect(fixture.drain()).toEqual(['four']);
    await fixture.tail.settle([]);
    expect(fixture.tail.status().problems.join()).toMatch(/cannot write checkpoints.*ENOSPC/s);
    unlinkSync(filler);
    await fixture.tail.settle([]);
    fixture.drain();
    await fixture.tail.settle([]);
    expect(fixture.tail.status().problems).toEqual([]);
    expect(fixture.drain()).toEqual(['four']);
    await fixture.reopen();
    expect(fixture.drain()).toEqual([]);
  } finally {
    await fixture.tail.close();
    execFileSync('umount', [fixture.checkpointDir]);
  }
});

it('notes what was acknowledged on a disk that has no room to note which lost ranges were told', async ({ skip }) => {
  await using fixture = new TailFixture();
  if (!mountSmallDisk(fixture.checkpointDir)) skip('a small disk can be mounted by root only');
  try {
    const log = openGapLog(fixture.checkpointDir, fixture.clock);
    for (let n = 0; n < 100; n += 1) {
      log.declare({ gen: n.toString(16).padStart(32, '0'), path: '/logs/gone.jsonl', from: 0, to: 1, t_from: '', t_to: '', reason: 'released' });
    }
    log.flush();
    fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    fixture.drain();
    // Its checkpoints have a journal now, with room in its last block.
    for (const [gen] of fixture.tail.positions()) await fixture.tail.rewind(gen, 4, { replace: false });
    const filler = fill(fixture.checkpointDir);
    fixture.tail.told(fixture.tail.untold());
    fixture.append('a.jsonl', 'two\n');
    expect(fixture.drain()).toEqual(['two']);
    expect(fixture.tail.status().problems).toEqual([expect.stringMatching(/cannot write .*gaps\.jsonl: ENOSPC.*told again/)]);
    await fixture.tail.close();
    unlinkSync(filler);
    await fixture.open();
    expect(fixture.drain()).toEqual([]);
    expect(fixture.tail.untold()).toHaveLength(100);
  } finally {
    await fixture.tail.close();
    execFileSync('umount', [fixture.checkpointDir]);
  }
});
