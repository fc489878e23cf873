/** One agent's connection to a model collector, over a pair of sockets in memory, on a clock that the test holds. */
import { UplinkConnection, type ConnectionEnd } from '../../agent/uplink/connection.ts';
import { silentLog } from '../../shared/log.ts';
import type { HelloFrame } from '../../shared/protocol/frames.ts';
import { positionsDigest } from '../../shared/protocol/positions.ts';
import { ManualClock } from './manual-clock.ts';
import { ModelCollector } from './model-collector.ts';
import { ModelFeed } from './model-feed.ts';
import { createSocketPair, type SocketPair } from './socket-pair.ts';

function helloOf(feed: ModelFeed): HelloFrame {
  return {
    type: 'hello', protocol: 1, capabilities: [], version: '1', label: 'l', host: 'h', instance: 'i', nonce: 'n',
    positions_digest: positionsDigest(feed.positions()), clock: 0,
  };
}

export interface Link {
  pair: SocketPair;
  connection: UplinkConnection;
  end: ConnectionEnd | undefined;
}

export interface Stage {
  clock: ManualClock;
  feed: ModelFeed;
  collector: ModelCollector;
  dial(delayMs?: () => number): Link;
  /** Moves time in small steps, letting promises settle in between. */
  pass(ms: number): Promise<void>;
}

export function createStage({ isImpostor = false } = {}): Stage {
  const clock = new ManualClock();
  const feed = new ModelFeed();
  const collector = new ModelCollector();
  let current: Link | undefined;
  feed.onWork(() => current?.connection.onWork());
  return {
    clock, feed, collector,
    dial(delayMs = () => 1) {
      feed.resync();
      const pair = createSocketPair(clock, { delayMs });
      pair.attach('collector', collector.accept(pair.collector));
      const connection = new UplinkConnection(pair.agent, {
        clock, feed, log: silentLog, onOpenChange() {},
        distrust: () => Promise.resolve(isImpostor ? 'the signature is another’s' : undefined),
      }, { hello: helloOf(feed), mayCompress: false });
      pair.attach('agent', connection);
      const link: Link = { pair, connection, end: undefined };
      connection.ended.then((end) => {
        link.end = end;
      }, () => {});
      current = link;
      return link;
    },
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 1) {
        clock.advance(1);
        await settled();
      }
    },
  };
}

/** Everything that waits for promises only. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
