import { describe, expect, it } from 'vitest';
import { openReader } from '../../../collector/store/database.ts';
import { hashBytes, positionsDigest } from '../../../shared/protocol/positions.ts';
import { verifyCollectorToken } from '../../../shared/protocol/tokens.ts';
import { openIngest, type IngestFixture } from '../../support/ingest-fixture.ts';
import { batchOf, GEN, join, paneFocus, ScriptedAgent, tokenFor, type JoinedMachine } from '../../support/scripted-agent.ts';

async function joined(collector: IngestFixture, label = 'devbox'): Promise<JoinedMachine> {
  return join(collector.url, collector.codes.create(label).code);
}

async function connected(collector: IngestFixture, machine: JoinedMachine, instance = 'instance-1'): Promise<ScriptedAgent> {
  const agent = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine, { instance }));
  agent.hello({ instance });
  await agent.frame('welcome');
  return agent;
}

function storedEvents(collector: IngestFixture): number {
  const database = openReader(collector.database);
  try {
    return (database.prepare('SELECT count(*) AS n FROM events').get() as { n: number }).n;
  } finally {
    database.close();
  }
}

const STATUS = {
  type: 'status', backlog_bytes: 10, backlog_events: 1, oldest_unacked_at: null, drained_at: 5, files: 3, unknown_entries: {},
  bad_lines: 0, kept_bytes: 0, gaps: [], problems: [], version: '1.0.0', clock: 0,
};

describe('a conversation with an agent', () => {
  it('welcomes with proof of the collector’s key over the agent’s nonce', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    const welcome = await agent.frame('welcome');
    const verified = await verifyCollectorToken(welcome.token, {
      collectorId: machine.collectorId, machineId: machine.machineId, nonce: 'n'.repeat(22), publicKey: machine.collectorKey,
    });
    expect(verified.ok).toBe(true);
    expect(welcome).toMatchObject({ settled: true, protocol: 1, limits: { batchEvents: 500 } });
  });

  it('acknowledges a batch once its events are in the database', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    expect(await agent.frame('ack')).toMatchObject({ seq: 1, verdicts: 's', refused: [] });
    expect(storedEvents(collector)).toBe(1);
    expect(collector.links.get(machine.machineId)).toMatchObject({ connected: true, stored: 1, lastEventAtMs: Date.UTC(2026, 0, 5, 11) });
  });

  it('sends its ledger where the digests differ, and none where they agree', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const first = await connected(collector, machine);
    first.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    await first.frame('ack');
    const second = await connected(collector, machine);
    expect(await second.frame('welcome')).toMatchObject({ settled: false });
    expect(await second.frame('ledger')).toEqual({ type: 'ledger', positions: [[GEN, 100, hashBytes(Buffer.of(1))]], last: true });
    const third = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
    third.hello({ positions_digest: positionsDigest([[GEN, 100]]) });
    expect(await third.frame('welcome')).toMatchObject({ settled: true });
    expect(third.frames.some(({ type }) => type === 'ledger')).toBe(false);
  });

  it('refuses events of another machine and takes the rest', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    const foreign = paneFocus('11111111-1111-4111-8111-111111111111', '2026-01-05T11:00:00.000Z');
    agent.send(batchOf(1, [foreign, paneFocus(machine.machineId, '2026-01-05T11:00:01.000Z')]));
    expect(await agent.frame('ack')).toMatchObject({ verdicts: 'rs', refused: [{ index: 0, code: 'foreign_machine' }] });
  });

  it('asks back for bytes that are missing before a batch', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')], { from: 50 }));
    expect(await agent.frame('rewind')).toEqual({ type: 'rewind', seq: 1, gen: GEN, to: 0 });
    expect(storedEvents(collector)).toBe(0);
  });

  it('drops closed generations from the ledger', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    agent.send(batchOf(1, []));
    await agent.frame('ack');
    agent.send(JSON.stringify({ type: 'closed', gens: [GEN] }));
    agent.send(JSON.stringify({ type: 'probe', id: 'p', hops: [{ name: 'agent', at: 1 }] }));
    expect((await agent.frame('probe')).hops.map(({ name }) => name)).toEqual(['agent', 'collector', 'store']);
    expect(await collector.writer.call('ledger', machine.machineId)).toEqual([]);
  });

  it('keeps the last status of an agent, with its clock offset, also when it has gone', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    const heard = new Promise<void>((resolve) => {
      collector.links.onChange((id) => id === machine.machineId && collector.links.get(id)?.status && resolve());
    });
    agent.send(JSON.stringify({ ...STATUS, clock: collector.clock.now() + 7000 }));
    await heard;
    expect(collector.links.get(machine.machineId)).toMatchObject({ clockOffsetMs: 7000, status: { files: 3 }, connected: true });
    const gone = new Promise<void>((resolve) => {
      collector.links.onChange((id) => collector.links.get(id)?.connected === false && resolve());
    });
    agent.terminate();
    await gone;
    expect(collector.links.get(machine.machineId)).toMatchObject({ connected: false, status: { files: 3 }, problem: null });
  });

  it('stores the gaps of a status, once', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    const gap = { gen: GEN, path: '/log.jsonl', from: 5, to: 9, t_from: '', t_to: '', reason: 'truncated' };
    agent.send(JSON.stringify({ ...STATUS, gaps: [gap] }));
    agent.send(JSON.stringify({ ...STATUS, gaps: [gap] }));
    agent.send(JSON.stringify({ type: 'probe', id: 'p', hops: [] }));
    await agent.frame('probe');
    const database = openReader(collector.database);
    expect(database.prepare('SELECT from_offset, to_offset, reason FROM gap').all()).toEqual([{ from_offset: 5, to_offset: 9, reason: 'truncated' }]);
    database.close();
  });
});

describe('one machine twice', () => {
  it('lets a newer connection of the same instance take over', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const older = await connected(collector, machine);
    await connected(collector, machine);
    expect((await older.close()).code).toBe(4408);
    expect(collector.links.get(machine.machineId)?.connected).toBe(true);
  });

  it('turns a newer instance away while the older one answers', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const older = await connected(collector, machine, 'one');
    const newer = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine, { instance: 'two' }));
    newer.hello({ instance: 'two' });
    expect(await newer.frame('goodbye')).toMatchObject({ code: 'clone_suspected' });
    expect((await newer.close()).code).toBe(4409);
    expect(older.closed).toBeUndefined();
    expect(collector.links.get(machine.machineId)).toMatchObject({ connected: true, problem: { code: 'clone_suspected' } });
  });
});

describe('the end of a connection', () => {
  it('tells a connected machine at once that it was revoked', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    collector.registry.revoke('devbox', collector.clock.now());
    expect(await agent.frame('goodbye')).toMatchObject({ code: 'revoked' });
    expect((await agent.close()).code).toBe(4403);
  });

  it.each(['revoke', 'retire'] as const)('proves itself before it turns a machine away after %s', async (ban) => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    collector.registry[ban]('devbox', collector.clock.now());
    const agent = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
    agent.hello();
    const welcome = await agent.frame('welcome');
    const expected = { collectorId: machine.collectorId, machineId: machine.machineId, nonce: 'n'.repeat(22), publicKey: machine.collectorKey };
    expect((await verifyCollectorToken(welcome.token, expected)).ok).toBe(true);
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    expect((await agent.frame('goodbye')).code).toBe(ban === 'revoke' ? 'revoked' : 'retired');
    await agent.close();
    expect(storedEvents(collector)).toBe(0);
  });

  it('answers everything that was handed over before it stops, and says so', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    agent.send(batchOf(1, [paneFocus(machine.machineId, '2026-01-05T11:00:00.000Z')]));
    await agent.frame('ack');
    await collector.ingest.drain();
    await collector.ingest.close();
    expect((await agent.close()).code).toBe(1001);
    expect(await agent.frame('goodbye')).toMatchObject({ code: 'shutting_down' });
    await expect(fetch(`${collector.url}/healthz`)).rejects.toThrow('fetch failed');
  });

  it('asks a connected agent for everything again', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const agent = await connected(collector, machine);
    expect(collector.ingest.rewind(machine.machineId, [GEN])).toBe(true);
    expect(await agent.frame('rewind')).toEqual({ type: 'rewind', seq: null, gen: GEN, to: 0 });
  });

  it('asks for what is to be replaced at every connect, from where it was left, until all of it came', async () => {
    await using collector = await openIngest();
    const machine = await joined(collector);
    const first = await connected(collector, machine);
    first.send(batchOf(1, [], { to: 50 }));
    await first.frame('ack');
    expect(await collector.writer.call('wantReplacement', machine.machineId)).toEqual({ files: 1 });
    expect(await collector.ingest.askForReplacements(machine.machineId)).toBe(true);
    expect(await first.frame('rewind')).toEqual({ type: 'rewind', seq: null, gen: GEN, to: 0, replace: true });
    first.send(batchOf(2, [], { from: 0, to: 20, entries: [] }));
    await first.acked(2);
    first.terminate();
    await first.close();
    const second = await connected(collector, machine);
    expect(await second.frame('rewind')).toEqual({ type: 'rewind', seq: null, gen: GEN, to: 20, replace: true });
    second.send(batchOf(1, [], { from: 20, to: 50, entries: [] }));
    await second.acked(1);
    expect(await collector.writer.call('wantedReplacements', machine.machineId)).toEqual([]);
  });
});
