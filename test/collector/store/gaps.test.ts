import { describe, expect, it } from 'vitest';
import { readGaps, type StoredGap } from '../../../collector/store/gaps.ts';
import type { GapReport } from '../../../shared/protocol/frames.ts';
import { genOf, openStoreFixture, refOf, START_MS, testMachine, type StoreFixture } from '../../support/store-fixture.ts';

const machine = refOf(testMachine(1));
const other = refOf(testMachine(2));

function gap(change: Partial<GapReport> = {}): GapReport {
  return { gen: genOf(1), path: '/logs/a.jsonl', from: 100, to: 200, t_from: '2026-05-01T08:00:00.000Z', t_to: '', reason: 'truncated', ...change };
}

function report(fixture: StoreFixture, gaps: readonly GapReport[], ref = machine, nowMs = START_MS): void {
  fixture.store.transaction(() => fixture.store.gaps.store(fixture.store.machine(ref), gaps, nowMs));
}

function accept(fixture: StoreFixture, gaps: readonly StoredGap[], atMs: number | null = START_MS): number {
  return fixture.store.transaction(() => fixture.store.gaps.accept(gaps, atMs));
}

describe('gaps', () => {
  it('are listed by machine and file, with an ID that stays', () => {
    using fixture = openStoreFixture();
    report(fixture, [gap({ path: '/logs/b.jsonl', gen: genOf(2) }), gap()]);
    report(fixture, [gap()], other);
    const listed = readGaps(fixture.database);
    expect(listed.map(({ machineId, path }) => [machineId, path])).toEqual([
      [machine.machineId, '/logs/a.jsonl'], [machine.machineId, '/logs/b.jsonl'], [other.machineId, '/logs/a.jsonl'],
    ]);
    expect(listed[0]).toMatchObject({ from: 100, to: 200, tFrom: '2026-05-01T08:00:00.000Z', tTo: null, reason: 'truncated', reportedAtMs: START_MS, acceptedAtMs: null });
    expect(new Set(listed.map(({ id }) => id)).size).toBe(3);
    report(fixture, [gap({ to: 300 })], machine, START_MS + 5);
    expect(readGaps(fixture.database).map(({ id }) => id)).toEqual(listed.map(({ id }) => id));
  });

  it('that were accepted stay so when they are reported again, and open when they have grown', () => {
    using fixture = openStoreFixture();
    report(fixture, [gap()]);
    expect(accept(fixture, readGaps(fixture.database))).toBe(1);
    report(fixture, [gap()], machine, START_MS + 1000);
    report(fixture, [gap({ to: 150 })], machine, START_MS + 2000);
    expect(readGaps(fixture.database)).toMatchObject([{ to: 200, acceptedAtMs: START_MS, reportedAtMs: START_MS }]);
    report(fixture, [gap({ to: 201 })], machine, START_MS + 3000);
    expect(readGaps(fixture.database)).toMatchObject([{ to: 201, acceptedAtMs: null }]);
  });

  it('that grew after they were listed are not accepted by it', () => {
    using fixture = openStoreFixture();
    report(fixture, [gap()]);
    const listed = readGaps(fixture.database);
    report(fixture, [gap({ to: 500 })]);
    expect(accept(fixture, listed)).toBe(0);
    expect(readGaps(fixture.database)).toMatchObject([{ acceptedAtMs: null }]);
  });

  it('are open again when the acceptance is taken back', () => {
    using fixture = openStoreFixture();
    report(fixture, [gap()]);
    accept(fixture, readGaps(fixture.database));
    accept(fixture, readGaps(fixture.database), null);
    expect(readGaps(fixture.database)).toMatchObject([{ acceptedAtMs: null }]);
  });

  it('of an unfinished line are over once its bytes arrive whole; those of bytes that were cut off stay', () => {
    using fixture = openStoreFixture();
    const unfinished = gap({ reason: 'unterminated' });
    report(fixture, [unfinished, gap({ gen: genOf(2), reason: 'truncated' }), gap({ gen: genOf(3), reason: 'released' })]);
    report(fixture, [unfinished], other);
    const openGens = (): string[] => readGaps(fixture.database).map(({ machineId, gen }) => `${machineId} ${gen}`);
    const before = openGens();
    fixture.answer(machine, { gen: genOf(1), from: 0, to: 150, tail: 'a' });
    expect(openGens()).toEqual(before);
    for (const gen of [1, 2, 3]) expect(fixture.answer(machine, { gen: genOf(gen), from: 0, to: 260, tail: 'b' })).toMatchObject({ type: 'ack' });
    expect(openGens()).toEqual(before.filter((name) => name !== `${machine.machineId} ${genOf(1)}`));
  });
});
