// What a bad way does at the worst moment: cut behind each frame, answers that never come, a peer that takes the connection and says nothing.
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../agent/uplink/http-client.ts';
import { parseEndpoint } from '../../../shared/protocol/endpoint.ts';
import { WIRE_LIMITS } from '../../../shared/limits.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { eventId } from '../../support/model-feed.ts';
import { createStage } from '../../support/uplink-stage.ts';

describe('a connection that is cut', () => {
  it('behind any frame of the exchange loses nothing and acknowledges nothing that is not stored', async () => {
    let behind = 0;
    for (let isOver = false; !isOver; behind += 1) {
      const { feed, collector, dial, pass } = createStage();
      feed.onCheckpoint = (gen, offset) => expect(offset).toBeLessThanOrEqual(collector.ledger.get(gen)?.offset ?? 0);
      const files = [feed.add('a', 'live', 3), feed.add('b', 'backfill', 5)];
      const link = dial();
      let frames = 0;
      // Either side's frames count: the cut falls behind what was sent, before it arrives.
      for (const side of [link.pair.agent, link.pair.collector]) {
        const send = side.send.bind(side);
        side.send = (data, options) => {
          const isSent = send(data, options);
          if (frames++ === behind) link.pair.cut();
          return isSent;
        };
      }
      for (let round = 0; round < 8; round += 1) {
        for (const file of files) feed.append(file, 2);
        await pass(15);
      }
      isOver = link.end === undefined;
      if (!isOver) dial();
      await pass(100);
      expect(feed.isDrained, `cut behind frame ${behind}`).toBe(true);
      for (const file of files) for (let line = 0; line < file.lines; line += 1) expect(collector.events).toContain(eventId(file.name, line, 0));
    }
    expect(behind).toBeGreaterThan(20);
  });
});

describe('a collector that accepts and never acknowledges', () => {
  it('is sent no more than its window holds, and nothing more is read', async () => {
    const { feed, collector, dial, pass } = createStage();
    feed.add('a', 'live', 40_000);
    feed.add('b', 'backfill', 40_000);
    collector.mischief = { onBatch: () => 'ignore', onAnswer: () => 'once' };
    dial();
    await pass(2000);
    const sent = collector.sizes.reduce((sum, size) => sum + size, 0);
    expect(sent).toBeGreaterThan(WIRE_LIMITS.liveWindowBytes / 2);
    expect(sent).toBeLessThan(WIRE_LIMITS.liveWindowBytes + WIRE_LIMITS.backfillWindowBytes + 2 * WIRE_LIMITS.batchBytes);
    const batches = collector.batches.length;
    await pass(30_000);
    expect(collector.batches).toHaveLength(batches);
    expect(feed.files.map(({ acknowledged }) => acknowledged)).toEqual([0, 0]);
  });
});

describe('a peer that takes the connection and says nothing', () => {
  it('is given up after 10 s', async () => {
    const heard = new Promise<AddressInfo>((resolve) => {
      const server = createServer((socket) => {
        socket.on('data', () => resolve(server.address() as AddressInfo));
        socket.on('close', () => server.close());
        socket.on('error', () => undefined);
      });
      server.listen(0, '127.0.0.1', () => ask((server.address() as AddressInfo).port));
    });
    const clock = new ManualClock();
    let answer: Promise<unknown> | undefined;
    const ask = (port: number): void => {
      answer = createHttpClient(clock).send(parseEndpoint(`http://127.0.0.1:${port}`), { method: 'GET', path: '/challenge' });
      answer.catch(() => undefined);
    };
    await heard;
    clock.advance(9999);
    clock.advance(1);
    await expect(answer).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('no answer within 10 s') as string });
  });
});
