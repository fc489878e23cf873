import { describe, expect, it } from 'vitest';
import { createUplink, type AgentUplink, type UplinkDeps } from '../../../agent/uplink/uplink.ts';
import { TtError } from '../../../shared/errors.ts';
import { parseCollectorId, toInstanceId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import type { HelloFrame } from '../../../shared/protocol/frames.ts';
import { createKeyPair, signCollectorToken } from '../../../shared/protocol/tokens.ts';
import { WIRE_LIMITS } from '../../../shared/limits.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ModelCollector } from '../../support/model-collector.ts';
import { ModelFeed } from '../../support/model-feed.ts';
import { machineId } from '../../support/scripted-agent.ts';
import { createSocketPair, type SocketPair } from '../../support/socket-pair.ts';

const COLLECTOR = parseCollectorId('9f8e7d6c-5b4a-4938-a716-f5e4d3c2b1a0') ?? (() => { throw new Error('no ID'); })();

/** What the way to the collector does at each attempt. */
type Way = 'open' | 'down' | 'other_collector' | number;

class Stage {
  readonly clock = new ManualClock();
  readonly feed = new ModelFeed();
  readonly collector = new ModelCollector();
  readonly attempts: { at: number; endpoint: string }[] = [];
  way: Way = 'open';
  url = 'http://127.0.0.1:7071';
  endpoint: string | undefined;
  pair: SocketPair | undefined;
  uplink: AgentUplink;
  /** Between a challenge and the dialling that answers it: a signature takes real time, in which this clock stands still. */
  isSigning = false;

  private constructor(deps: Pick<UplinkDeps, 'credentials' | 'readUplink'>) {
    const { clock } = this;
    this.uplink = createUplink({
      clock, feed: this.feed, log: silentLog, ...deps,
      readEndpoint: () => this.endpoint,
      http: {
        send: (endpoint) => {
          this.attempts.push({ at: clock.monotonic(), endpoint: endpoint.url });
          if (this.way === 'down') return Promise.reject(new TtError('unreachable', 'nobody there', { hint: '' }));
          this.isSigning = this.way !== 'other_collector';
          const collector_id = this.way === 'other_collector' ? '00000000-0000-4000-8000-000000000000' : COLLECTOR;
          return Promise.resolve({ status: 200, body: { nonce: 'n', now: 0, collector_id } });
        },
      },
      dial: (_url, _options, { onOpen, onRefused }) => {
        this.isSigning = false;
        if (typeof this.way === 'number') onRefused({ status: this.way, message: '' });
        else {
          this.pair = createSocketPair(clock, { delayMs: () => 1 });
          this.pair.attach('collector', this.collector.accept(this.pair.collector));
          this.pair.attach('agent', onOpen(this.pair.agent));
        }
        return { abort() {} };
      },
    });
  }

  static async open({ signer }: { signer?: 'impostor' } = {}): Promise<Stage> {
    const [agentKeys, collectorKeys, otherKeys] = await Promise.all([createKeyPair(), createKeyPair(), createKeyPair()]);
    const identity = { machineId: machineId(), label: 'devbox' };
    const stage = new Stage({
      credentials: { identity, keys: agentKeys, instance: toInstanceId('i') },
      readUplink: () => ({ url: stage.url, collectorId: COLLECTOR, publicKey: collectorKeys.publicKey }),
    });
    stage.collector.onHello = (hello: HelloFrame) => {
      signCollectorToken(signer === 'impostor' ? otherKeys : collectorKeys, { collectorId: COLLECTOR, machineId: identity.machineId, nonce: hello.nonce })
        .then((token) => stage.collector.say({
          type: 'welcome', protocol: 1, capabilities: [], version: '', token, limits: { ...WIRE_LIMITS }, clock: 0, settled: true,
        }), () => {});
    };
    return stage;
  }

  /** Lets time pass until `done`; keys and signatures take real time, which is awaited and not slept for. */
  async until(done: () => boolean, stepMs = 1, limitMs = 1_000_000): Promise<void> {
    for (let passed = 0; !done();) {
      if (passed > limitMs) throw new Error(`not within ${limitMs} ms`);
      if (!this.isSigning) {
        this.clock.advance(stepMs);
        passed += stepMs;
      }
      for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lets time pass until the promise is settled. */
  async outcome<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.until(() => isSettled);
    return promise;
  }

  gaps(): number[] {
    return this.attempts.slice(1).map(({ at }, index) => at - (this.attempts[index]?.at ?? 0));
  }
}

describe('the uplink', () => {
  it('connects, sends, and comes back after a cut', async () => {
    const stage = await Stage.open();
    stage.feed.add('a', 'live', 3);
    const running = stage.uplink.run();
    await stage.until(() => stage.feed.isDrained);
    expect(stage.uplink.status()).toEqual({ connected: true, endpoint: stage.url, problem: null });
    stage.pair?.cut();
    await stage.until(() => stage.attempts.length === 2 && stage.uplink.status().connected);
    // The first retry after a connection that worked comes within half a second.
    expect(stage.gaps()[0]).toBeLessThan(1000);
    await stage.outcome(stage.uplink.close(5000));
    expect(await running).toEqual({ kind: 'stopped' });
  });

  it('waits up to 10 s between attempts while nobody answers, with chance in it', async () => {
    const stage = await Stage.open();
    stage.way = 'down';
    stage.uplink.run().catch(() => {});
    await stage.until(() => stage.attempts.length > 30, 50);
    const gaps = stage.gaps();
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_050);
    expect(Math.max(...gaps)).toBeGreaterThan(5000);
    expect(new Set(gaps).size).toBeGreaterThan(10);
    expect(stage.uplink.status()).toMatchObject({ connected: false, problem: 'nobody there' });
  });

  it.each<[Way, RegExp]>([[401, /refuses this machine's token/], [404, /does not know this machine/], ['other_collector', /another collector/]])(
    'tries every three minutes after %s twice, and says why',
    async (way, problem) => {
      const stage = await Stage.open();
      stage.way = way;
      stage.uplink.run().catch(() => {});
      await stage.until(() => stage.attempts.length === 4, 100);
      const [first = 0, second = 0, third = 0] = stage.gaps();
      expect(first).toBeLessThan(30_000);
      expect([second, third].every((gap) => gap >= 180_000 && gap < 210_000)).toBe(true);
      expect(stage.uplink.status().problem).toMatch(problem);
    },
  );

  it('says nothing to an impostor, and shows it', async () => {
    const stage = await Stage.open({ signer: 'impostor' });
    stage.feed.add('a', 'live', 3);
    stage.uplink.run().catch(() => {});
    await stage.until(() => stage.uplink.status().problem !== null);
    expect(stage.uplink.status().problem).toMatch(/could not prove/);
    expect(stage.collector.small.map(({ type }) => type)).toEqual(['hello']);
    expect(stage.collector.batches).toEqual([]);
  });

  it('connects by a new endpoint at once, also out of a long wait', async () => {
    const stage = await Stage.open();
    stage.way = 404;
    stage.uplink.run().catch(() => {});
    await stage.until(() => stage.attempts.length === 3, 100);
    stage.way = 'open';
    stage.endpoint = 'tt+unix:///run/x.sock';
    const at = stage.clock.monotonic();
    stage.uplink.endpointChanged();
    await stage.until(() => stage.uplink.status().connected);
    expect(stage.clock.monotonic() - at).toBeLessThan(1000);
    expect(stage.uplink.status()).toMatchObject({ endpoint: 'tt+unix:///run/x.sock', problem: null });
    stage.endpoint = undefined;
    stage.uplink.endpointChanged();
    await stage.until(() => stage.uplink.status().endpoint === stage.url && stage.uplink.status().connected);
  });

  it('tries at once after waking up', async () => {
    const stage = await Stage.open();
    stage.way = 404;
    stage.uplink.run().catch(() => {});
    await stage.until(() => stage.attempts.length === 2, 100);
    stage.uplink.wokeUp();
    await stage.until(() => stage.attempts.length === 3);
    expect(stage.gaps()[1]).toBeLessThan(30_000);
  });

  it('ends for good when a proven collector says revoked', async () => {
    const stage = await Stage.open();
    const running = stage.uplink.run();
    await stage.until(() => stage.uplink.status().connected);
    stage.collector.say({ type: 'goodbye', code: 'revoked', hint: 'ask the owner' });
    const arrival = stage.clock.monotonic() + 5;
    await stage.until(() => stage.clock.monotonic() > arrival);
    stage.pair?.cut();
    expect(await stage.outcome(running)).toEqual({ kind: 'banned', code: 'revoked', hint: 'ask the owner' });
  });

  it('stops at once when abandoned, whatever is in flight', async () => {
    const stage = await Stage.open();
    stage.feed.add('a', 'live', 3);
    stage.collector.mischief = { onBatch: () => 'ignore', onAnswer: () => 'once' };
    const running = stage.uplink.run();
    await stage.until(() => stage.collector.batches.length > 0);
    const closing = stage.uplink.close(5000);
    stage.uplink.abandon();
    const at = stage.clock.monotonic();
    await stage.outcome(Promise.all([closing, running]));
    expect(stage.clock.monotonic() - at).toBeLessThan(100);
    expect(stage.feed.files[0]?.acknowledged).toBe(0);
  });

  it('waits no longer than it was told for acks that do not come', async () => {
    const stage = await Stage.open();
    stage.feed.add('a', 'live', 3);
    stage.collector.mischief = { onBatch: () => 'ignore', onAnswer: () => 'once' };
    const running = stage.uplink.run();
    await stage.until(() => stage.collector.batches.length > 0);
    const at = stage.clock.monotonic();
    await stage.outcome(Promise.all([stage.uplink.close(5000), running]));
    expect(stage.clock.monotonic() - at).toBeGreaterThanOrEqual(5000);
    expect(stage.clock.monotonic() - at).toBeLessThan(5100);
  });
});
