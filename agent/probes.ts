/**
 * The agent's probes: a line in its own status log, timed when it was written,
 * read and sent, and when the collector's answer came back. The line is no event
 * and is sent like any other bytes, so an older collector stores nothing of it.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import type { Generation } from '../shared/ids.ts';
import { PROBE_LINE_TYPE, PROBE_TIMEOUT_MS, timeProbe, type NotedHop, type Probe } from '../shared/probe.ts';
import type { ProbeFrame } from '../shared/protocol/frames.ts';
import { printTimestamp } from '../shared/timestamp.ts';
import { appendLine } from './event-line.ts';
import type { SliceReceipt } from './feed.ts';

/** Where the line of a probe ends. */
export interface ProbePlace {
  id: string;
  gen: Generation;
  to: number;
}

export interface Probes {
  /** Sends one; resolves when it is back, or with how far it came within 8 s. */
  send(from: { machine: string; connected: boolean; problem: string | null }): Promise<Probe>;
  /** The collector asks for one. */
  asked(id: string): void;
  /** Its line was read. */
  read(place: ProbePlace): void;
  /** These left in a batch: the probes that go behind it. */
  sent(receipts: readonly SliceReceipt[]): ProbeFrame[];
  /** The collector's answer. */
  answered(frame: ProbeFrame): void;
  /** Nobody waits any more. */
  close(): void;
}

export interface ProbesDeps {
  clock: Pick<Clock, 'now' | 'after'>;
  statusLog: string;
}

/** Whoever may ask could otherwise fill a disk. */
const AT_ONCE = 16;

interface UnderWay {
  hops: NotedHop[];
  place: ProbePlace | undefined;
  /** Ends the waiting. */
  settle(): void;
}

export function createProbes({ clock, statusLog }: ProbesDeps): Probes {
  const underWay = new Map<string, UnderWay>();

  /** Throws what the file throws. */
  function start(id: string, hops: NotedHop[], onEnd: () => void): void {
    const cancel = clock.after(PROBE_TIMEOUT_MS, () => settle());
    const settle = (): void => {
      cancel();
      underWay.delete(id);
      onEnd();
    };
    underWay.set(id, { hops, place: undefined, settle });
    const startedAt = clock.now();
    appendLine(statusLog, `${JSON.stringify({ type: PROBE_LINE_TYPE, id, timestamp: printTimestamp(startedAt) })}\n`);
    hops.push({ name: 'file', at: clock.now() });
  }

  return {
    send({ machine, connected, problem }) {
      const id = randomUUID();
      const hops: NotedHop[] = [];
      const report = (why: string | null): Probe => timeProbe({ id, machine, hops, goal: 'back', problem: why });
      if (!connected) return Promise.resolve(report(problem ?? 'the agent is not connected'));
      if (underWay.size >= AT_ONCE) return Promise.resolve(report('too many probes are under way'));
      return new Promise((resolve) => {
        try {
          start(id, hops, () => resolve(report(null)));
        } catch (error) {
          underWay.get(id)?.settle();
          resolve(report(messageOf(error)));
        }
      });
    },
    asked(id) {
      if (underWay.size >= AT_ONCE || underWay.has(id)) return;
      try {
        start(id, [{ name: 'asked', at: clock.now() }], () => {});
      } catch {
        // Whoever asked hears nothing, and says so.
        underWay.get(id)?.settle();
      }
    },
    read(place) {
      const probe = underWay.get(place.id);
      if (probe === undefined || probe.place !== undefined) return;
      probe.place = place;
      probe.hops.push({ name: 'agent', at: clock.now() });
    },
    sent(receipts) {
      return [...underWay].flatMap(([id, { hops, place }]): ProbeFrame[] => {
        const isIn = place !== undefined && receipts.some(({ gen, from, to }) => gen === place.gen && from < place.to && place.to <= to);
        if (!isIn) return [];
        hops.splice(0, hops.length, ...hops.filter(({ name }) => name !== 'wire'), { name: 'wire', at: clock.now() });
        return [{ type: 'probe', id, line: { gen: place.gen, to: place.to }, hops }];
      });
    },
    answered({ id, hops }) {
      const probe = underWay.get(id);
      if (probe === undefined) return;
      probe.hops.splice(0, probe.hops.length, ...hops, { name: 'back', at: clock.now() });
      probe.settle();
    },
    close() {
      for (const probe of [...underWay.values()]) probe.settle();
    },
  };
}
