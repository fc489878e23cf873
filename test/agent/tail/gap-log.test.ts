import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGapLog, type GapLog } from '../../../agent/tail/gap-log.ts';
import type { GapReport } from '../../../shared/protocol/frames.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { TailFixture } from '../support/tail-fixture.ts';

const WEEK = 7 * 86_400_000;

let directory: string;
let clock: ManualClock;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-gaps-'));
  clock = new ManualClock();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const gap = (n: number, to = 100): GapReport => ({
  gen: n.toString(16).padStart(32, '0'), path: `/logs/${n}.jsonl`, from: 0, to, t_from: '', t_to: '', reason: 'released',
});
const gapsTo = (count: number): GapReport[] => Array.from({ length: count }, (_, n) => gap(n));

function opened(gaps: readonly GapReport[] = []): GapLog {
  const log = openGapLog(directory, clock);
  for (const each of gaps) log.declare(each);
  return log;
}

/** What a restart finds. */
function reopened(log: GapLog): GapLog {
  log.tidy();
  return opened();
}

describe('lost ranges', () => {
  it('are all remembered until they were told, also those of many files given up at once, over restarts', () => {
    const log = opened(gapsTo(1500));
    expect(log.untold).toEqual(gapsTo(1500));
    log.hold(gap(2000));
    const again = reopened(log);
    expect([again.gaps.length, again.held, again.problem]).toEqual([1500, [gap(2000)], null]);
    clock.jump(2 * WEEK);
    again.tidy();
    expect(again.untold).toHaveLength(1500);
  });

  it('are told one by one: those that no frame had, or that have grown since, are not', () => {
    const log = opened(gapsTo(3));
    log.declare(gap(1, 200));
    log.told([gap(0), gap(1), gap(7)]);
    expect(log.untold).toEqual([gap(2), gap(1, 200)]);
    const again = reopened(log);
    clock.jump(WEEK);
    again.tidy();
    expect(reopened(again).gaps).toEqual([gap(2), gap(1, 200)]);
  });

  it('make room, of more than ten thousand, with those that were told, the oldest first', () => {
    const log = opened(gapsTo(10_000));
    log.told([gap(5), gap(6)]);
    log.declare(gap(10_001));
    expect([log.gaps.length, log.problem]).toEqual([10_000, null]);
    expect(log.gaps).not.toContainEqual(gap(5));
    expect(log.gaps).toContainEqual(gap(6));
  });

  it('that must make room before anybody was told of them are counted, and the count is a problem until a week after it was told', () => {
    const log = opened(gapsTo(10_001));
    expect(log.problem).toMatch(/^1001 lost ranges were forgotten/);
    const again = reopened(log);
    expect([again.gaps.length, again.problem]).toEqual([9000, log.problem]);
    clock.jump(2 * WEEK);
    again.tidy();
    expect(again.problem).toBe(log.problem);
    again.told([gap(10_000)]);
    clock.jump(WEEK);
    again.tidy();
    expect([again.problem, reopened(again).problem]).toEqual([null, null]);
  });

  it('are on disk without the whole file written anew, although others were told meanwhile', () => {
    const log = opened(gapsTo(3));
    log.flush();
    const inode = (): number => statSync(join(directory, 'gaps.jsonl')).ino;
    const before = inode();
    log.told([gap(1)]);
    log.declare(gap(7));
    expect([log.flush(), inode()]).toEqual([true, before]);
    expect(opened().gaps).toEqual([...gapsTo(3), gap(7)]);
    log.tidy();
    expect(inode()).not.toBe(before);
    expect(opened().untold).toEqual([gap(0), gap(2), gap(7)]);
  });

  it('are written by nobody whose file they are not any more', () => {
    const log = opened(gapsTo(1));
    log.disown();
    clock.advance(10);
    expect([log.flush(), existsSync(join(directory, 'gaps.jsonl'))]).toEqual([false, false]);
  });
});

describe('a checkpoint that no longer knows a generation', () => {
  async function cut(fixture: TailFixture): Promise<() => Promise<void>> {
    const path = fixture.write('a.jsonl', 'one\n');
    await fixture.open();
    truncateSync(path, 0);
    // No timer runs from here on, as when the process is killed within its turn.
    fixture.watcher!.tell(path);
    fixture.append('a.jsonl', 'two\n');
    fixture.watcher!.tell(path);
    const [slice] = fixture.readAll();
    return () => fixture.tail.rewind(slice!.receipt.gen, 0, { replace: false });
  }

  it('is not on disk before what is lost of it', async () => {
    await using fixture = new TailFixture();
    const flush = await cut(fixture);
    await flush();
    expect(existsSync(join(fixture.checkpointDir, 'snapshot.jsonl'))).toBe(true);
    expect(readFileSync(join(fixture.checkpointDir, 'gaps.jsonl'), 'utf8')).toContain(fixture.tail.untold()[0]!.gen);
  });

  it('is not written while that can not be written', async () => {
    await using fixture = new TailFixture();
    mkdirSync(join(fixture.checkpointDir, 'gaps.jsonl'), { recursive: true });
    const flush = await cut(fixture);
    await flush();
    expect(existsSync(join(fixture.checkpointDir, 'snapshot.jsonl'))).toBe(false);
    expect(fixture.tail.status().problems.join()).toMatch(/cannot write checkpoints.*cannot write .*gaps\.jsonl: EISDIR/s);
    rmSync(join(fixture.checkpointDir, 'gaps.jsonl'), { recursive: true });
    await flush();
    expect(existsSync(join(fixture.checkpointDir, 'snapshot.jsonl'))).toBe(true);
    expect(fixture.tail.status().problems).toEqual([]);
  });
});
