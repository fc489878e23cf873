import { describe, expect, it } from 'vitest';
import { openCopy, openReader } from '../../../collector/store/database.ts';
import { openEventReader } from '../../../collector/store/read-events.ts';
import { join } from 'node:path';
import { openIngest } from '../../support/ingest-fixture.ts';
import { batchOf, join as joinMachine, paneFocus, ScriptedAgent, tokenFor } from '../../support/scripted-agent.ts';
import { hashBytes } from '../../../shared/protocol/positions.ts';

const AT = Date.parse('2026-01-05T11:00:00.000Z');
const PER_BATCH = 100;

async function openSending() {
  const collector = await openIngest();
  const machine = await joinMachine(collector.url, collector.codes.create('devbox').code);
  const agent = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
  agent.hello();
  await agent.frame('welcome');
  const tail = (seq: number): string => hashBytes(seq === 0 ? Buffer.of() : Buffer.from(String(seq)));
  const send = (seq: number): void => {
    const events = Array.from({ length: PER_BATCH }, (_, at) => ({ ...paneFocus(machine.machineId, new Date(AT + seq * 1000 + at).toISOString()), note: 'x'.repeat(500) }));
    agent.send(batchOf(seq, events, { from: (seq - 1) * 100, to: seq * 100, prev: tail(seq - 1), tail: tail(seq) }));
  };
  return { collector, machine, agent, send };
}

describe('beside a collector that stores', () => {
  it('who reads slowly holds no snapshot between two pages: the WAL is written back, and every row comes once', async () => {
    const { collector, agent, send } = await openSending();
    await using _ = collector;
    for (let seq = 1; seq <= 20; seq += 1) send(seq);
    await agent.acked(20);
    const database = openReader(collector.database);
    const rows = openEventReader(database).read({}, 'oldest')[Symbol.iterator]();
    const first = rows.next();
    const ids = new Set(first.done === true ? [] : [first.value.event.id]);
    for (let seq = 21; seq <= 40; seq += 1) send(seq);
    await agent.acked(40);
    // A cursor left open would keep the WAL from being written back.
    const probe = openCopy(collector.database, { readonly: false });
    const [{ busy }] = probe.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
    probe.close();
    expect(busy).toBe(0);
    let count = 1;
    for (let row = rows.next(); row.done !== true; row = rows.next()) {
      ids.add(row.value.event.id);
      count += 1;
    }
    expect(ids.size).toBe(count);
    expect(count).toBe(40 * PER_BATCH);
    database.close();
  });

  it('a backup is sound, and holds everything that was acknowledged before it was asked for, and others are answered meanwhile', async () => {
    const { collector, machine, agent, send } = await openSending();
    await using _ = collector;
    for (let seq = 1; seq <= 5; seq += 1) send(seq);
    await agent.acked(5);
    const copy = join(collector.directory, 'copy.db');
    const order: string[] = [];
    const written = collector.writer.call('backup', copy).then(() => order.push('backup'));
    for (let seq = 6; seq <= 25; seq += 1) send(seq);
    const ledger = collector.writer.call('ledger', machine.machineId).then(() => order.push('ledger'));
    await Promise.all([written, ledger]);
    await agent.acked(25);
    expect(order).toEqual(['ledger', 'backup']);
    const backup = openCopy(copy, { readonly: true });
    expect(backup.pragma('quick_check', { simple: true })).toBe('ok');
    const { n } = backup.prepare('SELECT count(*) AS n FROM events').get() as { n: number };
    backup.close();
    expect(n).toBeGreaterThanOrEqual(5 * PER_BATCH);
    expect(n % PER_BATCH).toBe(0);
  });
});
