import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpointStore, type CheckpointStore } from '../../../agent/checkpoint/checkpoint-store.ts';
import { Positions } from '../../../agent/checkpoint/positions.ts';
import { decodeLine, encodeLine, type CheckpointRecord } from '../../../agent/checkpoint/record.ts';
import { parseGeneration, type Generation } from '../../../shared/ids.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const gen = (n: number): Generation => parseGeneration(n.toString(16).padStart(32, '0'))!;

function record(n: number, offset: number): CheckpointRecord {
  return {
    gen: gen(n), path: `/a/${n}.jsonl`, dev: 1, ino: n, birth_ms: null, offset, tail: 't', carry: '{"x":"é"}',
    prefix_bytes: 0, prefix_hash: 'p', size: offset, mtime_ms: 1.5, scanned_to: offset, vanished_at: null, acked_at: null,
    replace_until: 0, last_timestamp: '',
  };
}

class Bench {
  readonly top = mkdtempSync(join(tmpdir(), 'tt-checkpoint-'));
  readonly directory = join(this.top, 'checkpoints');
  readonly clock = new ManualClock();
  readonly records = new Map<Generation, CheckpointRecord>();

  open(): CheckpointStore {
    return openCheckpointStore({
      clock: this.clock, directory: this.directory,
      recordOf: (each) => this.records.get(each),
      generations: () => this.records.keys(),
    });
  }

  put(store: CheckpointStore, n: number, offset: number): void {
    this.records.set(gen(n), record(n, offset));
    store.mark(gen(n));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  offsets(): Record<string, number> {
    return Object.fromEntries(this.open().takeLoaded().map((each) => [Number.parseInt(each.gen, 16), each.offset]));
  }

  [Symbol.dispose](): void {
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** A snapshot with offset 10 for both, a journal that moves 1 to 11, 12, … and drops 2. */
async function history(bench: Bench): Promise<void> {
  const store = bench.open();
  bench.put(store, 1, 10);
  bench.put(store, 2, 10);
  await store.flush();
  for (let offset = 11; offset < 15; offset += 1) {
    bench.put(store, 1, offset);
    await store.flush();
  }
  bench.records.delete(gen(2));
  store.mark(gen(2));
  await store.close();
}

describe('a checkpoint', () => {
  it('is what was flushed last', async () => {
    using bench = new Bench();
    await history(bench);
    expect(bench.offsets()).toEqual({ 1: 14 });
    expect(bench.open().takeLoaded()).toEqual([record(1, 14)]);
    expect(bench.open().problems).toEqual([]);
  });

  it('is written half a second after a change, without being asked', async () => {
    using bench = new Bench();
    const store = bench.open();
    bench.put(store, 1, 10);
    bench.clock.advance(400);
    expect(existsSync(bench.path('snapshot.jsonl'))).toBe(false);
    bench.clock.advance(200);
    await store.flush();
    expect(bench.offsets()).toEqual({ 1: 10 });
    await store.close();
  });

  it('whose journal is torn at any byte is one of the states before', async () => {
    using bench = new Bench();
    await history(bench);
    const whole = readFileSync(bench.path('journal.jsonl'));
    let last = 10;
    for (let length = 0; length <= whole.length; length += 7) {
      writeFileSync(bench.path('journal.jsonl'), whole.subarray(0, length));
      const store = bench.open();
      expect(store.problems).toEqual([]);
      const offset = store.takeLoaded().find((each) => each.gen === gen(1))?.offset ?? -1;
      expect(offset).toBeGreaterThanOrEqual(last);
      last = offset;
    }
  });

  it('goes on behind a torn journal', async () => {
    using bench = new Bench();
    await history(bench);
    truncateSync(bench.path('journal.jsonl'), 300);
    const store = bench.open();
    for (const loaded of store.takeLoaded()) bench.records.set(loaded.gen, loaded);
    bench.put(store, 1, 20);
    await store.flush();
    bench.put(store, 1, 21);
    await store.close();
    expect(bench.offsets()).toMatchObject({ 1: 21 });
  });

  it('that is damaged is set aside, and the one before it counts', async () => {
    using bench = new Bench();
    await history(bench);
    const store = bench.open();
    bench.put(store, 1, 30);
    await store.flush();
    await store.close();
    const bytes = readFileSync(bench.path('snapshot.jsonl'));
    bytes[120] = 7;
    writeFileSync(bench.path('snapshot.jsonl'), bytes);
    const damaged = bench.open();
    expect(damaged.takeLoaded().find((each) => each.gen === gen(1))?.offset).toBeLessThanOrEqual(30);
    expect(damaged.problems.join()).toContain('was damaged and set aside');
    expect(readdirSync(bench.directory).filter((name) => name.includes('.bad-'))).toHaveLength(1);
  });

  it('that is missing, garbage or of a newer version counts as none', async () => {
    using bench = new Bench();
    expect(bench.offsets()).toEqual({});
    mkdirSync(bench.directory);
    for (const content of ['', 'garbage', encodeLine({ n: 1, put: record(1, 5) })]) {
      writeFileSync(bench.path('snapshot.jsonl'), content);
      expect(bench.open().takeLoaded()).toEqual([]);
    }
    expect(decodeLine('00000000 {"n":1,"version":2}')).toBeUndefined();
  });

  it('that cannot be written stays as it was, says why, and is written later', async () => {
    using bench = new Bench();
    const store = bench.open();
    bench.put(store, 1, 10);
    await store.flush();
    bench.put(store, 1, 11);
    await store.flush();
    rmSync(bench.directory, { recursive: true });
    writeFileSync(bench.directory, 'in the way');
    const blocked = bench.open();
    bench.put(blocked, 1, 12);
    expect(await blocked.flush()).toBe(false);
    expect(blocked.problems.join()).toContain('cannot write checkpoints');
    rmSync(bench.directory);
    bench.clock.advance(6_000);
    expect(await blocked.flush()).toBe(true);
    expect(blocked.problems.join()).not.toContain('cannot write');
    await blocked.close();
    await store.close();
    expect(bench.offsets()).toEqual({ 1: 12 });
  });

  it.each([
    ['while the previous snapshot is copied', { 'previous.jsonl.tmp': 'half of' }],
    ['after it was copied', { 'previous.jsonl': 'old snapshot' }],
    ['while the new snapshot is written', { 'previous.jsonl': 'old snapshot', 'snapshot.jsonl.aabbccddeeff.tmp': 'half of' }],
    ['before the old journal is emptied', { 'previous.jsonl': 'old snapshot', 'snapshot.jsonl': 'new snapshot' }],
    ['when the journal was emptied', { 'previous.jsonl': 'old snapshot', 'snapshot.jsonl': 'new snapshot', 'journal.jsonl': '' }],
    ['while the new journal is begun', { 'previous.jsonl': 'old snapshot', 'snapshot.jsonl': 'new snapshot', 'journal.jsonl': 'half of' }],
  ])('that is made into a snapshot loses nothing by a crash %s', async (_when, left) => {
    using bench = new Bench();
    await history(bench);
    const old = readFileSync(bench.path('snapshot.jsonl'));
    const journal = readFileSync(bench.path('journal.jsonl'));
    const next = bench.open();
    bench.put(next, 3, 30);
    await next.close();
    const made = readFileSync(bench.path('snapshot.jsonl'));
    const contents: Record<string, Buffer> = { 'old snapshot': old, 'new snapshot': made, 'half of': made.subarray(0, made.length / 2), '': Buffer.alloc(0) };
    rmSync(bench.directory, { recursive: true });
    mkdirSync(bench.directory);
    const files: Record<string, string | undefined> = { 'snapshot.jsonl': 'old snapshot', ...left };
    writeFileSync(bench.path('journal.jsonl'), journal);
    for (const [name, what] of Object.entries(files)) writeFileSync(bench.path(name), contents[what ?? ''] ?? '');
    const isNew = files['snapshot.jsonl'] === 'new snapshot';
    expect(bench.offsets()).toEqual(isNew ? { 1: 14, 3: 30 } : { 1: 14 });
    const store = bench.open();
    bench.put(store, 1, 15);
    await store.close();
    expect(bench.offsets()).toMatchObject({ 1: 15 });
  });

  it('whose journal cannot be synced is written as a snapshot next', async () => {
    using bench = new Bench();
    const store = bench.open();
    mkdirSync(bench.directory);
    symlinkSync('/dev/null', bench.path('journal.jsonl')); // takes every byte, and can not be synced
    bench.put(store, 1, 10);
    expect(await store.flush()).toBe(true);
    bench.put(store, 1, 11);
    expect(await store.flush()).toBe(false);
    expect(bench.offsets()).toEqual({ 1: 10 });
    expect(await store.flush()).toBe(true);
    expect(bench.offsets()).toEqual({ 1: 11 });
    await store.close();
  });

  it('becomes a snapshot again when its journal has grown to several times what lives', async () => {
    using bench = new Bench();
    const store = bench.open();
    for (let offset = 1; offset < 4_000; offset += 1) {
      bench.put(store, 1, offset);
      await store.flush();
    }
    await store.close();
    expect(readFileSync(bench.path('journal.jsonl')).length).toBeLessThan(1_200_000);
    expect(readFileSync(bench.path('previous.jsonl')).length).toBeGreaterThan(0);
    expect(bench.offsets()).toEqual({ 1: 3_999 });
  });
});

describe('positions', () => {
  const mark = (offset: number): { offset: number; tail: string; carry: null } => ({ offset, tail: `t${offset}`, carry: null });
  const receipt = (from: number, to: number): { gen: Generation; from: number; to: number } => ({ gen: gen(1), from, to });

  it('move over a contiguous prefix only, whatever the order of acknowledgements', () => {
    const positions = new Positions(mark(0));
    const receipts = [receipt(0, 5), receipt(5, 9), receipt(9, 20)];
    for (const each of receipts) positions.advance(each, mark(each.to));
    expect(positions.acknowledge(receipts[2]!)).toBe(false);
    expect(positions.acknowledge(receipts[0]!)).toBe(true);
    expect(positions.acknowledge(receipts[0]!)).toBe(false);
    expect(positions.acknowledged.offset).toBe(5);
    expect(positions.acknowledge(receipts[1]!)).toBe(true);
    expect(positions.acknowledged).toEqual(mark(20));
  });

  it('know nothing of slices that were forgotten, though the same bytes are read again', () => {
    const positions = new Positions(mark(0));
    const old = receipt(0, 5);
    positions.advance(old, mark(5));
    positions.forget();
    expect(positions.cursor).toEqual(mark(0));
    positions.advance(receipt(0, 5), mark(5));
    expect(positions.acknowledge(old)).toBe(false);
    expect(positions.acknowledged.offset).toBe(0);
  });
});
