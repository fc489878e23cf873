import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openReader, openWriter, type Database } from '../../../collector/store/database.ts';
import { openEventStore } from '../../../collector/store/event-store.ts';
import { createCommitter } from '../../../collector/writer/commit.ts';
import type { BatchJob, WriterAnswer } from '../../../collector/writer/messages.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { batchOf, machineId, paneFocus } from '../../support/scripted-agent.ts';
import { startWriterInProcess } from '../../support/writer-in-process.ts';

it('says disk_full while there is no room, keeps what was acknowledged, and takes the rest when there is room again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tt-full-'));
  const path = join(directory, 'collector.db');
  const clock = new ManualClock();
  let database: Database | undefined;
  const writer = startWriterInProcess(clock, () => {
    const opened = openWriter(path);
    database = opened;
    // SQLite's own limit gives the same SQLITE_FULL as a full disk does.
    opened.pragma(`max_page_count = ${Number(opened.pragma('page_count', { simple: true })) + 8}`);
    return {
      committer: { ...createCommitter(openEventStore(opened), clock), call: () => null },
      close: () => {
        opened.close();
      },
    };
  });
  await writer.opened();
  const answers: WriterAnswer[] = [];
  writer.onCommitted((committed) => answers.push(...committed.answers));
  const machine = { machineId: machineId(), enrolledAtMs: 0 };
  const send = async (seq: number): Promise<string> => {
    const events = Array.from({ length: 50 }, (_, i) => ({
      ...paneFocus(machine.machineId, `2026-01-05T11:${String(seq).padStart(2, '0')}:00.${String(i).padStart(3, '0')}Z`), text: 'x'.repeat(500),
    }));
    const text = Buffer.from(batchOf(seq, events));
    const bytes = new ArrayBuffer(text.length);
    new Uint8Array(bytes).set(text);
    writer.send({ kind: 'batch', connection: 1, machine, receivedAtMs: 0, lane: 'live', bytes, isCompressed: false } satisfies BatchJob);
    await writer.idle();
    return answers.pop()?.frame ?? '';
  };

  let acknowledged = 0;
  let answer = '';
  for (let seq = 1; seq < 20 && !answer.includes('disk_full'); seq++) {
    answer = await send(seq);
    if (answer.includes('"ack"')) acknowledged += 50;
  }
  expect(JSON.parse(answer)).toMatchObject({ type: 'disk_full' });
  await writer.call('checkpoint');
  expect(writer.problem?.code).toBe('disk_full');
  const reader = openReader(path);
  const count = (): number => (reader.prepare('SELECT count(*) AS n FROM events').get() as { n: number }).n;
  expect(count()).toBe(acknowledged);

  database?.pragma('max_page_count = 100000');
  expect(JSON.parse(await send(30))).toMatchObject({ type: 'ack', verdicts: 's'.repeat(50) });
  expect(count()).toBe(acknowledged + 50);
  reader.close();
  await writer.close();
  rmSync(directory, { recursive: true });
});
