/** Many agents in one process: the real uplink each, over a log that is only numbers. */
import { randomUUID } from 'node:crypto';
import { createHttpClient } from '../../agent/uplink/http-client.ts';
import { createUplink, type AgentUplink } from '../../agent/uplink/uplink.ts';
import { systemClock } from '../../shared/clock.ts';
import { toInstanceId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { dial } from '../../shared/protocol/web-socket.ts';
import type { JoinedMachine } from '../support/scripted-agent.ts';
import { until } from '../support/until.ts';
import { LineFeed } from './line-feed.ts';

export interface LoadAgent {
  readonly machine: JoinedMachine;
  readonly feed: LineFeed;
  readonly uplink: AgentUplink;
}

export interface LoadAgents {
  readonly all: readonly LoadAgent[];
  /** Ms from writing to acknowledgement, of every line since the last `forgetTimes`. */
  readonly latencies: readonly number[];
  /** When somebody asked for a challenge, the first step of every attempt; epoch ms. */
  readonly attempts: readonly number[];
  forgetTimes(): void;
  connected(): number;
  untilConnected(timeoutMs?: number): Promise<void>;
  /** Every agent writes so many lines a second, evenly, until told to stop. */
  writeAt(linesPerSecond: number): () => void;
  untilStored(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface LoadAgentsOptions {
  url: string;
  /** Agents started a second; all at once would be the storm that another part measures. */
  perSecond?: number;
}

export async function startAgents(machines: readonly JoinedMachine[], { url, perSecond = 500 }: LoadAgentsOptions): Promise<LoadAgents> {
  let latencies: number[] = [];
  let attempts: number[] = [];
  const startMs = Date.now();
  const http = createHttpClient(systemClock);
  const counted = { send: (...args: Parameters<typeof http.send>) => (attempts.push(Date.now()), http.send(...args)) };
  const start = (machine: JoinedMachine): LoadAgent => {
    const { machineId, label, keys, collectorId, collectorKey } = machine;
    const feed = new LineFeed({ machineId, startMs, now: () => performance.now(), onStored: (ms) => latencies.push(ms) });
    const uplink = createUplink({
      clock: systemClock, log: silentLog, feed, http: counted, dial,
      credentials: { identity: { machineId, label }, keys, instance: toInstanceId(randomUUID()) },
      readUplink: () => ({ url, collectorId, publicKey: collectorKey }),
      readEndpoint: () => undefined,
    });
    return { machine, feed, uplink };
  };
  const all = machines.map(start);
  const runs: Promise<unknown>[] = [];
  for (const [at, { uplink }] of all.entries()) {
    if (at > 0 && at % Math.max(1, Math.floor(perSecond / 20)) === 0) await systemClock.sleep(50);
    runs.push(uplink.run());
  }

  return {
    all,
    get latencies() {
      return latencies;
    },
    get attempts() {
      return attempts;
    },
    forgetTimes() {
      latencies = [];
      attempts = [];
    },
    connected: () => all.filter(({ uplink }) => uplink.status().connected).length,
    untilConnected: async (timeoutMs = 60_000) => {
      await until(`${all.length} agents to be connected`, () => all.every(({ uplink }) => uplink.status().connected) || notYet(all), { timeoutMs });
    },
    writeAt: (linesPerSecond) => writeEvenly(all, linesPerSecond),
    untilStored: async (timeoutMs = 60_000) => {
      await until('everything written to be acknowledged', () => all.every(({ feed }) => feed.acknowledged === feed.written) || notYet(all), { timeoutMs });
    },
    close: async () => {
      await Promise.all(all.map(({ uplink }) => uplink.close(2000)));
      await Promise.all(runs);
    },
  };
}

function notYet(all: readonly LoadAgent[]): never {
  const away = all.filter(({ uplink }) => !uplink.status().connected);
  const waiting = all.reduce((sum, { feed }) => sum + feed.written - feed.acknowledged, 0);
  throw new Error(`${away.length} of ${all.length} are not connected (${away[0]?.uplink.status().problem ?? 'no problem known'}), ${waiting} lines wait`);
}

/** Spread over the second, so that agents do not speak in chorus. */
function writeEvenly(all: readonly LoadAgent[], linesPerSecond: number): () => void {
  const startedAt = performance.now();
  const before = all.map(({ feed }) => feed.written);
  return systemClock.every(5, () => {
    const seconds = (performance.now() - startedAt) / 1000;
    for (const [at, { feed }] of all.entries()) {
      const due = Math.floor(seconds * linesPerSecond + at / all.length);
      feed.write((before[at] ?? 0) + due - feed.written);
    }
  });
}
