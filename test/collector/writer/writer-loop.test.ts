import { describe, expect, it } from 'vitest';
import { GROUP_BYTES, takeCall, takeGroup } from '../../../collector/writer/turns.ts';
import type { OpenStore } from '../../../collector/writer/group-commit.ts';
import type { BatchJob, CommitSummary, ToWriter } from '../../../collector/writer/messages.ts';
import type { Committed, Writer } from '../../../collector/writer/writer.ts';
import { TtError } from '../../../shared/errors.ts';
import { compressFrame } from '../../../shared/protocol/compression.ts';
import type { Lane } from '../../../shared/protocol/frames.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { batchOf, machineId } from '../../support/scripted-agent.ts';
import { startWriterInProcess } from '../../support/writer-in-process.ts';

const MACHINE = { machineId: machineId(), enrolledAtMs: 0 };
const SUMMARY: CommitSummary = { committedAtMs: 0, machines: [], storedRows: [] };

function jobOf(text: string | Buffer, connection = 1, lane: Lane = 'live'): BatchJob {
  const data = Buffer.from(text);
  const bytes = new ArrayBuffer(data.length);
  new Uint8Array(bytes).set(data);
  return { kind: 'batch', connection, machine: MACHINE, receivedAtMs: 0, lane, bytes, isCompressed: typeof text !== 'string' };
}

function sqliteError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface Scripted {
  writer: Writer;
  clock: ManualClock;
  /** Connections of each group, and the names of calls, in order. */
  log: (number[] | string)[];
  opened: () => number;
  committed: Committed[];
}

/** A writer whose commits fail with what `fail` throws. */
function scripted(fail: (jobs: readonly BatchJob[], attempt: number) => void = () => {}, backup: () => Promise<null> = () => Promise.resolve(null)): Scripted {
  const clock = new ManualClock();
  const log: Scripted['log'] = [];
  const committed: Committed[] = [];
  let opened = 0;
  let attempt = 0;
  const open = (): OpenStore => {
    opened += 1;
    return {
      committer: {
        commit(jobs) {
          attempt += 1;
          fail(jobs, attempt);
          log.push(jobs.map(({ connection }) => connection));
          return { answers: jobs.map(({ connection }) => ({ connection, frame: 'ack' })), summary: SUMMARY };
        },
        call(method) {
          log.push(method);
          if (method === 'backup') return backup();
          if (method === 'rebuild') throw new TtError('told', 'in words', { hint: 'do this' });
          return null;
        },
      },
      close: () => log.push('close'),
    };
  };
  const writer = startWriterInProcess(clock, open);
  writer.onCommitted((message) => committed.push(message));
  return { writer, clock, log, opened: () => opened, committed };
}

describe('the writer', () => {
  it('commits what waits as one group and answers after it', async () => {
    const { writer, log, committed } = scripted();
    for (const connection of [1, 2, 3]) writer.send(jobOf(batchOf(1, []), connection));
    await writer.idle();
    expect(log).toEqual([[1, 2, 3]]);
    expect(committed[0]?.answers.map(({ connection }) => connection)).toEqual([1, 2, 3]);
    await writer.close();
    expect(log.at(-1)).toBe('close');
  });

  it('runs a call after everything sent before it and before everything sent after', async () => {
    const { writer, log } = scripted();
    writer.send(jobOf(batchOf(1, []), 1, 'backfill'));
    const call = writer.call('ledger', MACHINE.machineId);
    writer.send(jobOf(batchOf(2, []), 2));
    await call;
    await writer.idle();
    expect(log).toEqual([[1], 'ledger', [2]]);
    await writer.close();
  });

  it('stores and answers while a backup is made, one of them at a time; what would spoil its copy waits', async () => {
    const ends: (() => void)[] = [];
    const { writer, log } = scripted(() => {}, () => new Promise((resolve) => ends.push(() => resolve(null))));
    const first = writer.call('backup', '/a');
    const second = writer.call('backup', '/b');
    writer.send(jobOf(batchOf(1, [])));
    await writer.call('ledger', MACHINE.machineId);
    expect(log).toEqual(['backup', [1], 'ledger']);
    const compacted = writer.call('compact');
    const closed = writer.close();
    ends[0]?.();
    await first;
    expect(log.slice(3)).toEqual(['backup']);
    ends[1]?.();
    await Promise.all([second, compacted, closed]);
    expect(log.slice(4)).toEqual(['compact', 'close']);
  });

  it('hands the error of a call back with its hint', async () => {
    const { writer } = scripted();
    await expect(writer.call('rebuild')).rejects.toMatchObject({ code: 'told', hint: 'do this' });
    await writer.close();
  });

  it('answers disk_full, tells of it, and tells when it is over', async () => {
    const { writer, committed } = scripted((_jobs, attempt) => {
      if (attempt === 1) throw sqliteError('SQLITE_FULL');
    });
    writer.send(jobOf(batchOf(7, [])));
    await writer.idle();
    expect(JSON.parse(committed[0]?.answers[0]?.frame ?? '')).toMatchObject({ type: 'disk_full', seq: 7 });
    await writer.call('checkpoint');
    expect(writer.problem).toMatchObject({ code: 'disk_full' });
    writer.send(jobOf(batchOf(8, [])));
    await writer.call('checkpoint');
    expect(writer.problem).toBeNull();
    await writer.close();
  });

  it('names the batch that it could not store, also one that only fits compressed', async () => {
    const { writer, committed } = scripted((_jobs, attempt) => {
      if (attempt === 1) throw sqliteError('SQLITE_FULL');
    });
    writer.send(jobOf(compressFrame(batchOf(9, ['x'.repeat(1_500_000)]))));
    await writer.idle();
    expect(JSON.parse(committed[0]?.answers[0]?.frame ?? '{}')).toMatchObject({ type: 'disk_full', seq: 9 });
    await writer.close();
  });

  it('answers busy while another program holds the database, and stores the batch when it comes again', async () => {
    const { writer, committed } = scripted((_jobs, attempt) => {
      if (attempt === 1) throw sqliteError('SQLITE_BUSY');
    });
    writer.send(jobOf(batchOf(7, [])));
    await writer.idle();
    expect(JSON.parse(committed[0]?.answers[0]?.frame ?? '')).toMatchObject({ type: 'busy', seq: 7 });
    writer.send(jobOf(batchOf(7, [])));
    await writer.idle();
    expect(committed[1]?.answers[0]?.frame).toBe('ack');
    await writer.close();
  });

  it('opens the database anew after an I/O error, and acknowledges nothing of that commit', async () => {
    const { writer, opened, committed } = scripted((_jobs, attempt) => {
      if (attempt === 1) throw sqliteError('SQLITE_IOERR_FSYNC');
    });
    writer.send(jobOf(compressFrame(batchOf(3, []))));
    await writer.idle();
    expect(opened()).toBe(2);
    expect(JSON.parse(committed[0]?.answers[0]?.frame ?? '')).toMatchObject({ type: 'busy', seq: 3 });
    await writer.close();
  });

  it('fails for good when the database is corrupt', async () => {
    const { writer } = scripted(() => {
      throw sqliteError('SQLITE_CORRUPT');
    });
    writer.send(jobOf(batchOf(1, [])));
    await expect(writer.failure).rejects.toMatchObject({ code: 'SQLITE_CORRUPT' });
    await expect(writer.call('ledger', MACHINE.machineId)).rejects.toMatchObject({ code: 'SQLITE_CORRUPT' });
  });

  it('stores the rest of a group when one batch cannot be stored', async () => {
    const { writer, log, committed } = scripted((jobs) => {
      if (jobs.some(({ connection }) => connection === 2)) throw new Error('a bug');
    });
    for (const connection of [1, 2, 3]) writer.send(jobOf(batchOf(1, []), connection));
    await writer.idle();
    expect(log).toEqual([[1], [3]]);
    expect(committed.flatMap(({ answers }) => answers).find(({ connection }) => connection === 2)?.frame).toContain('"type":"busy"');
    await writer.close();
  });

  it('moves the WAL only when it has been idle for 2 s', async () => {
    const { writer, clock, log } = scripted();
    writer.send(jobOf(batchOf(1, [])));
    await writer.call('ledger', MACHINE.machineId);
    clock.advance(1999);
    expect(log).not.toContain('checkpoint');
    clock.advance(1);
    expect(log).toContain('checkpoint');
    await writer.close();
  });

  it('derives time also when it is never quiet for long', async () => {
    const { writer, clock, log } = scripted();
    for (let frame = 0; frame < 30; frame += 1) {
      writer.send(jobOf(batchOf(frame, [])));
      await writer.call('ledger', MACHINE.machineId);
      clock.advance(200);
    }
    expect(log.filter((name) => name === 'deriveTime')).toHaveLength(1);
    await writer.close();
  });

  it('says why the database cannot be opened', async () => {
    const writer = startWriterInProcess(new ManualClock(), () => {
      throw new TtError('database_foreign', 'not ours', { hint: 'move it away' });
    });
    await expect(writer.opened()).rejects.toMatchObject({ code: 'database_foreign', hint: 'move it away' });
  });
});

describe('a group', () => {
  it('has live batches first, each lane in its order', () => {
    const queue: ToWriter[] = [jobOf('a', 1, 'backfill'), jobOf('b', 2), jobOf('c', 3, 'backfill'), jobOf('d', 4)];
    expect(takeGroup(queue).map(({ connection }) => connection)).toEqual([2, 4, 1, 3]);
    expect(queue).toEqual([]);
  });

  it('ends at 4 MB and at the next call', () => {
    const large = 'x'.repeat(GROUP_BYTES / 2);
    const queue: ToWriter[] = [jobOf(large, 1), jobOf(large, 2), jobOf(large, 3), { kind: 'call', id: 1, method: 'checkpoint', args: [] }, jobOf('x', 4)];
    expect(takeGroup(queue).map(({ connection }) => connection)).toEqual([1, 2]);
    expect(takeGroup(queue).map(({ connection }) => connection)).toEqual([3]);
    expect(queue.map(({ kind }) => kind)).toEqual(['call', 'batch']);
  });
});

describe('who goes next', () => {
  const OTHER = { machineId: machineId(), enrolledAtMs: 0 };
  const ofOther = (text: string, connection: number, lane?: Lane): BatchJob => ({ ...jobOf(text, connection, lane), machine: OTHER });
  const ledgerOf = (about: typeof OTHER, id = 1): ToWriter => ({ kind: 'call', id, method: 'ledger', args: [about.machineId] });
  const connectionsOf = (jobs: readonly BatchJob[]): number[] => jobs.map(({ connection }) => connection);

  it('is each machine once before any is twice, and who was served longest ago first', () => {
    const turns = new Map();
    const queue: ToWriter[] = [jobOf('x'.repeat(5000), 1), jobOf('x', 2), jobOf('x', 3), ofOther('x', 10), ofOther('x', 11)];
    expect(connectionsOf(takeGroup(queue, 5000, turns))).toEqual([1, 10]);
    expect(connectionsOf(takeGroup(queue, 2048, turns))).toEqual([2, 11]);
    expect(connectionsOf(takeGroup(queue, 2048, turns))).toEqual([3]);
    expect(connectionsOf(takeGroup([jobOf('x', 4), ofOther('x', 12)], 2048, turns))).toEqual([12, 4]);
  });

  it('lets one backfill batch pass where live ones would fill every group', () => {
    const queue: ToWriter[] = [...Array.from({ length: 5 }, (_, at) => jobOf('x', at)), ofOther('x', 10, 'backfill'), ofOther('x', 11, 'backfill')];
    expect(connectionsOf(takeGroup(queue, 2048))).toEqual([0, 1, 10]);
    expect(connectionsOf(takeGroup(queue, 2048))).toEqual([2, 3, 11]);
  });

  it('is a call about a machine of which nothing waits, whatever others sent before it', () => {
    const queue: ToWriter[] = [jobOf('x', 1), jobOf('x', 2), ledgerOf(MACHINE, 1), ledgerOf(OTHER, 2), ofOther('x', 10)];
    expect(takeCall(queue)).toMatchObject({ id: 2 });
    expect(takeCall(queue)).toBeUndefined();
    expect(connectionsOf(takeGroup(queue))).toEqual([1, 10, 2]);
    expect(takeCall(queue)).toMatchObject({ id: 1 });
  });

  it('is no batch of a machine that a call about it comes before', () => {
    const queue: ToWriter[] = [jobOf('x', 1), ledgerOf(MACHINE), jobOf('x', 2), ofOther('x', 10)];
    expect(connectionsOf(takeGroup(queue))).toEqual([1, 10]);
    expect(queue.map(({ kind }) => kind)).toEqual(['call', 'batch']);
  });

  it('is nothing at all behind a call about everything, and that only when nothing is before it', () => {
    const backup: ToWriter = { kind: 'call', id: 7, method: 'checkpoint', args: [] };
    const queue: ToWriter[] = [jobOf('x', 1), backup, ledgerOf(OTHER, 8), ofOther('x', 10), { kind: 'close' }];
    expect(takeCall(queue)).toBeUndefined();
    expect(connectionsOf(takeGroup(queue))).toEqual([1]);
    expect(takeCall(queue)).toMatchObject({ id: 7 });
    expect(takeCall(queue)).toMatchObject({ id: 8 });
    expect(takeCall(queue)).toBeUndefined();
    expect(connectionsOf(takeGroup(queue))).toEqual([10]);
    expect(takeCall(queue)).toEqual({ kind: 'close' });
  });

  it('counts what a few compressed bytes may be unpacked to', () => {
    const bombs = Array.from({ length: 10 }, (_, at) => jobOf(Buffer.from('x'), at));
    expect(takeGroup([...bombs], 128 * 1024)).toHaveLength(2);
  });
});
