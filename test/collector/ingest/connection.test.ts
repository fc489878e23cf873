import { describe, expect, it } from 'vitest';
import { AgentConnection, UNANSWERED_LIMIT_BYTES, UNREAD_LIMIT_BYTES, type ConnectionDeps } from '../../../collector/ingest/connection.ts';
import { createConnections } from '../../../collector/ingest/connections.ts';
import { createMachineLinks } from '../../../collector/ingest/machine-links.ts';
import { ledgerFrames } from '../../../collector/ingest/welcome.ts';
import type { BatchJob } from '../../../collector/writer/messages.ts';
import type { EnrolledMachine } from '../../../collector/enrolment/machine-registry.ts';
import { parseCollectorId, toInstanceId } from '../../../shared/ids.ts';
import { LEDGER_FRAME_BYTES } from '../../../shared/limits.ts';
import { silentLog } from '../../../shared/log.ts';
import { encodeFrame } from '../../../shared/protocol/codec.ts';
import type { CollectorFrame, Position } from '../../../shared/protocol/frames.ts';
import { positionsDigest } from '../../../shared/protocol/positions.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { parseTimestamp } from '../../../shared/timestamp.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { batchOf, machineId, paneFocus } from '../../support/scripted-agent.ts';

interface Wire {
  connection: AgentConnection;
  clock: ManualClock;
  jobs: BatchJob[];
  sent: CollectorFrame[];
  closes: number[];
  cuts: () => number;
  pings: () => number;
  backUp(bytes: number): void;
}

/** A connection whose socket is a list and whose writer never answers. */
async function wired(archive?: ConnectionDeps['archive']): Promise<Wire> {
  const clock = new ManualClock();
  const jobs: BatchJob[] = [];
  const sent: CollectorFrame[] = [];
  const closes: number[] = [];
  let cuts = 0;
  let pings = 0;
  let bufferedBytes = 0;
  const enrolledAt = parseTimestamp('2026-01-01T00:00:00.000Z');
  const collectorId = parseCollectorId('22222222-2222-4222-8222-222222222222');
  if (!enrolledAt || !collectorId) throw new Error('malformed');
  const machine: EnrolledMachine = { machineId: machineId(), label: 'devbox', publicKey: '', enrolledAt, retiredAt: null, revokedAt: null, joinedBy: null, sshHost: null, syncHost: null, archive: false };
  const call = ((method: string) => (method === 'ledger' ? Promise.resolve([]) : new Promise(() => {}))) as ConnectionDeps['writer']['call'];
  const connection = new AgentConnection(7, {
    send: (data) => {
      sent.push(JSON.parse(String(data)) as CollectorFrame);
      return true;
    },
    get bufferedBytes() {
      return bufferedBytes;
    },
    ping: () => (pings += 1),
    close: (code) => closes.push(code),
    terminate: () => (cuts += 1),
  }, { ok: true, machine, instance: toInstanceId('one'), endpoint: 'http://127.0.0.1:7071' }, {
    clock, log: silentLog, identity: { collectorId, keys: await createKeyPair() }, writer: { send: (job) => jobs.push(job), call },
    connections: createConnections(), links: createMachineLinks(clock), onBroken: () => {}, onClosed: () => {},
    ...(archive ? { archive } : {}),
  });
  return { connection, clock, jobs, sent, closes, cuts: () => cuts, pings: () => pings, backUp: (bytes) => (bufferedBytes = bytes) };
}

async function opened(capabilities: string[] = [], archive?: ConnectionDeps['archive']): Promise<Wire> {
  const wire = await wired(archive);
  wire.connection.onFrame(Buffer.from(encodeFrame({
    type: 'hello', protocol: 1, capabilities, version: '1', label: 'x', host: 'h', instance: 'one', nonce: 'n'.repeat(22),
    positions_digest: positionsDigest([]), clock: 0,
  })), false);
  while (!wire.sent.some(({ type }) => type === 'welcome')) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  return wire;
}

const BATCH = batchOf(1, [paneFocus('11111111-1111-4111-8111-111111111111', '2026-01-05T11:00:00.000Z')]);

describe('a connection of an agent that can archive', () => {
  function noted(): { archive: NonNullable<ConnectionDeps['archive']>; calls: string[] } {
    const calls: string[] = [];
    const archive: ConnectionDeps['archive'] = {
      open(_machine, send) {
        send({ type: 'archive', on: true, chunk_bytes: 1, window_bytes: 1 });
        return {
          offer: ({ seq }) => void calls.push(`offer ${seq}`), chunk: (frame) => (frame.length > 1 ? 'no chunk' : void calls.push('chunk')),
          audited: ({ seq }) => void calls.push(`audited ${seq}`), close: () => void calls.push('close'),
        };
      },
    };
    return { archive, calls };
  }

  it('is told what is wished, and passes on what it sends, until it goes or drains', async () => {
    const { archive, calls } = noted();
    const { connection, sent, closes } = await opened(['archive'], archive);
    expect(sent.at(-1)).toMatchObject({ type: 'archive', on: true });
    connection.onFrame(Buffer.from(encodeFrame({ type: 'offer', seq: 1, files: [] })), false);
    connection.onFrame(Buffer.of(2), true);
    connection.onFrame(Buffer.from(encodeFrame({ type: 'audited', seq: 3, hashes: [] })), false);
    connection.drain();
    connection.onFrame(Buffer.of(2), true);
    connection.onFrame(Buffer.from(encodeFrame({ type: 'offer', seq: 4, files: [] })), false);
    expect([calls, closes]).toEqual([['offer 1', 'chunk', 'audited 3'], []]);
    connection.onClose(1006, '');
    expect(calls.at(-1)).toBe('close');
  });

  it('ends where what it sends is no chunk', async () => {
    const { connection, closes } = await opened(['archive'], noted().archive);
    connection.onFrame(Buffer.of(2, 0), true);
    expect(closes).toEqual([4400]);
  });

  it('is one only by its capability: an older one is told nothing, and may send nothing of the kind', async () => {
    const { archive, calls } = noted();
    const { connection, sent, closes } = await opened([], archive);
    expect(sent.map(({ type }) => type)).not.toContain('archive');
    connection.onFrame(Buffer.of(2), true);
    expect([closes, calls]).toEqual([[4400], []]);
  });

  it('goes on with a collector that has no archive', async () => {
    const { connection, jobs, sent } = await opened(['archive']);
    connection.onFrame(Buffer.from(BATCH), false);
    expect([jobs.length, sent.map(({ type }) => type)]).toEqual([1, ['welcome']]);
  });
});

describe('a connection', () => {
  it('hands the bytes of a batch to the writer as they came, with who sent them', async () => {
    const { connection, jobs, clock } = await opened();
    connection.onFrame(Buffer.from(BATCH), false);
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({ connection: 7, lane: 'live', isCompressed: false, receivedAtMs: clock.now(), machine: { machineId: connection.machineId } });
    expect(Buffer.from(jobs[0]?.bytes ?? new ArrayBuffer(0)).toString()).toBe(BATCH);
  });

  it('ends when more is unanswered than twice the window, and counts answers', async () => {
    const { connection, jobs, closes } = await opened();
    const large = Buffer.from(BATCH + ' '.repeat(1_000_000));
    const fits = Math.floor(UNANSWERED_LIMIT_BYTES / large.length);
    for (let i = 0; i < fits; i++) connection.onFrame(large, false);
    connection.answered(large.length);
    connection.onFrame(large, false);
    expect(jobs).toHaveLength(fits + 1);
    expect(closes).toEqual([]);
    connection.onFrame(large, false);
    expect(closes).toEqual([4400]);
    expect(jobs).toHaveLength(fits + 1);
  });

  it('cuts a peer that does not read its answers', async () => {
    const { connection, backUp, cuts } = await opened();
    backUp(UNREAD_LIMIT_BYTES + 1);
    connection.answer('{"type":"ack"}');
    expect(cuts()).toBe(1);
  });

  it('takes no batch once it drains, and still passes answers on', async () => {
    const { connection, jobs, sent } = await opened();
    connection.onFrame(Buffer.from(BATCH), false);
    connection.drain();
    connection.onFrame(Buffer.from(BATCH), false);
    connection.answer('{"type":"ack","seq":1}');
    expect(jobs).toHaveLength(1);
    expect(sent.at(-1)).toEqual({ type: 'ack', seq: 1 });
  });

  it('gives up a peer that is silent for 40 s', async () => {
    const { clock, cuts, pings } = await opened();
    clock.advance(39_999);
    expect([pings(), cuts()]).toEqual([2, 0]);
    clock.advance(1);
    expect(cuts()).toBe(1);
  });

  it('cuts a peer that does not close its end after a goodbye', async () => {
    const { connection, clock, sent, closes, cuts } = await opened();
    connection.goodbye('revoked', 'gone');
    connection.goodbye('retired', 'only the first counts');
    expect(sent.filter(({ type }) => type === 'goodbye')).toEqual([{ type: 'goodbye', code: 'revoked', hint: 'gone' }]);
    expect(closes).toEqual([4403]);
    clock.advance(2000);
    expect(cuts()).toBe(1);
  });

  it('does not ask an agent for a replacement that it cannot make', async () => {
    const { connection, sent } = await opened();
    expect(await connection.askForReplacements()).toBe(false);
    expect(connection.rewind(['a'.repeat(32)])).toBe(true);
    expect(sent.at(-1)).toEqual({ type: 'rewind', seq: null, gen: 'a'.repeat(32), to: 0 });
  });

  it('leaves no timer behind', async () => {
    const { connection, clock } = await opened();
    connection.goodbye('shutting_down', 'stopping');
    connection.onClose(1001, '');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a ledger', () => {
  it('goes in frames of at most 256 KiB, the last of which says so', () => {
    const positions = Array.from({ length: 10_000 }, (_, i): Position => [i.toString(16).padStart(32, '0'), 2 ** 52 + i, 'f'.repeat(16)]);
    const frames = ledgerFrames(positions);
    expect(frames.length).toBeGreaterThan(1);
    expect(frames.flatMap((frame) => frame.positions)).toEqual(positions);
    expect(frames.map(({ last }) => last)).toEqual([...frames.slice(1).map(() => false), true]);
    expect(Math.max(...frames.map((frame) => encodeFrame(frame).length))).toBeLessThanOrEqual(LEDGER_FRAME_BYTES);
  });

  it('is one frame when it is empty', () => {
    expect(ledgerFrames([])).toEqual([{ type: 'ledger', positions: [], last: true }]);
  });
});
